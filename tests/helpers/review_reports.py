"""JSON Lines reports with the files that they speak of, for reviews; no model is asked."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from scanner.results.names import encode_path

MODEL = "ab" * 32
THRESHOLD, LOW = 0.7, 0.4
SCHEMA = "deepfake-scanner/file/1"
HOSTILE: list[str | bytes] = [
    "<img src=x onerror=alert(1)>.png",
    "javascript:alert(1).png",
    "</script><script>alert(1).png",
    "line\nend.png",
    b"\xff\xfe.png",
    "\u202egnp.exe.png",
]
"""Names of pictures."""


def png(value: int, size: tuple[int, int] = (40, 30)) -> bytes:
    """Of one colour, another for each of 4096 values."""
    out = io.BytesIO()
    Image.new("RGB", size, (value % 16 * 16, value // 16 % 16 * 16, value // 256 * 16)).save(out, "PNG")
    return out.getvalue()


def row(name: str, sha256: str, prob_fake: float | None, **facts: Any) -> dict[str, Any]:
    """As ``scan`` writes it for a model of whole pictures."""
    verdict = None
    if prob_fake is not None:
        verdict = "fake" if prob_fake >= THRESHOLD else "inconclusive" if prob_fake >= LOW else "real"
    finding = {"logit": 0.5, "prob_fake": prob_fake, "region": [0.0, 0.0, 1.0, 1.0], "frame": 0, "time": None}
    return {
        "schema": SCHEMA,
        "path": encode_path(name),
        "status": "ok" if prob_fake is not None else "error",
        "prob_fake": prob_fake,
        "verdict": verdict,
        "error": None if prob_fake is not None else "decode_error",
        "format": "PNG",
        "width": 40,
        "height": 30,
        "bytes": 100,
        "sha256": sha256,
        "model": MODEL if prob_fake is not None else None,
        "frames": 1,
        "baseline": None,
        "provenance": None,
        "faces": None,
        "where": None,
        "detail": None,
        "findings": [] if prob_fake is None else [finding],
        **facts,
    }


def write_report(folder: Path, rows: Sequence[Mapping[str, Any]], *, redacted: bool = False) -> Path:
    """``report.jsonl`` and its manifest."""
    report = folder / "report.jsonl"
    text = "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in rows)
    report.write_bytes(text.encode("utf-8", "backslashreplace"))
    digest = hashlib.sha256(report.read_bytes()).hexdigest()
    manifest = {"manifest_schema": 1, "reports": {report.name: digest}, "redacted": redacted}
    (folder / "report.run.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return report


def write_files(folder: Path, scores: Mapping[str | bytes, float]) -> list[dict[str, Any]]:
    """A picture by each name below ``folder`` (other contents), and their rows."""
    rows = []
    for number, (name, score) in enumerate(scores.items()):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = png(number)
        path.write_bytes(data)
        rows.append(row(os.fsdecode(name), hashlib.sha256(data).hexdigest(), score))
    return rows
