"""Where ``scan --heatmaps DIR`` put the overlay of a face."""

from __future__ import annotations

from pathlib import Path

from scanner.heat_maps.folder import overlay_name


def heatmap_path(folder: Path, sha256: str, number: int) -> Path:
    """``number``: of the finding, from 1; a picture that was judged whole has one."""
    return folder / overlay_name(sha256, number)
