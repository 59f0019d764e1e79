"""Where ``scan --heatmaps DIR`` put the overlay of a face."""

from __future__ import annotations

from pathlib import Path


def heatmap_path(folder: Path, sha256: str, face: int | None) -> Path:
    """``face`` counts from 1; a picture that was judged whole has the number 1, too."""
    return folder / f"{sha256}-{face or 1}.png"
