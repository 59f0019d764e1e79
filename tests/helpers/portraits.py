"""Pictures with real faces, made of the repository's own samples."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples" / "real"


def portrait(name: str, side: int) -> Image.Image:
    """``hopper`` or ``collins``, as a square."""
    with Image.open(SAMPLES / f"{name}.jpg") as picture:
        return picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)


def on_grey(width: int, height: int, *pasted: tuple[str, int, int, int]) -> Image.Image:
    """Portraits as (name, side, left, top) on plain grey."""
    picture = Image.new("RGB", (width, height), (128, 128, 128))
    for name, side, left, top in pasted:
        picture.paste(portrait(name, side), (left, top))
    return picture
