"""Pictures for people: the whole of an upright picture in a square, its shape kept. No model is given this.

A decoder hands out squares of one size, so what the picture leaves free of it is black, and the crop's ``region`` says,
other than in the laws of models, which part of the *square* the picture fills.
"""

from __future__ import annotations

from PIL import Image

from models.contract import InputSpec
from models.preprocessing.seen import Crop, Law, Seen, SeenFrame
from models.preprocessing.v1 import decode_reduced


def _of_file(data: bytes, spec: InputSpec, max_pixels: int, *_: object) -> Seen:
    decoded = decode_reduced(data, (spec.size, spec.size), max_pixels)
    return Seen(_of_picture(decoded.rgb, spec), decoded.facts)


def _of_picture(rgb: Image.Image, spec: InputSpec) -> tuple[Crop, ...]:
    """Never enlarged: a small picture must not look as if it held more than it does."""
    rgb = rgb.copy()
    rgb.thumbnail((spec.size, spec.size), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (spec.size, spec.size))
    square.paste(rgb)
    return (Crop(square.tobytes(), (0.0, 0.0, rgb.width / spec.size, rgb.height / spec.size)),)


def _of_frame(rgb: Image.Image, spec: InputSpec, *_: object) -> SeenFrame:
    return SeenFrame(_of_picture(rgb, spec))


LAW = Law(_of_file, _of_picture, _of_frame)
