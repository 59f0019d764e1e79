"""Thousands of damaged, odd and hostile files in one scan: each has its row, with its own hash."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from scanner.results import ErrorCode

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "MPO")
FLIPS_PER_FORMAT = 620
CODES = {code.value for code in ErrorCode}
# What the machine and not the file may be to blame for must not come up here at all.
UNEXPECTED = {
    "not_found",
    "permission_denied",
    "not_a_file",
    "read_failed",
    "inference_failed",
    "out_of_memory",
}


def photo(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC).convert(mode)


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def truncated() -> Iterator[tuple[str, bytes]]:
    for format in FORMATS:
        whole = encoded(photo(), format)
        for percent in range(0, 100, 5):
            yield f"cut-{format}-{percent:02}.{format.lower()}", whole[: len(whole) * percent // 100]


def flipped() -> Iterator[tuple[str, bytes]]:
    rng = random.Random("flips")
    for format in FORMATS:
        whole = encoded(photo(), format)
        for number in range(FLIPS_PER_FORMAT):
            data = bytearray(whole)
            for _ in range(rng.choice((1, 1, 2, 5, 20))):
                # Headers say more than pixels do.
                place = rng.randrange(min(200, len(data)) if rng.random() < 0.5 else len(data))
                data[place] ^= 1 << rng.randrange(8)
            yield f"flip-{format}-{number:03}.{format.lower()}", bytes(data)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that say, or are, too many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    zeros = zlib.compress(bytes(7501) * 1000)
    yield (
        "bomb.png",
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zeros) + chunk(b"IEND", b""),
    )
    yield "bomb.gif", b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6) + (
        b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x4c\x01\x00;"
    )  # fmt: skip
    webp = bytearray(encoded(photo(), "WEBP", lossless=True))
    size = webp.index(b"VP8L") + 9
    webp[size : size + 4] = struct.pack("<I", 16_382 | 16_382 << 14)  # width - 1, height - 1, of 14 bits each
    yield "bomb.webp", bytes(webp)
    tags = [(256, 100_000), (257, 100_000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    yield "bomb.tiff", b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + entries + bytes(4)


def sound() -> Iterator[tuple[str, bytes]]:
    """Unusual pictures that have to be scored."""
    for format in FORMATS:
        yield f"plain.{format.lower()}", encoded(photo(), format)
        yield f"wrong-suffix-{format}.jpg", encoded(photo(), format)
    frames = [photo().rotate(angle) for angle in (0, 90, 180)]  # encoders join frames that are alike
    for format, name in (
        ("GIF", "gif"),
        ("WEBP", "webp"),
        ("PNG", "png"),
        ("TIFF", "tiff"),
        ("AVIF", "avif"),
    ):
        yield f"three-frames.{name}", encoded(frames[0], format, save_all=True, append_images=frames[1:])
    deep = Image.fromarray(np.arange(0, 60_000, 50, dtype=np.uint16).reshape(30, 40))
    yield "16-bit.png", encoded(deep, "PNG")
    yield "16-bit.tiff", encoded(deep, "TIFF")
    yield "cmyk.jpg", encoded(photo("CMYK"), "JPEG")
    yield "cmyk.tiff", encoded(photo("CMYK"), "TIFF")
    yield "one-bit.png", encoded(photo("1"), "PNG")
    for format in ("PNG", "GIF", "BMP", "TIFF"):
        yield f"palette.{format.lower()}", encoded(photo("P"), format)
    for format in ("PNG", "WEBP", "TIFF", "AVIF"):
        clear = photo("RGBA")
        clear.putalpha(photo("L"))
        yield f"alpha.{format.lower()}", encoded(clear, format)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}.jpg", encoded(photo(), "JPEG", exif=exif, icc_profile=profile)
    for size in ((1, 1), (1, 30_000), (30_000, 1)):
        yield f"size-{size[0]}x{size[1]}.png", encoded(photo(size=size), "PNG")
        yield f"size-{size[0]}x{size[1]}.jpg", encoded(photo(size=size), "JPEG")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files by name; ``in`` holds a folder for each kind."""
    root = tmp_path_factory.mktemp("corpus") / "in"
    files = {}
    makers: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (truncated, flipped, bombs, sound)
    for maker in makers:
        folder = root / maker.__name__
        folder.mkdir(parents=True)
        for name, data in maker():
            files[f"in/{maker.__name__}/{name}"] = folder / name
            (folder / name).write_bytes(data)
    return files


@pytest.mark.slow
def test_every_file_has_one_row_of_its_own(
    corpus: dict[str, Path], tmp_path: Path, shell: Any, rows_of: Any
) -> None:
    assert len(corpus) > 5000
    (tmp_path / "in").symlink_to(next(iter(corpus.values())).parents[1])
    run = shell("in", "--out", "r.csv", "--log-file", "log", "--max-decode-seconds", 10, timeout=300)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert run.code == 2 and "Traceback" not in run.err + log and "bug" not in run.err
    rows = rows_of(tmp_path / "r.csv")
    assert [row["path"] for row in rows] == sorted(corpus)
    for row in rows:
        data = corpus[row["path"]].read_bytes()
        # A flipped bit may make a video's beginning of a picture's; such files are not read.
        own = "" if row["status"] == "skipped" else hashlib.sha256(data).hexdigest()
        assert (int(row["bytes"]), row["sha256"]) == (len(data), own), row
        assert (row["status"] == "ok") == (row["error"] == "") == (row["prob_fake"] != "")
        assert row["error"] == "" or row["error"] in CODES - UNEXPECTED, row
        kind = row["path"].split("/")[1]
        if kind == "sound":
            assert row["status"] == "ok", row
        if kind == "bombs":
            assert row["error"] == "too_many_pixels", row
    by_kind = Counter((row["path"].split("/")[1], row["status"]) for row in rows)
    assert by_kind["flipped", "skipped"] < 50
    assert by_kind["truncated", "error"] > 100 and by_kind["flipped", "ok"] > 500
    assert {int(row["frames"]) for row in rows if "/three-frames" in row["path"]} == {3}
