"""How the weights are stored. The computation is fp32 whatever the storage is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import torch
from torch import Tensor

from models.support.errors import ModelFileError


class Store(StrEnum):
    """Storage type of the network's tensors in an exported file."""

    FP32 = "fp32"
    FP16 = "fp16"


def stored_state(state: Mapping[str, Tensor], store: Store, *, where: str) -> dict[str, Tensor]:
    """The tensors as ``store`` can hold them, as fp32 numbers; for ``FP32`` the same bits.

    Everything of the network is rounded for ``FP16``, BatchNorm's running statistics too. A variance that is
    too small for fp16 becomes subnormal or zero, an absolute error of at most 2^-25; next to BatchNorm's eps
    of 1e-5 that moves a channel's scale 1/sqrt(var + eps) by at most 0.15 %, so it is accepted.

    Raises :class:`ModelFileError` for numbers that are not finite before or after the rounding.
    """
    result: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            result[name] = tensor
            continue
        if not torch.isfinite(tensor).all():
            raise ModelFileError(
                f"{where}: tensor {name!r} holds NaN or infinity; export an earlier checkpoint"
            )
        rounded = tensor.to(torch.float32)
        if store is Store.FP16:
            rounded = rounded.to(torch.float16).to(torch.float32)
            if not torch.isfinite(rounded).all():
                raise ModelFileError(
                    f"{where}: tensor {name!r} reaches {tensor.abs().max().item():.6g}, beyond fp16's 65504; "
                    "export with --store fp32"
                )
        result[name] = rounded
    return result
