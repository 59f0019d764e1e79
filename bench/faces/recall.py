"""What is found where a face is, and what is found where there is none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.faces.scenes import hits, opened, placed
from models.faces.detect import LEAST_SCORE, SCALES, FaceDetector, reduced_pictures, turned_back
from models.faces.face import Face
from models.faces.yunet import YuNet
from train.datasets.tree import LabelledImage

SCORES = (0.6, 0.7, 0.8, 0.9)
SIDES = (32, 48, 64, 96, 160, 320, 600, 1000)
TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
BACKGROUND = (1600, 1200)


@dataclass(frozen=True)
class Looked:
    """What the law found in one picture at each least score."""

    source: str
    label: str
    faces: dict[float, int]
    share: float | None
    """Longer side of the largest face by that of the picture, at the law's own score."""


def look(images: list[tuple[str, LabelledImage]]) -> list[Looked]:
    detectors = {score: FaceDetector(least_score=score) for score in SCORES}
    looked = []
    for source, image in images:
        picture = opened(image.path)
        found = {score: detector.detect(picture) for score, detector in detectors.items()}
        largest = found[LEAST_SCORE][:1]
        share = largest[0].side / max(picture.size) if largest else None
        counts = {score: len(faces) for score, faces in found.items()}
        looked.append(Looked(source, image.label.title, counts, share))
    return looked


def source_lines(looked: list[Looked]) -> list[str]:
    """Recall by source and class at each least score."""
    scores = " | ".join(f"≥ {score}" for score in SCORES)
    lines = [
        f"| source | class | pictures | {scores} | several faces at {LEAST_SCORE} | face by picture, p10 p50 p90 |",
        "|---" * (5 + len(SCORES)) + "|",
    ]
    for name, title, rows in _groups(looked):
        recall = [sum(row.faces[score] > 0 for row in rows) / len(rows) for score in SCORES]
        several = sum(row.faces[LEAST_SCORE] > 1 for row in rows) / len(rows)
        shares = np.percentile([row.share for row in rows if row.share is not None], (10, 50, 90))
        cells = [
            *(f"{value:.4f}" if len(rows) >= 1000 else f"{value:.3f}" for value in recall),
            f"{several:.3f}",
            " ".join(f"{share:.2f}" for share in shares),
        ]
        lines.append(f"| {name} | {title} | {len(rows)} | {' | '.join(cells)} |")
    return lines


def _groups(looked: list[Looked]) -> Iterator[tuple[str, str, list[Looked]]]:
    for source in sorted({row.source for row in looked}):
        for label in sorted({row.label for row in looked if row.source == source}):
            yield source, label, [row for row in looked if (row.source, row.label) == (source, label)]
    for tree in sorted({row.source.split()[0] for row in looked}):
        yield f"**{tree}**", "both", [row for row in looked if row.source.split()[0] == tree]
    yield "**all**", "both", looked


def turned_lines(images: list[tuple[str, LabelledImage]], count: int) -> list[str]:
    """Pictures with an upright face, laid on their sides: is it where it was?"""
    detector = FaceDetector()
    found = {"as it lies": dict.fromkeys(TURNS, 0), "the law, with turns": dict.fromkeys(TURNS, 0)}
    total = 0
    for _, image in random.Random(0).sample(images, len(images)):
        picture = opened(image.path)
        faces = detector.upright(picture)
        if total == count or not faces:
            continue
        total += 1
        box = max(faces, key=lambda face: face.side).box
        for turn in TURNS:
            turned = picture.transpose(turn)
            for way, got in (
                ("as it lies", detector.upright(turned)),
                ("the law, with turns", detector.detect(turned)),
            ):
                back = [turned_back(face, turn, picture.size) for face in got]
                found[way][turn] += any(hits(face, box) for face in back)
    lines = [f"| {total} upright faces turned by | 90° | 180° | 270° |", "|---|---|---|---|"]
    for way, counts in found.items():
        lines.append(f"| {way} | {' | '.join(f'{counts[turn] / total:.3f}' for turn in TURNS)} |")
    return lines


def size_lines(images: list[tuple[str, LabelledImage]], backgrounds: list[Path], count: int) -> list[str]:
    """Recall by the face's size, and other boxes in the same picture."""
    rng = random.Random(0)
    detector, network = FaceDetector(), YuNet()
    empty = [path for path in backgrounds if not detector.detect(opened(path))]
    portraits = _portraits(detector, images, count)
    hit = {way: dict.fromkeys(SIDES, 0) for way in (*SCALES, "both")}
    extra = {way: dict.fromkeys(SIDES, 0) for way in (*SCALES, "both")}
    for picture, face in portraits:
        ground = opened(rng.choice(empty)).resize(BACKGROUND)
        for side in SIDES:
            there = placed(ground, picture, face, side, rng)
            for way, found in _by_scale(detector, network, there.picture):
                right = sum(hits(one, there.box) for one in found)
                hit[way][side] += right > 0
                extra[way][side] += len(found) - right
    heads = " | ".join(map(str, SIDES))
    lines = [
        f"{len(portraits)} faces, each pasted at every size into one of {len(empty)} pictures without any, "
        f"{BACKGROUND[0]}×{BACKGROUND[1]} pixels.",
        "",
        f"| longer side of the face, px | {heads} |",
        "|---" * (1 + len(SIDES)) + "|",
    ]
    for way, counts in hit.items():
        cells = " | ".join(f"{counts[side] / len(portraits):.2f}" for side in SIDES)
        lines.append(f"| {'the law' if way == 'both' else f'{way} alone'} | {cells} |")
    cells = " | ".join(f"{extra['both'][side] / len(portraits):.2f}" for side in SIDES)
    lines.append(f"| the law: other boxes a picture | {cells} |")
    return lines


def _portraits(
    detector: FaceDetector, images: list[tuple[str, LabelledImage]], count: int
) -> list[tuple[Image.Image, Face]]:
    """Pictures with exactly one face, its box and some ground around it inside them."""
    chosen = []
    for _, image in random.Random(1).sample(images, len(images)):
        picture = opened(image.path)
        faces = detector.detect(picture)
        if len(faces) == 1 and faces[0].side < 0.8 * max(picture.size):
            chosen.append((picture, faces[0]))
        if len(chosen) == count:
            break
    return chosen


def _by_scale(
    detector: FaceDetector, network: YuNet, picture: Image.Image
) -> Iterator[tuple[int | str, list[Face]]]:
    for reduced in reduced_pictures(picture):
        factor = picture.width / reduced.width, picture.height / reduced.height
        found = network.detect(np.asarray(reduced), LEAST_SCORE)
        yield max(reduced.size), [face.scaled(*factor) for face in found]
    yield "both", detector.upright(picture)


def empty_lines(backgrounds: list[Path]) -> list[str]:
    """Pictures, mostly without people, in which something counts as a face."""
    lines = [
        f"| of {len(backgrounds)} pictures, with a face | {' | '.join(f'≥ {score}' for score in SCORES)} |",
        "|---" * (1 + len(SCORES)) + "|",
    ]
    detectors = [FaceDetector(least_score=score) for score in SCORES]
    upright, turned = [0] * len(SCORES), [0] * len(SCORES)
    for path in backgrounds:
        picture = opened(path)
        for place, detector in enumerate(detectors):
            upright[place] += bool(detector.upright(picture))
            turned[place] += bool(detector.detect(picture))
    lines.append(f"| as they lie | {' | '.join(map(str, upright))} |")
    lines.append(f"| the law, with turns | {' | '.join(map(str, turned))} |")
    return lines
