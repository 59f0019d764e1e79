"""Pictures for the measurements: labelled faces, and faces pasted into pictures without any."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from models.faces.face import Face
from train.datasets.tree import LabelledImage, read_tree


@dataclass(frozen=True)
class Placed:
    """A picture and the box of the one face in it: left, top, width, height."""

    picture: Image.Image
    box: tuple[float, float, float, float]


def validation_images(trees: Iterable[Path]) -> list[tuple[str, LabelledImage]]:
    """Every image of the trees' validation splits with its source, after the tree's name."""
    return [
        (f"{tree.name} {image.source or 'unnamed'}", image)
        for tree in trees
        for image in read_tree(tree, "validation")
    ]


def opened(path: Path) -> Image.Image:
    """In full: the law of preprocessing 1 reduces large JPEGs while it decodes them."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def background_files(folder: Path) -> list[Path]:
    """Image files below a folder by name, without those whose reduction to 8×8 equals that of one before."""
    seen: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png") and path.is_file():
            seen.setdefault(opened(path).resize((8, 8)).tobytes(), path)
    return list(seen.values())


def scene(faces: list[Path], number: int) -> Image.Image:
    """A picture with a longer side of 1280 px, up to 8 faces of any size on rough ground; also off its edges."""
    rng = random.Random(number)
    width, height = 1280, rng.randint(120, 1280)
    if rng.random() < 0.5:
        width, height = height, width
    ground = np.random.default_rng(number).integers(0, 256, (height // 40 + 1, width // 40 + 1, 3), np.uint8)
    picture = Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)
    for _ in range(rng.randint(1, 8)):
        side = int(20 * 60 ** rng.random())
        face = opened(rng.choice(faces)).resize((side, int(side * rng.uniform(0.8, 1.25))))
        picture.paste(face, (rng.randint(-side // 2, width), rng.randint(-side // 2, height)))
    return picture


def placed(
    background: Image.Image, portrait: Image.Image, face: Face, side: int, rng: random.Random
) -> Placed:
    """The portrait pasted so that its face's longer side is ``side`` pixels, somewhere inside the background."""
    factor = side / face.side
    size = max(1, round(portrait.width * factor)), max(1, round(portrait.height * factor))
    left = rng.randint(min(0, background.width - size[0]), max(0, background.width - size[0]))
    top = rng.randint(min(0, background.height - size[1]), max(0, background.height - size[1]))
    picture = background.copy()
    picture.paste(portrait.resize(size, Image.Resampling.BICUBIC), (left, top))
    there = face.scaled(size[0] / portrait.width, size[1] / portrait.height)
    return Placed(picture, (there.left + left, there.top + top, there.width, there.height))


def hits(face: Face, box: tuple[float, float, float, float]) -> bool:
    """Whether a found box and the true one have an IoU of at least 0.5."""
    left, top, width, height = box
    across = min(face.left + face.width, left + width) - max(face.left, left)
    down = min(face.top + face.height, top + height) - max(face.top, top)
    if across <= 0 or down <= 0:
        return False
    return across * down >= 0.5 * (face.width * face.height + width * height - across * down)
