"""What the tests of network files share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.support.errors import ModelFileError

State = dict[str, Tensor]


def differing(one: State, other: State) -> list[str]:
    assert list(one) == list(other)
    return [name for name in one if not torch.equal(one[name], other[name])]


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ModelFileError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message
