"""Pictures that two roles share: then the figures of one of them are partly memory.

Exact copies by SHA-256 of the bytes; near copies by a difference hash: the signs of the horizontal brightness steps of
the picture at 9×8 pixels, 64 bits that survive scaling, re-compression and small colour changes. Likeness is not proof:
two frames of one video, or two dark pictures, are near each other too. The report counts and lists; it removes
nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image

from train.datasets.tree import LabelledImage, Role

NEAR_BITS = 3
"""Hashes that differ in at most this many of their 64 bits count as near."""
_FLAT = (6, 58)
"""A hash with fewer or more bits set than these is that of a picture without structure, near to all others."""
_BLOCK = 2048


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a picture."""

    sha256: str
    dhash: int


@dataclass(frozen=True)
class Leak:
    """A pair of pictures in two roles."""

    kind: str
    """``exact`` or ``near``."""
    first_role: Role
    first: LabelledImage
    second_role: Role
    second: LabelledImage
    bits: int
    """Bits in which the hashes differ."""


def fingerprint(data: bytes, rgb: Image.Image) -> Fingerprint:
    """Of a file's bytes and the picture that they decode to."""
    grey = np.asarray(rgb.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return Fingerprint(hashlib.sha256(data).hexdigest(), int(np.packbits(bits).view(">u8")[0]))


def find_leaks(
    roles: Mapping[Role, Sequence[LabelledImage]], prints: Mapping[str, Fingerprint]
) -> Iterator[Leak]:
    """Every pair across two roles that is exact or near, exact pairs first; ``prints`` goes by relative path.

    Images without a fingerprint are passed over.
    """
    yield from _exact(roles, prints)
    for one, other in combinations(roles, 2):
        yield from _near(one, roles[one], other, roles[other], prints)


def _exact(
    roles: Mapping[Role, Sequence[LabelledImage]], prints: Mapping[str, Fingerprint]
) -> Iterator[Leak]:
    places: dict[str, list[tuple[Role, LabelledImage]]] = defaultdict(list)
    for role, images in roles.items():
        for image in images:
            if image.relative in prints:
                places[prints[image.relative].sha256].append((role, image))
    for copies in places.values():
        for (first_role, first), (second_role, second) in combinations(copies, 2):
            if first_role is not second_role:
                yield Leak("exact", first_role, first, second_role, second, 0)


def _near(
    one: Role,
    first: Sequence[LabelledImage],
    other: Role,
    second: Sequence[LabelledImage],
    prints: Mapping[str, Fingerprint],
) -> Iterator[Leak]:
    first, second = (
        [i for i in images if _has_structure(prints.get(i.relative))] for images in (first, second)
    )
    if not first or not second:
        return
    ours, theirs = (
        np.array([prints[i.relative].dhash for i in images], np.uint64) for images in (first, second)
    )
    for start in range(0, len(ours), _BLOCK):
        distances = _bits(ours[start : start + _BLOCK, None] ^ theirs[None, :])
        for row, column in np.argwhere(distances <= NEAR_BITS):
            a, b = first[start + int(row)], second[int(column)]
            if prints[a.relative].sha256 != prints[b.relative].sha256:
                yield Leak("near", one, a, other, b, int(distances[row, column]))


def _bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    return np.bitwise_count(values)


def _has_structure(found: Fingerprint | None) -> bool:
    return found is not None and _FLAT[0] <= found.dhash.bit_count() <= _FLAT[1]
