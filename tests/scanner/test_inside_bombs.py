"""Containers that are weapons: whatever they claim, a row with a code, within bounds, and what came before is kept."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from container_files import flate, overlapping_zip, pdf, picture, put, seven_zipped, tarred, zipped

from scanner import Detector, ErrorCode, FileResult, Limits, Status, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.media.inside import budget
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind

INSIDE = Sampling(archives=True, documents=True)
BIG = 60 << 20


def candidate(path: Path) -> Candidate:
    return Candidate(str(path), encode_path(str(path)), MediaKind.UNKNOWN, explicit=True)


def scanned(path: Path, detector: Detector, limits: Limits | None = None) -> list[FileResult]:
    return list(SerialEngine(detector.looking_at(INSIDE), limits).results([candidate(path)]))


def codes(results: list[FileResult]) -> list[ErrorCode | None]:
    return [result.error for result in results]


def test_a_flat_bomb_costs_a_row(tmp_path: Path, detector: Detector) -> None:
    path = put(
        tmp_path / "a.zip",
        zipped([("ok.png", picture(1)), ("bomb.png", bytes(BIG)), ("behind.png", picture(2))]),
    )
    first, own = scanned(path, detector)
    assert first.status is Status.OK
    assert own.error is ErrorCode.TOO_MANY_BYTES and "200 times" in own.detail and own.members == 1


@pytest.mark.parametrize("way", ["gz", "bz2", "xz"])
def test_a_compressed_tar_that_never_ends_is_left(way: str, tmp_path: Path, detector: Detector) -> None:
    path = put(tmp_path / f"a.tar.{way}", tarred([("ok.png", picture(1)), ("bomb.bin", bytes(BIG))], way))
    first, own = scanned(path, detector)
    assert first.status is Status.OK and own.error is ErrorCode.TOO_MANY_BYTES


def test_entries_that_share_bytes_are_refused(tmp_path: Path, detector: Detector) -> None:
    path = put(tmp_path / "a.zip", overlapping_zip(200, 1 << 20))
    (own,) = scanned(path, detector)
    assert own.error is ErrorCode.CORRUPT_IMAGE


def test_a_nest_of_bombs_ends_at_its_depth_and_its_budget(tmp_path: Path, detector: Detector) -> None:
    """Like 42.zip: each level holds sixteen of the next."""
    level = zipped([("0.png", bytes(4 << 20))])
    for _ in range(4):
        level = zipped([(f"{number}.zip", level + bytes([number])) for number in range(16)])
    *inner, own = scanned(put(tmp_path / "42.zip", level), detector)
    assert own.status in (Status.ERROR, Status.SKIPPED)
    assert {one.error for one in inner} <= {ErrorCode.TOO_MANY_BYTES, ErrorCode.CONTAINER}
    assert any(one.error is ErrorCode.TOO_MANY_BYTES and "nested" in one.detail for one in inner)


def test_a_7z_bomb_is_left_where_it_gets_too_large(tmp_path: Path, detector: Detector) -> None:
    pytest.importorskip("py7zr")
    data = seven_zipped([("ok.png", picture(1)), ("bomb.png", bytes(BIG))])
    assert len(data) < 30_000
    first, own = scanned(put(tmp_path / "a.7z", data), detector)
    assert first.status is Status.OK and own.error is ErrorCode.TOO_MANY_BYTES


def test_lying_sizes_cost_the_member_alone(tmp_path: Path, detector: Detector) -> None:
    data = bytearray(zipped([("liar.png", picture(1)), ("ok.png", picture(2))]))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + place
        data[at : at + 4] = (20).to_bytes(4, "little")
    liar, sound, own = scanned(put(tmp_path / "a.zip", bytes(data)), detector)
    assert (liar.error, sound.error, own.error) == (ErrorCode.CORRUPT_IMAGE, None, ErrorCode.CONTAINER)


def test_a_member_over_the_limit_of_bytes_has_a_row(tmp_path: Path, detector: Detector) -> None:
    path = put(tmp_path / "a.zip", zipped([("a.png", picture(1)), ("b.bmp", picture(2, "BMP", (90, 90)))]))
    small, large, own = scanned(path, detector, Limits(max_bytes=2000))
    assert (small.error, large.error, own.error) == (None, ErrorCode.TOO_MANY_BYTES, ErrorCode.CONTAINER)


def test_too_many_members_keep_the_first(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MAX_MEMBERS", 3)
    path = put(tmp_path / "a.zip", zipped([(f"{number}.png", picture(number)) for number in range(5)]))
    results = scanned(path, detector)
    assert codes(results) == [None, None, None, ErrorCode.TOO_MANY_BYTES]


def test_the_time_to_list_members_is_bounded(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a.zip", zipped([(f"{number}.png", picture(number)) for number in range(5)]))
    monkeypatch.setattr("scanner.media.inside.listing._OF_CPU_TIME", 0.0)
    (own,) = scanned(path, detector)
    assert own.error is ErrorCode.DECODE_TIMEOUT and own.members == 0


def test_an_object_stream_of_a_pdf_that_unpacks_to_much_is_bounded(
    tmp_path: Path, detector: Detector
) -> None:
    pytest.importorskip("pypdfium2")
    packed = zlib.compress(bytes(BIG), 9)
    objects = [
        f"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {len(packed)} >>".encode()
        + b"\nstream\n"
        + packed
        + b"\nendstream"
    ]
    pages = [("FlateDecode", flate(bytes(30 * 40 * 3)), 40, 30), ("FlateDecode", packed, 60_000, 60_000)]
    path = put(tmp_path / "a.pdf", pdf(pages, objects))
    *members, own = LocalEngine(detector.looking_at(INSIDE), workers=1, batch_size=1).results(
        [candidate(path)]
    )
    assert members[0].status is Status.OK
    assert [one.error for one in members[1:]] == [ErrorCode.TOO_MANY_PIXELS]
    assert own.error is ErrorCode.CONTAINER


def test_a_crash_inside_costs_one_member(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanner.sandbox import launch

    wicked = """
import os, signal
from scanner.sandbox import worker
plain = worker.open_candidate
def open_candidate(candidate, reading):
    if candidate.name.endswith("crash.png"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return plain(candidate, reading)
worker.open_candidate = open_candidate
"""
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", wicked + "serve(**"))
    files = [("a.png", picture(1)), ("crash.png", picture(2)), *((f"{n}.png", picture(n)) for n in range(9))]
    path = put(tmp_path / "a.tar.gz", tarred(files, "gz"))
    results = list(
        LocalEngine(detector.looking_at(INSIDE), workers=2, batch_size=1).results([candidate(path)])
    )
    assert codes(results) == [None, ErrorCode.DECODE_CRASHED, *[None] * 9, ErrorCode.CONTAINER]
    assert results[1].container == results[-1].sha256 and results[1].member == 1


MAKERS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped([("a.png", picture(1)), ("in.zip", zipped([("b.jpg", picture(2, "JPEG"))]))]),
    "lzma.zip": lambda: zipped([("a.png", picture(1))], compression=zipfile.ZIP_LZMA),
    "tar": lambda: tarred([("a.png", picture(1)), ("b.jpg", picture(2, "JPEG"))]),
    "tar.gz": lambda: tarred([("a.png", picture(1)), ("b.jpg", picture(2, "JPEG"))], "gz"),
    "tar.xz": lambda: tarred([("a.png", picture(1)), ("b.jpg", picture(2, "JPEG"))], "xz"),
    "7z": lambda: seven_zipped([("a.png", picture(1)), ("b.jpg", picture(2, "JPEG"))]),
    "docx": lambda: zipped([("word/media/a.png", picture(1)), ("word/document.xml", b"<a/>")]),
    "pdf": lambda: pdf(
        [("DCTDecode", picture(3, "JPEG"), 40, 30), ("FlateDecode", flate(bytes(range(120)) * 30), 40, 30)]
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_500_damaged_containers_cost_rows_and_nothing_else(
    kind: str, tmp_path: Path, detector: Detector
) -> None:
    for extra, module in (("7z", "py7zr"), ("pdf", "pypdfium2")):
        if kind == extra:
            pytest.importorskip(module)
    chance, whole = random.Random(kind), MAKERS[kind]()
    paths = []
    for number in range(500):
        data = bytearray(whole[: chance.randint(1, len(whole))] if number % 4 == 0 else whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        paths.append(put(tmp_path / f"{number}.{kind}", bytes(data)))
    engine = LocalEngine(detector.looking_at(INSIDE), workers=2, batch_size=1, limits=Limits(cpu_seconds=20))
    own = [one for one in engine.results(map(candidate, paths)) if one.container is None]
    assert [one.path for one in own] == [encode_path(str(path)) for path in paths]
    assert sum(one.error is ErrorCode.DECODE_CRASHED for one in own) == 0


@pytest.mark.slow
def test_memory_stays_flat_whatever_an_archive_holds(tmp_path: Path, model: Path) -> None:
    """Of the run and its decoders, in a process of its own: 3,000 members two deep, and 600 of 60 kB."""
    noise = os.urandom(60_000)
    many = tarred((f"{number}.png", picture(number % 250)) for number in range(3_000))
    large = tarred((f"{number}.jpg", noise) for number in range(600))
    put(tmp_path / "in" / "many.tar.gz", many and tarred([("many.tar", many)], "gz"))
    put(tmp_path / "in" / "large.tar", large)
    program = """
import resource
from pathlib import Path
from scanner.cli import main
try:
    main()
finally:
    words = Path("/proc/self/status").read_text().split()
    mine = int(words[words.index("VmHWM:") + 1]) >> 10  # getrusage would tell the tests' own, from before the exec
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(mine, theirs, file=open("rss", "w"))
"""
    arguments = ["in", "--archives", "--model", str(model), "--out", "r.csv", "-q", "--workers", "2"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=tmp_path, check=False)
    assert done.returncode == 2
    run, decoder = map(int, (tmp_path / "rss").read_text().split())
    assert run < 400 and decoder < 400, "MiB"
    assert sum(1 for _ in (tmp_path / "r.csv").open()) == 1 + 3_000 + 1 + 1 + 600 + 1


def test_nothing_is_left_of_an_unpacked_stream(tmp_path: Path, detector: Detector) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(5):
        scanned(put(tmp_path / f"{number}.zip", zipped([("a.png", picture(number))])), detector)
    after = len(os.listdir("/proc/self/fd")) if before else 0
    assert after <= before + 1, "one container stays open, for the next member"
