"""What is inside archives and documents: a row for each, as if it lay beside them; names and order."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from container_files import flate, pdf, picture, put, seven_zipped, tarred, zipped
from PIL import Image

from scanner import Detector, ErrorCode, FileResult, Status, decode_path, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.results.sampling import FIRST_FRAMES, Sampling
from scanner.sources import Candidate, MediaKind

INSIDE = Sampling(archives=True, documents=True)
FILES = [
    ("a.png", picture(40)),
    ("dir/b.png", picture(90)),
    ("notes.txt", b"no row"),
    ("c.jpg", picture(200, "JPEG")),
]


def scanned(path: Path, detector: Detector, sampling: Sampling = INSIDE) -> list[FileResult]:
    one = Candidate(str(path), encode_path(str(path)), MediaKind.UNKNOWN, explicit=True)
    results = list(SerialEngine(detector.looking_at(sampling)).results([one]))
    with_decoders = LocalEngine(detector.looking_at(sampling), workers=2, batch_size=1)
    assert list(with_decoders.results([one])) == results
    return results


def names(results: list[FileResult], path: Path) -> list[str]:
    return [result.path.removeprefix(encode_path(str(path))) for result in results]


def alone(data: bytes, name: str, folder: Path, detector: Detector) -> FileResult:
    (found,) = scanned(put(folder / "alone" / name, data), detector)
    return found


WAYS: dict[str, Callable[[], bytes]] = {
    "x.zip": lambda: zipped(FILES),
    "x.tar": lambda: tarred(FILES),
    "x.tar.gz": lambda: tarred(FILES, "gz"),
    "x.tar.bz2": lambda: tarred(FILES, "bz2"),
    "x.tar.xz": lambda: tarred(FILES, "xz"),
    "x.7z": lambda: seven_zipped(FILES),
}


@pytest.mark.parametrize("name", WAYS)
def test_each_member_has_the_row_of_the_extracted_file(name: str, tmp_path: Path, detector: Detector) -> None:
    if name.endswith(".7z"):
        pytest.importorskip("py7zr")
    path = put(tmp_path / name, WAYS[name]())
    *members, own = scanned(path, detector)
    assert names(members, path) == ["!/a.png", "!/dir/b.png", "!/c.jpg"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for member, (file, data) in zip(members, [FILES[0], FILES[1], FILES[3]], strict=True):
        beside = alone(data, Path(file).name, tmp_path, detector)
        assert member.sha256 == beside.sha256 == hashlib.sha256(data).hexdigest()
        assert (member.findings, member.format, member.width) == (
            beside.findings,
            beside.format,
            beside.width,
        )
        assert member.container == digest and beside.container is None
    assert (own.status, own.error, own.sha256) == (Status.SKIPPED, ErrorCode.CONTAINER, digest)
    assert own.members == own.frames == 3 and own.error is not None and not own.error.is_error(strict=True)


def test_without_the_options_rows_are_those_of_before(tmp_path: Path, detector: Detector) -> None:
    for name, make in WAYS.items():
        if name.endswith(".7z"):
            continue
        (row,) = scanned(put(tmp_path / name, make()), detector, FIRST_FRAMES)
        assert (row.error, row.sha256, row.members) == (ErrorCode.UNSUPPORTED_MEDIA, None, None)
    (row,) = scanned(put(tmp_path / "a.docx", WAYS["x.zip"]()), detector, FIRST_FRAMES)
    assert (row.error, row.members) == (ErrorCode.NOT_AN_IMAGE, None)


def test_containers_in_containers_come_before_their_own_rows(tmp_path: Path, detector: Detector) -> None:
    third = zipped([("z.png", picture(10)), ("fourth.zip", zipped([("never.png", picture(11))]))])
    second = tarred([("y.png", picture(20)), ("third.zip", third)], "gz")
    path = put(
        tmp_path / "outer.zip",
        zipped([("x.png", picture(30)), ("second.tar.gz", second), ("w.png", picture(5))]),
    )
    results = scanned(path, detector)
    inner = "!/second.tar.gz!/third.zip"
    assert names(results, path) == [
        "!/x.png",
        "!/second.tar.gz!/y.png",
        f"{inner}!/z.png",
        f"{inner}!/fourth.zip",
        inner,
        "!/second.tar.gz",
        "!/w.png",
        "",
    ]
    codes = [
        None,
        None,
        None,
        ErrorCode.TOO_MANY_BYTES,
        *[ErrorCode.CONTAINER] * 2,
        None,
        ErrorCode.CONTAINER,
    ]
    assert [result.error for result in results] == codes
    assert results[4].sha256 == hashlib.sha256(third).hexdigest()
    assert decode_path(results[2].path).members == ("second.tar.gz", "third.zip", "z.png")


def test_documents_are_looked_at_where_they_keep_pictures(tmp_path: Path, detector: Detector) -> None:
    inside = [
        ("word/document.xml", b"<w/>"),
        ("word/media/image1.png", picture(60)),
        ("docProps/thumb.jpg", picture(9)),
    ]
    path = put(tmp_path / "a.docx", zipped(inside))
    assert names(scanned(path, detector), path) == ["!/word/media/image1.png", ""]
    path = put(
        tmp_path / "a.odt", zipped([("Pictures/1.png", picture(61)), ("Thumbnails/t.png", picture(9))])
    )
    assert names(scanned(path, detector), path) == ["!/Pictures/1.png", ""]
    path = put(tmp_path / "a.epub", zipped([("OEBPS/img/1.png", picture(62))]))
    assert names(scanned(path, detector), path) == ["!/OEBPS/img/1.png", ""]


def test_a_pdf_gives_its_jpegs_as_they_are_and_other_pictures_by_their_pixels(
    tmp_path: Path, detector: Detector
) -> None:
    pytest.importorskip("pypdfium2")
    jpeg, cmyk = picture(70, "JPEG"), io.BytesIO()
    Image.new("CMYK", (40, 30), (0, 0, 0, 90)).save(cmyk, "JPEG")
    rows = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    jpx = io.BytesIO()
    Image.fromarray(rows).save(jpx, "JPEG2000")
    pages = [
        ("DCTDecode", jpeg, 40, 30),
        ("FlateDecode", flate(rows.tobytes()), 40, 30),
        ("CMYK", cmyk.getvalue(), 40, 30),
        ("DCTDecode", jpeg, 40, 30),
        ("JPXDecode", jpx.getvalue(), 40, 30),
    ]
    path = put(tmp_path / "a.pdf", pdf(pages))
    *members, own = scanned(path, detector)
    assert own.error is ErrorCode.CONTAINER
    found = {result.path.partition("!/")[2]: result for result in members}
    assert list(found) == [
        "page-1/image-1.jpg",
        "page-2/image-1.bmp",
        "page-3/image-1.jpg",
        "page-5/image-1.bmp",
    ]
    assert found["page-1/image-1.jpg"].sha256 == hashlib.sha256(jpeg).hexdigest()
    assert found["page-3/image-1.jpg"].sha256 == hashlib.sha256(cmyk.getvalue()).hexdigest()
    pixels = io.BytesIO()
    Image.fromarray(rows).save(pixels, "BMP")
    for page in (2, 5):
        assert found[f"page-{page}/image-1.bmp"].sha256 == hashlib.sha256(pixels.getvalue()).hexdigest()


WICKED = [
    "../../up.png",
    "/etc/abs.png",
    "nul\0.png",
    "in!/side.png",
    "back\\slash.png",
    "=cmd.png",
    "a.png",
    "a.png",
]


def test_names_are_told_and_never_followed(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(os.listdir(tmp_path))
    files = [(name, picture(number + 1)) for number, name in enumerate(WICKED)]
    path = put(tmp_path / "x!" / "wicked.tar", tarred([one for one in files if "\0" not in one[0]]))
    results = scanned(path, detector)
    assert [decode_path(one.path).members for one in results[:-1]] == [
        (name,) for name, _ in files if "\0" not in name
    ]
    assert all(str(decode_path(one.path)) == str(path) for one in results), (
        "a folder that ends in ! is no container"
    )
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "x!"])
    # Of two members of one name, each is itself.
    assert results[-2].sha256 == hashlib.sha256(files[-1][1]).hexdigest() != results[-3].sha256


def test_names_that_are_not_utf8_come_back(tmp_path: Path, detector: Detector) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    path = put(tmp_path / "a.tar", tarred([(name, picture(1))]))
    member, _ = scanned(path, detector)
    assert member.path.endswith("!/caf\\xe9.png")
    assert os.fsencode(decode_path(member.path).members[0]) == b"caf\xe9.png"
    data = zipped([("caf?.png", picture(1))]).replace(b"caf?", b"caf\xe9")
    member, _ = scanned(put(tmp_path / "a.zip", data), detector)
    assert os.fsencode(decode_path(member.path).members[0]) == b"caf\xe9.png"


def test_what_needs_a_password_says_so_and_the_rest_is_read(tmp_path: Path, detector: Detector) -> None:
    data = bytearray(zipped([("secret.png", picture(1)), ("open.png", picture(2))]))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + place] |= 1
    secret, open_, own = scanned(put(tmp_path / "a.zip", bytes(data)), detector)
    assert (secret.status, secret.error) == (Status.ERROR, ErrorCode.ENCRYPTED)
    assert open_.status is Status.OK and own.error is ErrorCode.CONTAINER
    pytest.importorskip("py7zr")
    (own,) = scanned(put(tmp_path / "a.7z", seven_zipped([("a.png", picture(1))], "word")), detector)
    assert own.error is ErrorCode.ENCRYPTED


def test_what_is_cut_off_keeps_what_came_before(tmp_path: Path, detector: Detector) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (60, 60, 3), np.uint8)
    large = io.BytesIO()
    Image.fromarray(noise).save(large, "PNG")
    data = tarred([("a.png", picture(1)), ("b.png", large.getvalue()), ("c.png", picture(2))])
    path = put(tmp_path / "a.tar", data[:4000])
    results = scanned(path, detector)
    assert names(results, path) == ["!/a.png", "!/b.png", ""]
    assert results[0].status is Status.OK
    assert [one.error for one in results[1:]] == [ErrorCode.CORRUPT_IMAGE] * 2


def test_a_compressed_file_that_is_no_tar_is_skipped(tmp_path: Path, detector: Detector) -> None:
    import gzip

    (own,) = scanned(put(tmp_path / "a.jpg.gz", gzip.compress(picture(1, "JPEG") * 9)), detector)
    assert own.error is ErrorCode.UNSUPPORTED_MEDIA and "no tar" in own.detail
