"""The tensors of a network out of what training programs wrap them in, under the network's own names.

Nothing here knows a network: whoever calls says which names its networks have. Wrappings are looked for by
those names, so that a container or an attribute may be called anything: ``state_dict``, ``model_ema``, ``net.``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.checkpoints.format import CHECKPOINT_FORMAT
from models.checkpoints.timm_names import SAME_AS_TORCHVISIONS, renamed_from_timm
from models.support.errors import ModelFileError

# Modules that hold another one and add nothing of their own, wherever they stand in a name: DataParallel,
# DistributedDataParallel and AveragedModel; torch.compile; FSDP; activation checkpointing.
_SHELLS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_AVERAGED = re.compile(r"(?<![a-z])(ema|swa|avg|averaged?|shadow)(?![a-z])", re.IGNORECASE)
# What a training module keeps beside its network and a forward pass does not use.
_BESIDE = re.compile(
    r"(^|[._])(loss(es)?|loss_(fn|func)|criterion|metrics?|acc|accuracy|auc|auroc|f1|confmat|pos_weight|"
    r"class_weights?|n_averaged|num_updates|decay)([._]|$)",
    re.IGNORECASE,
)
# Containers of what is no weight; an optimizer's moments have the weights' shapes.
_NO_WEIGHTS = re.compile(r"optim|sched|scaler|rng|random|callback", re.IGNORECASE)
_COUNTER = "num_batches_tracked"
_MAX_DEPTH = 6
# Of a network's names, so many must be there before a prefix counts as one: others share a name or two by chance.
_LEAST_SHARE = 0.25


@dataclass(frozen=True)
class Unwrapped:
    """A network's tensors, and what a person should know of where they came from."""

    state: dict[str, Tensor]
    note: str | None = None


@dataclass(frozen=True)
class _Group:
    """A mapping inside the file that holds tensors."""

    place: str
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class _Candidate:
    group: _Group
    prefix: str
    names: Set[str]
    """Of the network that it looks like."""
    found: int

    @property
    def title(self) -> str:
        return (
            ".".join(part for part in (self.group.place, self.prefix.rstrip(".")) if part) or "the top level"
        )

    @property
    def averaged(self) -> bool:
        return bool(_AVERAGED.search(self.title)) or "n_averaged" in self.group.tensors


def unwrapped(content: Mapping[str, object], networks: Sequence[Set[str]], *, where: str) -> Unwrapped:
    """The one network in ``content``; ``networks`` are the tensor names of each that the caller can use.

    Where none of them is recognised, the largest group of tensors, for the caller to say what it is. Of several
    complete copies an averaged one is taken, else the first in the file, and ``note`` says so. Raises
    :class:`ModelFileError` where there are no tensors, or tensors beside the network that may belong to it.
    """
    groups = list(_groups(content))
    if content.get("format") == CHECKPOINT_FORMAT:
        groups = [group for group in groups if group.place == "model"]
    if not groups:
        raise ModelFileError(f"{where} holds no state_dict of a network")
    candidates = [one for group in groups for one in _candidates(group, networks)]
    if not candidates:
        return Unwrapped(
            _foreign(content, max(groups, key=lambda group: len(group.tensors)), networks, where)
        )
    most = max(one.found for one in candidates)
    copies = [one for one in candidates if one.found == most]
    taken = next((one for one in copies if one.averaged), copies[0])
    state = _network(taken, candidates, where)
    note = None
    if others := [one.title for one in copies if one is not taken]:
        kind = "averaged weights" if taken.averaged else "the first in the file"
        note = (
            f"{where} holds the network {len(copies)} times; taken: {taken.title} ({kind}); not taken: "
            f"{', '.join(others)}. To use another, save its state_dict alone"
        )
    return Unwrapped(state, note)


def _groups(content: Mapping[Any, object], place: tuple[str, ...] = ()) -> Iterator[_Group]:
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if tensors:
        yield _Group(".".join(place), _without_shells(tensors))
    if len(place) < _MAX_DEPTH:
        for name, value in content.items():
            if isinstance(value, Mapping) and not _NO_WEIGHTS.search(str(name)):
                yield from _groups(value, (*place, str(name)))


def _without_shells(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    bare = {".".join(part for part in name.split(".") if part not in _SHELLS): name for name in tensors}
    return {name: tensors[old] for name, old in bare.items()} if len(bare) == len(tensors) else tensors


def _candidates(group: _Group, networks: Sequence[Set[str]]) -> Iterator[_Candidate]:
    """Each prefix under which enough of a network's names stand, with the network that fits best."""
    best: dict[str, _Candidate] = {}
    for names in networks:
        found: dict[str, int] = {}
        for name in group.tensors:
            for prefix in _prefixes(name):
                if name.removeprefix(prefix) in names:
                    found[prefix] = found.get(prefix, 0) + 1
                    break
        for prefix, count in found.items():
            known = best.get(prefix)
            better = known is None or count / len(names) > known.found / len(known.names)
            if better and count >= _LEAST_SHARE * len(names):
                best[prefix] = _Candidate(group, prefix, names, count)
    yield from best.values()


def _prefixes(name: str) -> Iterator[str]:
    yield ""
    for dot in re.finditer(r"\.", name):
        yield name[: dot.end()]


def _network(taken: _Candidate, candidates: list[_Candidate], where: str) -> dict[str, Tensor]:
    """The tensors under the prefix, once it is known that nothing beside them takes part."""
    prefixes = sorted({one.prefix for one in candidates if one.group is taken.group}, key=len, reverse=True)
    state, beside = {}, []
    for name, tensor in taken.group.tensors.items():
        own = name.removeprefix(taken.prefix)
        # The longest prefix decides: "net.ema.x" belongs to the copy "net.ema.", not to "net.".
        place = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        if place == taken.prefix and (own in taken.names or not _BESIDE.search(name)):
            state[own] = tensor
        elif place is None and not _BESIDE.search(name):
            beside.append(name)
    if beside:
        more = f" and {len(beside) - 1} others" if len(beside) > 1 else ""
        raise ModelFileError(
            f"{where} holds {beside[0]}{more} beside the network under {taken.title!r}; what that does to its "
            "result is not known here: save the state_dict of the network alone"
        )
    return _completed(state, taken.names)


def _completed(state: dict[str, Tensor], names: Set[str]) -> dict[str, Tensor]:
    """What has another name or none and changes nothing: see below."""
    # A classifier that is a Linear alone, where the network's stands behind a dropout.
    for kind in ("weight", "bias"):
        if f"classifier.1.{kind}" in names - state.keys() and f"classifier.{kind}" in state:
            state[f"classifier.1.{kind}"] = state.pop(f"classifier.{kind}")
    # BatchNorm's counters, which some programs leave out and no result depends on.
    missing = names - state.keys()
    if missing and all(name.endswith(_COUNTER) for name in missing):
        return state | {name: torch.zeros((), dtype=torch.int64) for name in sorted(missing)}
    return state


def _foreign(
    content: Mapping[str, object], group: _Group, networks: Sequence[Set[str]], where: str
) -> dict[str, Tensor]:
    """Other names: timm's where the file says that it is the network of the same sums; else as they are."""
    state = _without_common_prefix(group.tensors)
    renamed = renamed_from_timm(state)
    if renamed is None or not any(renamed.keys() == names for names in networks):
        return state
    architecture = _architecture(content)
    if architecture is None:
        return state
    if architecture.partition(".")[0] not in SAME_AS_TORCHVISIONS:
        raise ModelFileError(
            f"{where} holds timm's {architecture}, whose tensors fit and which computes something else "
            "(TensorFlow's padding, another BatchNorm eps); train torchvision's network, or timm's efficientnet_b4"
        )
    return renamed


def _without_common_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    while len(first := {name.partition(".")[0] for name in tensors}) == 1 and len(tensors) > 1:
        if not all("." in name for name in tensors):
            break
        prefix = first.pop() + "."
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _architecture(content: Mapping[str, object]) -> str | None:
    """As timm's training writes it beside the weights: ``arch``, or ``model`` among its options."""
    options = content.get("args")
    if isinstance(options, argparse.Namespace):
        options = vars(options)
    said = [content.get("arch"), content.get("architecture")]
    said += [options.get("model"), options.get("arch")] if isinstance(options, Mapping) else []
    return next((one for one in said if isinstance(one, str)), None)
