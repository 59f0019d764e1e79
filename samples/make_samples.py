"""Make the sample images from two public-domain portraits and a photograph without restrictions.

    python samples/make_samples.py ASTRONAUT.png GRACE_HOPPER.jpg COFFEE.png

ASTRONAUT.png and COFFEE.png are ``skimage/data/astronaut.png`` and ``coffee.png`` of the scikit-image package,
GRACE_HOPPER.jpg is ``mpl-data/sample_data/grace_hopper.jpg`` of the matplotlib package. README.md names their origin.
The manipulations are simple on purpose: they show the tool, not the state of the art.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

HERE = Path(__file__).parent
JPEG_QUALITY = 90

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """Where a face is in its portrait, in pixels: left eye, right eye and mouth as the viewer sees them."""

    eyes_and_mouth: tuple[Point, Point, Point]
    crop: tuple[int, int, int, int]

    @property
    def oval(self) -> tuple[float, float, float, float]:
        """The inner face, brows to chin: the box of an ellipse."""
        (left_x, left_y), (right_x, right_y), (mouth_x, mouth_y) = self.eyes_and_mouth
        span, height = right_x - left_x, mouth_y - (left_y + right_y) / 2
        centre_x = (left_x + right_x + mouth_x) / 3
        return (
            centre_x - 0.95 * span,
            left_y - 0.65 * height,
            centre_x + 0.95 * span,
            mouth_y + 0.55 * height,
        )


COLLINS = Face(((203, 102), (247, 103), (225, 144)), (130, 15, 320, 205))
HOPPER = Face(((223, 190), (306, 187), (271, 272)), (115, 55, 415, 355))


def soft_mask(size: tuple[int, int], face: Face, feather: float) -> Image.Image:
    """An ``L`` picture: 255 inside the face's oval, falling to 0 over about ``feather`` pixels."""
    mask = Image.new("L", size, 0)
    left, top, right, bottom = face.oval
    ImageDraw.Draw(mask).ellipse((left + feather, top + feather, right - feather, bottom - feather), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(feather / 2))


def swap(target: Image.Image, target_face: Face, donor: Image.Image, donor_face: Face) -> Image.Image:
    """Put the donor's inner face on the target: three points aligned, colours matched, edge feathered."""
    to_donor = affine(target_face.eyes_and_mouth, donor_face.eyes_and_mouth)
    aligned = donor.transform(
        target.size, Image.Transform.AFFINE, tuple(to_donor.ravel()), Image.Resampling.BICUBIC
    )
    mask = soft_mask(target.size, target_face, feather=10)
    return Image.composite(match_colours(aligned, target, np.asarray(mask) > 128), target, mask)


def coarse(portrait: Image.Image, share: float) -> Image.Image:
    """The same size with the detail of a smaller picture, as a network that generates small faces gives."""
    small = (round(portrait.width * share), round(portrait.height * share))
    return portrait.resize(small, Image.Resampling.BOX).resize(portrait.size, Image.Resampling.BICUBIC)


def self_blend(portrait: Image.Image, face: Face) -> Image.Image:
    """Blend the face with a shifted, sharpened and recoloured copy of itself (after arXiv 2204.08376)."""
    copy = ImageEnhance.Color(portrait).enhance(1.15)
    copy = ImageEnhance.Brightness(copy).enhance(1.06).filter(ImageFilter.UnsharpMask(2, 60, 0))
    copy = copy.transform(
        portrait.size, Image.Transform.AFFINE, (1, 0, -2.0, 0, 1, 1.5), Image.Resampling.BICUBIC
    )
    return Image.composite(copy, portrait, soft_mask(portrait.size, face, feather=8))


def affine(source: tuple[Point, ...], target: tuple[Point, ...]) -> npt.NDArray[np.float64]:
    """``float64[2, 3]`` that takes the three source points to the three target points."""
    columns = np.array([[x, y, 1.0] for x, y in source])
    return np.linalg.solve(columns, np.array(target)).T


def match_colours(picture: Image.Image, reference: Image.Image, where: npt.NDArray[np.bool_]) -> Image.Image:
    """Give each channel the mean and deviation that the reference has there (Reinhard et al. 2001)."""
    values, wanted = np.asarray(picture).astype(float), np.asarray(reference).astype(float)
    mean, deviation = values[where].mean(axis=0), values[where].std(axis=0)
    matched = (values - mean) / deviation * wanted[where].std(axis=0) + wanted[where].mean(axis=0)
    return Image.fromarray(np.clip(np.round(matched), 0, 255).astype(np.uint8))


def side_by_side(pictures: Sequence[Image.Image], height: int) -> Image.Image:
    """A picture of several people, all scaled to one height."""
    scaled = [
        picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures
    ]
    joined = Image.new("RGB", (sum(picture.width for picture in scaled), height))
    left = 0
    for picture in scaled:
        joined.paste(picture, (left, 0))
        left += picture.width
    return joined


def main() -> None:
    """Write the folders beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("astronaut", type=Path)
    parser.add_argument("grace_hopper", type=Path)
    parser.add_argument("coffee", type=Path)
    arguments = parser.parse_args()
    collins = Image.open(arguments.astronaut).convert("RGB")
    hopper = Image.open(arguments.grace_hopper).convert("RGB")
    swapped = swap(hopper, HOPPER, collins, COLLINS)
    coarsely = swap(hopper, HOPPER, coarse(collins, 0.4), COLLINS)
    pictures = {
        "real/collins.jpg": collins.crop(COLLINS.crop),
        "real/hopper.jpg": hopper.crop(HOPPER.crop),
        "manipulated/collins-self-blended.jpg": self_blend(collins, COLLINS).crop(COLLINS.crop),
        "manipulated/hopper-self-blended.jpg": self_blend(hopper, HOPPER).crop(HOPPER.crop),
        "manipulated/hopper-face-on-collins.jpg": swap(collins, COLLINS, hopper, HOPPER).crop(COLLINS.crop),
        "manipulated/collins-face-on-hopper.jpg": swapped.crop(HOPPER.crop),
        "manipulated/coarse-face-on-hopper.jpg": coarsely.crop(HOPPER.crop),
        "several-faces/two-real-one-swapped.jpg": side_by_side([collins, hopper, swapped], 480),
        "no-face/coffee.jpg": Image.open(arguments.coffee).convert("RGB"),
    }
    for name, picture in pictures.items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        picture.save(path, quality=JPEG_QUALITY)


if __name__ == "__main__":
    main()
