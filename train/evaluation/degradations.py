"""What happens to pictures on their way to a scanner, one named step each, always the same for the same picture.

They are applied to the decoded picture at its own size, before the preprocessing law brings it to 260×260.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from models.preprocessing import decode_image

Step = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Degradation:
    """One condition of the robustness grid."""

    name: str
    apply: Step
    """RGB picture and a generator of the picture's own → RGB picture."""


def jpeg(rgb: Image.Image, _: np.random.Generator, *, quality: int) -> Image.Image:
    """Saved as JPEG (4:2:0, as Pillow does by default) and decoded by the law."""
    buffer = io.BytesIO()
    rgb.save(buffer, "JPEG", quality=quality)
    return decode_image(buffer.getvalue()).rgb


def shrink(rgb: Image.Image, _: np.random.Generator, *, factor: float) -> Image.Image:
    """Scaled down and back up, bilinear with antialiasing."""
    small = (max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor)))
    return rgb.resize(small, Image.Resampling.BILINEAR).resize(rgb.size, Image.Resampling.BILINEAR)


def blur(rgb: Image.Image, _: np.random.Generator, *, sigma: float) -> Image.Image:
    """Gaussian blur; ``sigma`` in pixels."""
    return rgb.filter(ImageFilter.GaussianBlur(sigma))


def noise(rgb: Image.Image, rng: np.random.Generator, *, sigma: float) -> Image.Image:
    """Independent Gaussian noise on every channel; ``sigma`` in steps of 1/255."""
    values = np.asarray(rgb, dtype=np.float32) + rng.normal(0.0, sigma, (rgb.height, rgb.width, 3))
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


def grey(rgb: Image.Image, _: np.random.Generator) -> Image.Image:
    """Luma (ITU-R 601) in all three channels."""
    return rgb.convert("L").convert("RGB")


GRID: tuple[Degradation, ...] = (
    *(Degradation(f"JPEG q{quality}", partial(jpeg, quality=quality)) for quality in (95, 75, 50, 30)),
    *(Degradation(f"resize ×{factor:g}", partial(shrink, factor=factor)) for factor in (0.75, 0.5, 0.25)),
    *(Degradation(f"blur σ {sigma}", partial(blur, sigma=sigma)) for sigma in (1, 2)),
    *(Degradation(f"noise σ {sigma}/255", partial(noise, sigma=sigma)) for sigma in (5, 10)),
    Degradation("grey", grey),
)
"""The robustness grid of ``scan-evaluate --robustness``, in the order of its table."""
