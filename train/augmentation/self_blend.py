"""Self-blended images: fakes made from one real face alone.

Our own implementation of the idea of Shiohara and Yamasaki 2022 (arXiv 2204.08376): a face is blended with a
slightly moved, colour- or frequency-shifted copy of itself through a deformed soft mask, which leaves what face swaps
leave (a blending boundary, two statistics in one picture) and nothing that belongs to one generator. The paper cuts its
masks from landmarks; these are ovals, parts of ovals and polygons where an aligned crop has its face.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from models.faces.crop import Box, face_region

_MASK_EDGE = 96
"""Masks are drawn this large and enlarged: they are smooth, and drawing them larger costs four times as much."""
_BLEND_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
_MAX_SHIFT = (0.015, 0.03)
"""Of the width and the height."""
_SCALES = (0.95, 1.05)

Float32s = npt.NDArray[np.float32]


class MaskFamily(StrEnum):
    """Where the blended part lies."""

    OVAL = "oval"
    """The inner face, brows to chin."""
    LOWER = "lower"
    """Nose and mouth."""
    UPPER = "upper"
    """Brows and eyes."""
    POLYGON = "polygon"
    """A convex outline through random points around the face."""


FACE_MARGIN = 1.5
"""The masks' square in sides of the face's box: they were drawn for crops that hold a face so."""


def self_blend(rgb: Image.Image, rng: np.random.Generator, face: Box | None = None) -> Image.Image:
    """A fake of the same size from a real picture; every draw comes from ``rng``.

    Without ``face`` (its box in pixels) the picture is taken for a crop that the face fills.
    """
    source, target = rgb, rgb
    # Either side may be the changed one: the model must find the boundary, not the change.
    if rng.random() < 0.5:
        source = shift_statistics(source, rng)
    else:
        target = shift_statistics(target, rng)
    source = _move(source, rng)
    mask = _mask_of_face(rgb.size, face, rng)[..., None]
    blended = np.asarray(source, dtype=np.float32) * mask + np.asarray(target, dtype=np.float32) * (1 - mask)
    return Image.fromarray(np.clip(np.round(blended), 0, 255).astype(np.uint8))


def shift_statistics(rgb: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture with other colours and another sharpness, each by little."""
    for enhancer, spread in (
        (ImageEnhance.Brightness, 0.1),
        (ImageEnhance.Contrast, 0.1),
        (ImageEnhance.Color, 0.25),
    ):
        rgb = enhancer(rgb).enhance(float(rng.uniform(1 - spread, 1 + spread)))
    # Little: a strong cast over the whole picture would itself give the fakes away.
    offsets = rng.uniform(-8, 8, size=3)
    shifted = np.asarray(rgb, dtype=np.float32) + offsets.astype(np.float32)
    rgb = Image.fromarray(np.clip(np.round(shifted), 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        return rgb.filter(ImageFilter.UnsharpMask(radius=2, percent=int(rng.integers(40, 120)), threshold=0))
    factor = float(rng.uniform(0.4, 0.9))
    small = (max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor)))
    return rgb.resize(small, Image.Resampling.BILINEAR).resize(rgb.size, Image.Resampling.BILINEAR)


def soft_mask(size: tuple[int, int], rng: np.random.Generator) -> Float32s:
    """``float32[height, width]`` in [0, 1]: the share of the source, 0 at the picture's corners."""
    outline = _outline(MaskFamily(rng.choice(list(MaskFamily))), rng)
    mask = Image.fromarray(_deform(outline, rng)).filter(
        ImageFilter.GaussianBlur(float(rng.uniform(1.0, 6.0)))
    )
    enlarged = np.asarray(mask.resize(size, Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return np.asarray(np.clip(enlarged, 0, 1) * rng.choice(_BLEND_RATIOS), dtype=np.float32)


def _mask_of_face(size: tuple[int, int], face: Box | None, rng: np.random.Generator) -> Float32s:
    if face is None:
        return soft_mask(size, rng)
    left, top, right, bottom = face_region(face, size, margin=FACE_MARGIN)
    mask = np.zeros(size[::-1], dtype=np.float32)
    mask[top:bottom, left:right] = soft_mask((right - left, bottom - top), rng)
    return mask


def _outline(family: MaskFamily, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    mask = Image.new("L", (_MASK_EDGE, _MASK_EDGE), 0)
    draw = ImageDraw.Draw(mask)
    centre = np.array([0.5, 0.54]) + rng.uniform(-0.04, 0.04, size=2)
    radii = np.array([rng.uniform(0.24, 0.36), rng.uniform(0.28, 0.4)])
    (left, top), (right, bottom) = _MASK_EDGE * (centre - radii), _MASK_EDGE * (centre + radii)
    if family is MaskFamily.POLYGON:
        angles = np.sort(rng.uniform(0, 2 * np.pi, size=int(rng.integers(6, 13))))
        reach = rng.uniform(0.75, 1.1, size=(len(angles), 1))
        points = centre + radii * reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        draw.polygon([(float(x), float(y)) for x, y in points * _MASK_EDGE], fill=255)
        return np.asarray(mask)
    draw.ellipse((left, top, right, bottom), fill=255)
    cut = _MASK_EDGE * (centre[1] + rng.uniform(-0.08, 0.08))
    if family is MaskFamily.LOWER:
        draw.rectangle((0, 0, _MASK_EDGE, cut), fill=0)
    elif family is MaskFamily.UPPER:
        draw.rectangle((0, cut, _MASK_EDGE, _MASK_EDGE), fill=0)
    return np.asarray(mask)


def _deform(mask: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Pull the mask about by a smooth random field of a few pixels."""
    strength = float(rng.uniform(0, 0.05)) * _MASK_EDGE
    fields = []
    for _ in range(2):
        coarse = Image.fromarray(rng.normal(0, 1, size=(5, 5)).astype(np.float32))
        fields.append(strength * np.asarray(coarse.resize(mask.shape[::-1], Image.Resampling.BICUBIC)))
    rows, columns = np.indices(mask.shape)
    pulled_rows = np.clip(np.rint(rows + fields[0]), 0, mask.shape[0] - 1).astype(int)
    pulled_columns = np.clip(np.rint(columns + fields[1]), 0, mask.shape[1] - 1).astype(int)
    deformed: npt.NDArray[np.uint8] = mask[pulled_rows, pulled_columns]
    return deformed


def _move(rgb: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scale about the centre and shift by a little, keeping the size; edges repeat what lies outside."""
    scale = float(rng.uniform(*_SCALES))
    right = float(rng.uniform(-_MAX_SHIFT[0], _MAX_SHIFT[0])) * rgb.width
    down = float(rng.uniform(-_MAX_SHIFT[1], _MAX_SHIFT[1])) * rgb.height
    # Image.transform takes the map from the result's coordinates to the picture's.
    centre_x, centre_y = rgb.width / 2, rgb.height / 2
    inverse = (
        1 / scale,
        0.0,
        centre_x - (centre_x + right) / scale,
        0.0,
        1 / scale,
        centre_y - (centre_y + down) / scale,
    )
    pad_x, pad_y = rgb.width // 8 + 1, rgb.height // 8 + 1
    padded = np.pad(np.asarray(rgb), ((pad_y, pad_y), (pad_x, pad_x), (0, 0)), mode="edge")
    inverse = (*inverse[:2], inverse[2] + pad_x, *inverse[3:5], inverse[5] + pad_y)
    return Image.fromarray(padded).transform(
        rgb.size, Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC
    )
