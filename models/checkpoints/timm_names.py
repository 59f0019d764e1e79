"""timm's names for the tensors of an EfficientNet, in torchvision's.

Of timm's two networks with the tensors of EfficientNet-B4, ``efficientnet_b4`` computes what torchvision's does (timm
1.0.31: on random weights the logits are equal to the last bit); ``tf_efficientnet_b4`` has TensorFlow's padding and
a BatchNorm eps of 1e-3, and no tensor tells which of them a file holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

SAME_AS_TORCHVISIONS = frozenset({"efficientnet_b4"})
"""Names of timm's architectures that were measured."""

_OUTSIDE = {
    "conv_stem": "features.0.0",
    "bn1": "features.0.1",
    "conv_head": "features.8.0",
    "bn2": "features.8.1",
    "classifier": "classifier.1",
}
# The first stage's blocks do not widen.
_FIRST_STAGE = {
    "conv_dw": "0.0",
    "bn1": "0.1",
    "se.conv_reduce": "1.fc1",
    "se.conv_expand": "1.fc2",
    "conv_pw": "2.0",
    "bn2": "2.1",
}
_OTHER_STAGES = {
    "conv_pw": "0.0",
    "bn1": "0.1",
    "conv_dw": "1.0",
    "bn2": "1.1",
    "se.conv_reduce": "2.fc1",
    "se.conv_expand": "2.fc2",
    "conv_pwl": "3.0",
    "bn3": "3.1",
}
_BLOCK = re.compile(r"blocks\.(\d+)\.(\d+)\.(.+)")


def renamed_from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The same tensors under torchvision's names; ``None`` if one has no name there."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        module, _, kind = name.rpartition(".")
        if block := _BLOCK.fullmatch(module):
            stage, number, part = int(block[1]), block[2], block[3]
            inner = (_FIRST_STAGE if stage == 0 else _OTHER_STAGES).get(part)
            place = inner and f"features.{stage + 1}.{number}.block.{inner}"
        else:
            place = _OUTSIDE.get(module)
        if not place:
            return None
        renamed[f"{place}.{kind}"] = tensor
    return renamed
