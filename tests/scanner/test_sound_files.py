"""Rows of sound files of unusual kinds: scored rightly, or an error that says what the file is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from bmp_files import BITFIELDS, bmp
from PIL import Image, PngImagePlugin
from tiff_files import Layout, samples_of, tiff

SIZE = (64, 64)
PICTURE = Image.linear_gradient("L").convert("RGB").resize(SIZE)


def png(**options: Any) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, "PNG", **options)
    return stream.getvalue()


def folder_of_unusual_kinds(folder: Path) -> None:
    workflow = PngImagePlugin.PngInfo()
    workflow.add_text("workflow", '{"n":1}' * 200_000, zip=True)
    deep = np.asarray(PICTURE).astype(np.uint16)
    rgb, planes = Layout(2, 16), Layout(2, 16, planar=2)
    files = {
        "plain.png": png(),
        "text.png": png(pnginfo=workflow),
        "profile.png": png(icc_profile=bytes(1_200_000)),
        "12-bit.jpg": imagecodecs.jpeg_encode(deep * 16, 90, bitspersample=12),
        "interleaved.tif": tiff(samples_of(rgb, *SIZE), rgb),
        "planes.tif": tiff(samples_of(planes, *SIZE), planes),
        "jpeg-xl.tif": tiff(samples_of(rgb, *SIZE), Layout(2, 16, tags={259: (3, (50002,))})),
        "bit-fields.bmp": bmp(bytes(8192), SIZE, 16, compression=BITFIELDS, masks=(0xF00, 0xF0, 0xF)),
        "cut-off.png": png()[:60],
    }
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_rows_say_what_files_are_and_no_sound_one_is_called_corrupt(here: Path, scan: Any) -> None:
    folder_of_unusual_kinds(here / "kinds")
    run = scan("kinds", "--out", "-", "-v")
    rows = {Path(row["path"]).name: row for row in run.rows}
    assert {name: row["error"] for name, row in rows.items()} == {
        "plain.png": "",
        "text.png": "",
        "profile.png": "",
        "12-bit.jpg": "unsupported_mode",
        "interleaved.tif": "",
        "planes.tif": "unsupported_mode",
        "jpeg-xl.tif": "unsupported_format",
        "bit-fields.bmp": "unsupported_mode",
        "cut-off.png": "corrupt_image",
    }
    assert rows["text.png"]["prob_fake"] == rows["profile.png"]["prob_fake"] == rows["plain.png"]["prob_fake"]
    assert rows["text.png"]["frames"] == "1"
    assert {(row["width"], row["height"]) for row in rows.values()} == {("64", "64")}
    kinds = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".bmp": "BMP"}
    assert all(row["format"] == kinds[Path(name).suffix] for name, row in rows.items())
    for words in ("12 bits a sample", "in planes", "compressed with JPEG XL", "bit fields"):
        (line,) = (line for line in run.err.splitlines() if words in line)
        assert "convert a copy" in line


def test_the_format_stands_in_the_row_as_soon_as_a_signature_was_known(here: Path, scan: Any) -> None:
    (here / "kinds").mkdir()
    for name, begin in (
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("b.jpg", b"\xff\xd8\xff\xe0"),
        ("c.gif", b"GIF89a"),
    ):
        (here / "kinds" / name).write_bytes(begin)
    rows = scan("kinds", "--out", "-").rows
    assert [(row["error"], row["format"], row["width"]) for row in rows] == [
        ("corrupt_image", "PNG", ""),
        ("corrupt_image", "JPEG", ""),
        ("corrupt_image", "GIF", ""),
    ]
