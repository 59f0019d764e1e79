"""Copies across roles are found, whatever was done to them; pictures that only look dark alike are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.contract import Label
from train.datasets.leakage import Fingerprint, find_leaks, fingerprint
from train.datasets.tree import LabelledImage, Role


def picture(seed: int, size: int = 120) -> Image.Image:
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (10, 10, 3), dtype=np.uint8))
    return coarse.resize((size, size), Image.Resampling.BICUBIC)


def encoded(rgb: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    rgb.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def printed(rgb: Image.Image, quality: int = 90) -> Fingerprint:
    data = encoded(rgb, quality)
    return fingerprint(data, Image.open(io.BytesIO(data)).convert("RGB"))


def image(name: str) -> LabelledImage:
    return LabelledImage(Path(name), name, Label.REAL)


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: rgb.resize((60, 60), Image.Resampling.BILINEAR),
        lambda rgb: rgb.point(lambda v: int(v * 0.8)),
        lambda rgb: Image.open(io.BytesIO(encoded(rgb, 30))).convert("RGB"),
    ],
)
def test_a_changed_copy_is_near(change) -> None:
    prints = {"a": printed(picture(1)), "b": printed(change(picture(1))), "c": printed(picture(2))}
    roles = {Role.FIT: [image("a")], Role.REPORT: [image("b"), image("c")]}
    (leak,) = find_leaks(roles, prints)
    assert (leak.kind, leak.first.relative, leak.second.relative) == ("near", "a", "b")
    assert (leak.first_role, leak.second_role) == (Role.FIT, Role.REPORT)


def test_the_same_bytes_are_exact_and_told_once() -> None:
    prints = {"a": printed(picture(1)), "b": printed(picture(1)), "c": printed(picture(1))}
    roles = {Role.FIT: [image("a"), image("b")], Role.SELECT: [image("c")]}
    leaks = list(find_leaks(roles, prints))
    assert [(leak.kind, leak.first.relative, leak.second.relative) for leak in leaks] == [
        ("exact", "a", "c"),
        ("exact", "b", "c"),
    ]


def test_copies_within_a_role_are_no_leak() -> None:
    prints = {name: printed(picture(1)) for name in "ab"}
    assert list(find_leaks({Role.FIT: [image("a"), image("b")], Role.SELECT: []}, prints)) == []


def test_pictures_without_structure_are_not_near_each_other() -> None:
    prints = {
        "a": printed(Image.new("RGB", (50, 50), (3, 3, 3))),
        "b": printed(Image.new("RGB", (50, 50), (9, 9, 9))),
    }
    assert list(find_leaks({Role.FIT: [image("a")], Role.SELECT: [image("b")]}, prints)) == []


def test_different_pictures_are_rarely_near() -> None:
    names = [str(number) for number in range(300)]
    prints = {name: printed(picture(int(name))) for name in names}
    half = {Role.FIT: [image(n) for n in names[:150]], Role.SELECT: [image(n) for n in names[150:]]}
    assert len(list(find_leaks(half, prints))) == 0


def test_images_without_a_fingerprint_are_passed_over() -> None:
    assert list(find_leaks({Role.FIT: [image("a")], Role.SELECT: [image("b")]}, {})) == []
