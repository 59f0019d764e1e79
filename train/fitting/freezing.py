"""What a phase may change of the network: its trainable parameters, and nothing else at all."""

from __future__ import annotations

from torch import nn

from models.backbones.backbone import Network
from models.support.errors import Failure
from train.recipes import Phase


def prepare(network: Network, phase: Phase) -> list[nn.Parameter]:
    """Set which parameters require gradients and return them; :func:`set_modes` belongs to it."""
    trainable = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(phase.trainable))
        if parameter.requires_grad:
            trainable.append(parameter)
    if not trainable:
        raise Failure(f"phase {phase.name} trains nothing: no parameter's name begins with {phase.trainable}")
    return trainable


def set_modes(network: Network, phase: Phase) -> None:
    """Train mode for the blocks that learn, eval mode for the rest.

    In train mode a frozen block would still update its BatchNorm statistics, and drop paths at random.
    """
    network.eval()
    for name, block in network.blocks():
        if _learns(name, phase):
            block.train()


def first_trainable(network: Network, phase: Phase) -> int:
    """How many blocks at the network's beginning the phase leaves frozen."""
    for number, (name, _) in enumerate(network.blocks()):
        if _learns(name, phase):
            return number
    raise ValueError(f"phase {phase.name} trains none of the network's blocks")


def _learns(block: str, phase: Phase) -> bool:
    return f"{block}.".startswith(phase.trainable)
