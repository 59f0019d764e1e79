"""The robustness grid: what happens to pictures on their way to a scanner, one condition each.

A condition changes the decoded picture at its own size, before the preprocessing law, or how the law's square lies
around a face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image

from models.contract import InputSpec
from models.preprocessing.laws import law_of
from models.preprocessing.seen import Crop
from train.augmentation.degradations import Step, blur, grey, jpeg, jpeg_in_full, messenger, noise, shrink
from train.augmentation.screen_photo import screen_photo

_DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def unchanged(rgb: Image.Image, _: np.random.Generator) -> Image.Image:
    """The picture itself."""
    return rgb


@dataclass(frozen=True)
class Degradation:
    """One condition of the robustness grid."""

    name: str
    apply: Step = unchanged
    margin: float = 1.0
    """The side of a face's square, in sides of the model's own."""
    shift: float = 0.0
    """How far the square is moved to the left, right, up or down, in its sides; drawn for each picture."""

    def crops(self, rgb: Image.Image, spec: InputSpec, rng: np.random.Generator) -> tuple[Crop, ...]:
        """What the law judges of an upright RGB picture under this condition.

        Faces are found in the degraded picture, as a scan would. Raises
        :class:`models.preprocessing.ImageError`.
        """
        picture = self.apply(rgb, rng)
        if self.margin == 1.0 and not self.shift:
            return law_of(spec).of_picture(picture, spec)
        from models.preprocessing import v2

        if spec.margin is None:
            raise ValueError(f"{self.name}: a model of whole pictures has no square around a face")
        right, down = (self.shift * step for step in _DIRECTIONS[int(rng.integers(len(_DIRECTIONS)))])
        return v2.of_picture(picture, replace(spec, margin=self.margin * spec.margin), shift=(right, down))


def _on_the_way(as_jpeg: Callable[..., Image.Image]) -> tuple[Degradation, ...]:
    """What may happen to any picture; ``as_jpeg`` also takes a ``quality``."""
    return (
        *(Degradation(f"JPEG q{quality}", partial(as_jpeg, quality=quality)) for quality in (95, 75, 50, 30)),
        *(Degradation(f"resize ×{factor:g}", partial(shrink, factor=factor)) for factor in (0.75, 0.5, 0.25)),
        *(Degradation(f"blur σ {sigma}", partial(blur, sigma=sigma)) for sigma in (1, 2)),
        *(Degradation(f"noise σ {sigma}/255", partial(noise, sigma=sigma)) for sigma in (5, 10)),
        Degradation("grey", grey),
    )


GRID: tuple[Degradation, ...] = _on_the_way(jpeg)
"""The robustness grid of ``scan-evaluate --robustness`` for models of whole pictures, in the order of its table."""

FACE_GRID: tuple[Degradation, ...] = (
    *_on_the_way(jpeg_in_full),
    Degradation("margin ×0.75", margin=0.75),
    Degradation("margin ×1.25", margin=1.25),
    Degradation("position 10 %", shift=0.1),
    Degradation("messenger", partial(messenger, longest=1600, quality=75)),
    Degradation("screen", screen_photo),
)
"""The same for models that judge faces: how the square lies, and two ways that pictures of people go."""


def grid_of(spec: InputSpec) -> tuple[Degradation, ...]:
    """The conditions that mean something for a model that is given ``spec``."""
    return GRID if spec.margin is None else FACE_GRID
