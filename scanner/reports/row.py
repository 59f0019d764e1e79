"""One file as a row: the columns that every tabular report has, in their order."""

from __future__ import annotations

from typing import Any

from scanner.judgement.judging import Judged
from scanner.judgement.policy import format_probability
from scanner.results import FileResult, Region

SCHEMA_VERSION = 1
COLUMNS = (
    "path",
    "status",
    "prob_fake",
    "verdict",
    "error",
    "format",
    "width",
    "height",
    "bytes",
    "sha256",
    "model",
    "frames",
    "baseline",
    "provenance",
    "faces",
    "where",
    "seconds",
    "declared",
    "container",
    "pixels",
)
MODEL_DIGITS = 12
KNOWN = "known"
"""In the column ``baseline``."""


def row_of(judged: Judged, *, model_sha256: str) -> dict[str, Any]:
    """Keyed by :data:`COLUMNS`; ``None`` where there is no value; ``prob_fake`` is the number that is printed."""
    result, verdict = judged.result, judged.verdict
    prob_fake = result.prob_fake
    return {
        "path": result.path,
        "status": result.status.value,
        "prob_fake": None if prob_fake is None else float(format_probability(prob_fake)),
        "verdict": None if verdict is None else verdict.value,
        "error": None if result.error is None else result.error.value,
        "format": result.format,
        "width": result.width,
        "height": result.height,
        "bytes": result.bytes,
        "sha256": result.sha256,
        "model": None if prob_fake is None else model_sha256[:MODEL_DIGITS],
        "frames": result.frames,
        "baseline": KNOWN if judged.is_known else None,
        "provenance": result.provenance,
        "faces": result.faces,
        "where": where_decided(result),
        "seconds": result.seconds,
        "declared": None if result.declared is None else result.declared.value,
        "container": result.container,
        "pixels": result.pixels,
    }


def where_decided(result: FileResult) -> str | None:
    """``0.1250 0.2000 0.8750 0.9500``: the :func:`edges` of the face that the file's value is that of."""
    if result.deciding is None or result.faces is None:
        return None
    return " ".join(edges(result.deciding.region))


def edges(region: Region) -> list[str]:
    """As reports print them: left, top, right, bottom as fractions of the upright picture."""
    return [f"{edge:.4f}" for edge in region.edges]


def seconds_text(seconds: float | None) -> str | None:
    """As reports print times."""
    return None if seconds is None else f"{seconds:.3f}"


def declared_words(result: FileResult) -> str | None:
    """``says of itself: generated (png_text=workflow)``; ``None`` where a file says nothing."""
    if result.declared is None:
        return None
    return f"says of itself: {result.declared.value} ({result.provenance})"


def deciding_face(result: FileResult) -> str | None:
    """``face 2 of 5``, numbered as in a list of findings, or ``track 2 of 5 at 12.480 s``; ``None`` where no face was
    scored."""
    deciding = result.deciding
    if deciding is None or deciding.face is None:
        return None
    if deciding.track is not None:
        return f"track {deciding.track} of {len(result.tracks)} at {seconds_text(deciding.time)} s"
    return f"face {result.findings.index(deciding) + 1} of {len(result.findings)}"
