"""Reports of one mixed folder, byte for byte as recorded: moving code must not move a row.

What another version of a library may change is replaced by a word: the model's hash, versions, times, seconds.
``RECORD=1 pytest tests/scanner/test_recorded_reports.py`` records anew, on purpose only.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from models.support.release import tool_version

RECORDED = Path(__file__).parent / "recorded"
NAMES = (
    "report.csv",
    "report.findings.csv",
    "report.jsonl",
    "report.sarif",
    "report.xml",
    "report.html",
    "report.parquet",
    "report.run.json",
)


def bmp(grey: int, width: int = 8, height: int = 8) -> bytes:
    """Uncompressed, so that no library's compressor decides a hash; ``grey`` a multiple of 8 has an exact mean."""
    rows = bytes([grey]) * (width * 3 + -width * 3 % 4) * height
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54) + header + rows


def png(grey: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Stored and not deflated, for the same reason."""
    rows = (b"\0" + bytes([grey]) * 8) * 8
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    data = stored + struct.pack(">I", zlib.adler32(rows))
    body = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in body
    )


def write_folder(home: Path) -> None:
    origin = (b"tEXt", b"parameters\0a portrait, Steps: 20, Sampler: Euler a, Model: toy")
    files = {
        "in/a dark.bmp": bmp(40),
        "in/b inconclusive.bmp": bmp(128),
        "in/c fake.bmp": bmp(200),
        "in/d origin.png": png(240, origin),
        "in/e copy of c.bmp": bmp(200),
        "in/empty.png": b"",
        "in/cut.png": png(96)[:60],
        "in/=formula.bmp": bmp(16),
        "in/new\nline <b>&\"'.bmp": bmp(248),
        "in/film.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64),
        "in/phone.heic": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(76),
        "in/notes.txt": b"no picture\n",
        "in/left out/x.bmp": bmp(224),
        "in/.scanignore": b"left out/\n",
        "in/deep/er/z.bmp": bmp(184),
        "named.txt": b"named, and no picture\n",
    }
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (home / os.fsdecode(b"in/\xe9.bmp")).write_bytes(bmp(152))


def shown(name: str, content: bytes, words: dict[str, str]) -> str:
    """As it is recorded."""
    if name == "report.parquet":
        table = parquet.read_table(io.BytesIO(content))
        lines = [str(field.type) + " " + field.name for field in table.schema]
        text = "\n".join(lines + [json.dumps(row) for row in table.to_pylist()]) + "\n"
    else:
        text = content.decode("utf-8", "surrogateescape")
    for word, replacement in words.items():
        text = text.replace(word, replacement)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "TIME", text)
    text = re.sub(r"\b[\d,]+\.\d s on", "SECONDS s on", text)
    text = re.sub(r'time="[\d.]+"', 'time="SECONDS"', text)
    # Another processor may round the last bits of a sigmoid otherwise.
    text = re.sub(r"\d+\.\d{7,}", lambda number: f"{float(number[0]):.6f}", text)
    if name == "report.run.json":
        manifest = json.loads(text)
        for place in ("libraries", "c2pa", "platform", "seconds", "reports", "configuration", "workers"):
            manifest[place] = place
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return text


@pytest.fixture
def reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibrated: Path, shell: Callable[..., Any]
) -> dict[str, str]:
    write_folder(tmp_path)
    model = tmp_path / "toy.onnx"
    model.write_bytes(calibrated.read_bytes())
    digest = sha256(model.read_bytes()).hexdigest()
    shell("in/c fake.bmp", "--out", "known.csv", "--model", "toy.onnx")
    outs = [word for name in NAMES[:-1] for word in ("--out", name)]
    done = shell(
        "in", "named.txt", "missing.png", *outs, "--no-thumbnails", "--model", "toy.onnx", "--batch-size", "1",
        "--baseline", "known.csv", "--sarif-known", "--exclude", "*.nothing",
    )  # fmt: skip
    assert done.code == 2, done.err
    words = {digest: "MODEL", digest[:12]: "MODEL12", tool_version(): "VERSION"}
    return {name: shown(name, (tmp_path / name).read_bytes(), words) for name in NAMES}


@pytest.mark.slow
def test_the_reports_are_byte_for_byte_as_recorded(reports: dict[str, str]) -> None:
    if os.environ.get("RECORD"):
        for name, text in reports.items():
            (RECORDED / f"{name}.txt").write_text(
                text, encoding="utf-8", errors="surrogateescape", newline=""
            )
        pytest.skip("recorded anew")
    for name, text in reports.items():
        path = RECORDED / f"{name}.txt"
        assert text == path.read_text(encoding="utf-8", errors="surrogateescape"), name
