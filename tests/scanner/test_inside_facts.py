"""A member says of itself what the extracted file says: every fact but where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from container_files import pdf, put, tarred, zipped
from heic_files import QUARTERS
from metadata_files import A1111, PHOTO, png_texts
from origin_files import XMP, XMP_UUID, box, saved
from PIL import Image

from scanner import Detector, FileResult
from scanner.engine.local import LocalEngine
from scanner.results import Declared
from scanner.results.credentials import TrustList, Verification
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind

INSIDE = Sampling(archives=True, documents=True)
SAYING: dict[str, tuple[Callable[[], bytes], Declared | None]] = {
    "generator.png": (png_texts(parameters=A1111), Declared.GENERATED),
    "camera.jpg": (lambda: PHOTO.in_format("JPEG"), Declared.CAMERA),
    "xmp.heic": (lambda: QUARTERS + box(b"uuid", XMP_UUID + XMP), Declared.GENERATED),
    "nothing.webp": (lambda: saved("WEBP"), None),
}


def looked_at(path: Path, detector: Detector) -> list[FileResult]:
    one = Candidate(str(path), str(path), MediaKind.UNKNOWN, explicit=True)
    return list(LocalEngine(detector, workers=1, batch_size=1).results([one]))


def extracted(member: FileResult, path: str) -> FileResult:
    """What a member's row would be if it were a file."""
    assert member.container is not None and member.member is not None
    return replace(member, path=path, container=None, member=None)


def compare(files: dict[str, bytes], folder: Path, detector: Detector) -> dict[str, FileResult]:
    """By name, in an archive, in an archive in it, and in a document."""
    inner = tarred([*files.items()], "gz")
    archive = put(folder / "a.zip", zipped([*files.items(), ("inner.tgz", inner)]))
    text = put(folder / "b.odt", zipped([(f"Pictures/{name}", data) for name, data in files.items()]))
    members = [one for path in (archive, text) for one in looked_at(path, detector) if one.member is not None]
    assert len(members) == 3 * len(files)
    alone = {}
    for name, data in files.items():
        path = put(folder / "alone" / name, data)
        (alone[name],) = looked_at(path, detector)
        found = [one for one in members if one.path.endswith(f"/{name}")]
        assert [extracted(one, str(path)) for one in found] == [alone[name]] * 3, name
    return alone


def test_facts_and_what_follows_from_them(tmp_path: Path, detector: Detector) -> None:
    files = {name: make() for name, (make, _) in SAYING.items() if name != "xmp.heic" or find_spec("pi_heif")}
    alone = compare(files, tmp_path, detector.looking_at(INSIDE))
    for name, result in alone.items():
        assert result.error is None and result.declared is SAYING[name][1], name


def test_manifests_that_are_checked(tmp_path: Path, detector: Detector) -> None:
    pytest.importorskip("c2pa")
    from signed_files import flipped, root, signed

    pem = root().pem
    trust = TrustList("t.pem", hashlib.sha256(pem.encode()).hexdigest(), "", 1, pem)
    checking = detector.looking_at(INSIDE).verifying(Verification("0.38.1", trust))
    files = {"intact.jpg": signed(), "changed.jpg": flipped(signed())}
    if find_spec("pi_heif"):
        files["intact.heic"] = signed("HEIC")
    alone = compare(files, tmp_path, checking)
    states = {name: one.credentials.state.value for name, one in alone.items() if one.credentials}
    expected = {"intact.jpg": "trusted", "changed.jpg": "invalid", "intact.heic": "trusted"}
    assert states == {name: expected[name] for name in files}
    assert {one.declared for one in alone.values()} == {Declared.GENERATED}
    assert all(one.error is None for one in alone.values())


def test_a_picture_in_a_pdf_keeps_its_manifest(tmp_path: Path, detector: Detector) -> None:
    """A JPEG is taken as the bytes that are embedded."""
    pytest.importorskip("pypdfium2")
    pytest.importorskip("c2pa")
    from signed_files import signed

    data = signed()
    path = put(tmp_path / "alone.jpg", data)
    width, height = Image.open(path).size
    document = put(tmp_path / "a.pdf", pdf([("DCTDecode", data, width, height)]))
    checking = detector.looking_at(INSIDE).verifying(Verification("0.38.1"))
    member, _ = looked_at(document, checking)
    (alone,) = looked_at(path, checking)
    assert extracted(member, str(path)) == alone and alone.declared is Declared.GENERATED
