"""From one file to pixels and facts, or to a failure with a code; never an exception."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.contract import InputSpec
from scanner.media import file as module
from scanner.media.extract import open_candidate
from scanner.media.limits import Limits
from scanner.media.opener import Opened, Reading
from scanner.results import ErrorCode, Stamp, Status
from scanner.results import result as results
from scanner.results.names import encode_path
from scanner.sources import Candidate, MediaKind


def decoded(path: Path | str, limits: Limits | None = None) -> Opened:
    name = os.fspath(path)
    candidate = Candidate(name, encode_path(name), MediaKind.UNKNOWN, explicit=True)
    return open_candidate(candidate, Reading(limits or Limits(), InputSpec()))


def failure(path: Path | str, limits: Limits | None = None) -> tuple[Status, ErrorCode | None]:
    found = decoded(path, limits)
    assert found.pictures == () and found.result.findings == ()
    return found.result.status, found.result.error


def test_a_picture_gives_pixels_and_facts(tmp_path: Path, grey: Callable[..., Path]) -> None:
    path = grey(tmp_path / "a.png", 90, (30, 20))
    found = decoded(path)
    assert found.pictures[0].pixels == bytes([90]) * (260 * 260 * 3)
    result = found.result
    assert (result.path, result.status, result.error) == (encode_path(str(path)), Status.OK, None)
    assert (result.format, result.width, result.height, result.frames) == ("PNG", 30, 20, 1)
    content = path.read_bytes()
    assert (result.bytes, result.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_content_says_what_a_file_is(tmp_path: Path, grey: Callable[..., Path]) -> None:
    path = grey(tmp_path / "film.mp4", 90)
    assert decoded(path).result.format == "PNG"


def test_frames_are_counted_and_the_first_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), value) for value in (10, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    found = decoded(tmp_path / "a.gif")
    assert found.result.frames == 3 and found.pictures[0].pixels == bytes([10]) * (260 * 260 * 3)


def test_width_and_height_are_as_stored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (4000, 3000)).save(tmp_path / "large.jpg")
    turned, large = (decoded(tmp_path / name).result for name in ("turned.jpg", "large.jpg"))
    assert (turned.width, turned.height) == (40, 20)
    assert (large.width, large.height) == (4000, 3000)


@pytest.mark.parametrize(
    ("name", "content", "status", "error"),
    [
        ("a.jpg", b"", Status.ERROR, ErrorCode.EMPTY_FILE),
        ("a.jpg", b"some text", Status.ERROR, ErrorCode.NOT_AN_IMAGE),
        ("a.txt", b"some text", Status.ERROR, ErrorCode.NOT_AN_IMAGE),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", Status.ERROR, ErrorCode.CORRUPT_IMAGE),
        (
            "a.jpg",
            b"\x00\x00\x00\x0cJXL \r\n\x87\n",
            Status.ERROR,
            ErrorCode.UNSUPPORTED_FORMAT,
        ),
        ("a.psb", b"nothing of the kind", Status.ERROR, ErrorCode.UNSUPPORTED_FORMAT),
        ("a.jpg", b"%PDF-1.7\n", Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA),
        ("a.zip", b"", Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA),
    ],
)
def test_what_is_no_picture_says_so(
    name: str, content: bytes, status: Status, error: ErrorCode, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert failure(tmp_path / name) == (status, error)
    assert decoded(tmp_path / name).result.bytes == len(content)


def test_skipped_media_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.mp4").open("wb") as stream:
        stream.write(b"\x00\x00\x00\x18ftypisom")
        stream.truncate(1 << 40)
    result = decoded(tmp_path / "a.mp4").result
    assert (result.status, result.bytes, result.sha256) == (Status.SKIPPED, 1 << 40, None)


def test_a_cut_off_picture_keeps_the_facts_of_its_header(tmp_path: Path, grey: Callable[..., Path]) -> None:
    whole = grey(tmp_path / "a.png", 90, (300, 200)).read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    result = decoded(tmp_path / "a.png").result
    assert (result.error, result.width, result.height) == (ErrorCode.CORRUPT_IMAGE, 300, 200)
    assert result.sha256 == hashlib.sha256(whole[: len(whole) // 2]).hexdigest()


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    os.mkfifo("fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        assert failure("fifo.jpg") == (Status.ERROR, ErrorCode.NOT_A_FILE)
        assert failure(tmp_path) == (Status.ERROR, ErrorCode.NOT_A_FILE)
        assert failure("/dev/null") == (Status.ERROR, ErrorCode.NOT_A_FILE)
        assert failure("socket.jpg") == (Status.ERROR, ErrorCode.READ_FAILED)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("nowhere")
    for path in (tmp_path / "a.jpg", tmp_path / "no.jpg", tmp_path / "a.jpg" / "b.jpg", "nul\0.jpg", ""):
        assert failure(path) == (Status.ERROR, ErrorCode.NOT_FOUND)


def test_permission_and_disk_errors_have_codes(
    tmp_path: Path, grey: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = grey(tmp_path / "a.png", 90)
    for error, code in (
        (PermissionError(13, "Permission denied"), ErrorCode.PERMISSION_DENIED),
        (OSError(5, "Input/output error"), ErrorCode.READ_FAILED),
        (MemoryError(), ErrorCode.OUT_OF_MEMORY),
    ):

        def refuse(*_: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(module.os, "fstat", refuse)
            assert failure(path) == (Status.ERROR, code)


def test_no_descriptor_is_leaked(tmp_path: Path, grey: Callable[..., Path]) -> None:
    grey(tmp_path / "a.png", 90)
    (tmp_path / "b.mp4").touch()
    listing = Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")
    before = len(os.listdir(listing))
    for path in (tmp_path, tmp_path / "a.png", tmp_path / "b.mp4", tmp_path / "c.png"):
        decoded(path)
    assert len(os.listdir(listing)) == before


def test_limits_on_bytes_and_pixels(tmp_path: Path, grey: Callable[..., Path]) -> None:
    path = grey(tmp_path / "a.png", 90, (30, 20))
    size = path.stat().st_size
    assert decoded(path, Limits(max_bytes=size, max_pixels=600)).result.status is Status.OK
    assert failure(path, Limits(max_bytes=size - 1)) == (Status.ERROR, ErrorCode.TOO_MANY_BYTES)
    assert failure(path, Limits(max_bytes=10)) == (Status.ERROR, ErrorCode.TOO_MANY_BYTES)
    assert failure(path, Limits(max_pixels=599)) == (Status.ERROR, ErrorCode.TOO_MANY_PIXELS)
    large = decoded(path, Limits(max_bytes=size - 1)).result
    assert (large.bytes, large.sha256) == (size, None)


def test_a_file_is_read_at_its_size_and_not_at_the_limit(tmp_path: Path, grey: Callable[..., Path]) -> None:
    path = grey(tmp_path / "a.png", 90)
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), before[1]))
    try:
        assert decoded(path).result.status is Status.OK
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_file_that_grew_since_it_was_measured_is_read_whole_up_to_the_limit(
    tmp_path: Path, grey: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = grey(tmp_path / "a.png", 90, (300, 200))
    real = os.fstat

    def smaller(descriptor: int) -> os.stat_result:
        known, fields = real(descriptor), list(real(descriptor))
        fields[6] = 5
        return os.stat_result(fields, {"st_mtime_ns": known.st_mtime_ns, "st_ctime_ns": known.st_ctime_ns})

    monkeypatch.setattr(module.os, "fstat", smaller)
    assert decoded(path).result.bytes == path.stat().st_size
    assert failure(path, Limits(max_bytes=600)) == (Status.ERROR, ErrorCode.TOO_MANY_BYTES)


def test_a_stamp_is_given_only_to_what_cannot_change_unseen(
    tmp_path: Path, grey: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = grey(tmp_path / "a.png", 90)
    changed = path.stat().st_ctime_ns

    def stamp_at(seconds: float) -> Stamp | None:
        monkeypatch.setattr(results.time, "time_ns", lambda: changed + int(seconds * 1e9))
        return decoded(path).result.stamp

    assert stamp_at(1.9) is None, "it could change again within the same tick of a clock"
    assert stamp_at(2.1) == Stamp.of(path.stat())
    assert stamp_at(-60) is None, "a time in the future"
    real = os.fstat
    looks = itertools.count()

    def growing(descriptor: int) -> os.stat_result:
        if next(looks) == 1:
            with path.open("ab") as stream:
                stream.write(b"more")
        return real(descriptor)

    monkeypatch.setattr(module.os, "fstat", growing)
    assert stamp_at(2.1) is None, "it changed while it was read"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_damaged_bytes_are_a_result_and_never_an_exception(kind: str, tmp_path: Path) -> None:
    random_ = random.Random(7)
    noise = np.random.default_rng(7).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    path = tmp_path / "a.img"
    Image.fromarray(noise).save(path, kind)
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole[: random_.choice([len(whole), random_.randrange(len(whole))])])
        for _ in range(random_.randrange(1, 9)):
            if damaged:
                # Mostly in the header, where the decoders' assumptions are.
                end = random_.choice([min(64, len(damaged)), len(damaged)])
                damaged[random_.randrange(end)] = random_.randrange(256)
        path.write_bytes(damaged)
        found = decoded(path)
        assert bool(found.pictures) == (found.result.status is Status.OK)
        assert (found.result.error is None) == (found.result.status is Status.OK)
