"""What can happen to a picture: small functions from RGB picture to RGB picture, of the same size where nothing else is
said.

Training draws from them at random (:mod:`train.augmentation.augment`), evaluation measures under fixed ones
(:mod:`train.evaluation.robustness_grid`). Every random draw comes from the generator that is passed in. No torch.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from models.preprocessing import MAX_PIXELS, decode_image
from models.preprocessing.v1 import decode_reduced

Step = Callable[[Image.Image, np.random.Generator], Image.Image]
"""RGB picture and a generator of the picture's own → RGB picture."""


def jpeg(rgb: Image.Image, _: np.random.Generator, *, quality: int) -> Image.Image:
    """Saved as JPEG (4:2:0, as Pillow does by default) and decoded by the law of whole pictures, which reduces large
    ones."""
    return decode_image(_as_jpeg(rgb, quality)).rgb


def jpeg_in_full(rgb: Image.Image, _: np.random.Generator, *, quality: int) -> Image.Image:
    """Saved as JPEG (4:2:0) and decoded at its own size, as faces are cut from it."""
    return decode_reduced(_as_jpeg(rgb, quality), rgb.size, MAX_PIXELS).rgb


def messenger(rgb: Image.Image, rng: np.random.Generator, *, longest: int, quality: int) -> Image.Image:
    """As a messenger passes a picture on: no side above ``longest`` pixels, a new JPEG (4:2:0), no metadata.

    A picture that is small enough is only saved anew; a larger one comes back smaller.
    """
    factor = longest / max(rgb.size)
    if factor < 1:
        size = max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor))
        rgb = rgb.resize(size, Image.Resampling.BILINEAR)
    return jpeg_in_full(rgb, rng, quality=quality)


def shrink(rgb: Image.Image, _: np.random.Generator, *, factor: float) -> Image.Image:
    """Scaled down and back up, bilinear with antialiasing."""
    small = (max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor)))
    return rgb.resize(small, Image.Resampling.BILINEAR).resize(rgb.size, Image.Resampling.BILINEAR)


def blur(rgb: Image.Image, _: np.random.Generator, *, sigma: float) -> Image.Image:
    """Gaussian blur; ``sigma`` in pixels."""
    return rgb.filter(ImageFilter.GaussianBlur(sigma))


def noise(rgb: Image.Image, rng: np.random.Generator, *, sigma: float) -> Image.Image:
    """Independent Gaussian noise on every channel; ``sigma`` in steps of 1/255."""
    drawn = rng.normal(0.0, sigma, (rgb.height, rgb.width, 3)).astype(np.float32)
    values = np.asarray(rgb, dtype=np.float32) + drawn
    return _clipped(values)


def grey(rgb: Image.Image, _: np.random.Generator) -> Image.Image:
    """Luma (ITU-R 601) in all three channels."""
    return rgb.convert("L").convert("RGB")


def saturation(rgb: Image.Image, _: np.random.Generator, *, factor: float) -> Image.Image:
    """0 is grey, 1 the picture itself."""
    return ImageEnhance.Color(rgb).enhance(factor)


def colour_cast(
    rgb: Image.Image, _: np.random.Generator, *, gains: tuple[float, float, float]
) -> Image.Image:
    """Each channel times its gain, as a wrong white balance does."""
    return _clipped(np.asarray(rgb, dtype=np.float32) * np.asarray(gains, dtype=np.float32))


def exposure(rgb: Image.Image, _: np.random.Generator, *, stops: float) -> Image.Image:
    """Brighter or darker by ``stops`` in linear light (sRGB's curve taken as gamma 2.2)."""
    linear = (np.asarray(rgb, dtype=np.float32) / 255) ** 2.2 * 2.0**stops
    return _clipped(255 * np.clip(linear, 0, 1) ** (1 / 2.2))


def crop_margin(
    rgb: Image.Image, _: np.random.Generator, *, margins: tuple[float, float, float, float]
) -> Image.Image:
    """Cut the given shares off left, top, right and bottom and scale back to the picture's size."""
    left, top, right, bottom = margins
    box = (left * rgb.width, top * rgb.height, (1 - right) * rgb.width, (1 - bottom) * rgb.height)
    return rgb.resize(rgb.size, Image.Resampling.BILINEAR, box=box)


def cutout(rgb: Image.Image, rng: np.random.Generator, *, share: float) -> Image.Image:
    """A rectangle of ``share`` of each edge filled with the picture's mean colour."""
    width, height = max(1, round(share * rgb.width)), max(1, round(share * rgb.height))
    left = int(rng.integers(0, rgb.width - width + 1))
    top = int(rng.integers(0, rgb.height - height + 1))
    colour = tuple(int(v) for v in np.asarray(rgb).reshape(-1, 3).mean(axis=0).round())
    covered = rgb.copy()
    covered.paste(colour, (left, top, left + width, top + height))
    return covered


def flip(rgb: Image.Image, _: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _clipped(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


def _as_jpeg(rgb: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    rgb.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()
