"""A network's tensors out of what programs wrap them in, real wrappers where torch has them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models.backbones import build_network
from models.checkpoints.format import CHECKPOINT_FORMAT
from models.checkpoints.timm_names import renamed_from_timm
from models.checkpoints.wrappings import Unwrapped, unwrapped
from models.support.errors import ModelFileError

State = dict[str, Tensor]


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU()))
        self.classifier = nn.Sequential(nn.Dropout(0.4), nn.Linear(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return logit


NAMES = Small().state_dict().keys()
OTHER_NAMES = {"stem.weight", *(f"blocks.{n}.weight" for n in range(30))}


def network(seed: int) -> Small:
    torch.manual_seed(seed)
    return Small()


def state(seed: int = 1) -> State:
    return dict(network(seed).state_dict())


def under(prefix: str, tensors: State) -> State:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def found(content: Any) -> Unwrapped:
    return unwrapped(content, [OTHER_NAMES, NAMES], where="x.pth")


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def optimizer() -> dict[str, Any]:
    made = network(1)
    adam = torch.optim.Adam(made.parameters())
    made(torch.rand(2, 3, 5, 5)).sum().backward()
    adam.step()
    return adam.state_dict()


def through_features(tensors: State, segment: str) -> State:
    return {name.replace("features.", f"features.{segment}."): tensor for name, tensor in tensors.items()}


WRAPPINGS: dict[str, Callable[[], Any]] = {
    "bare": state,
    "DataParallel": lambda: nn.DataParallel(network(1)).state_dict(),
    "torch.compile": lambda: torch.compile(network(1)).state_dict(),
    "compiled DataParallel": lambda: torch.compile(nn.DataParallel(network(1))).state_dict(),
    "DataParallel of a compiled one": lambda: nn.DataParallel(torch.compile(network(1))).state_dict(),
    "AveragedModel": lambda: AveragedModel(network(1), use_buffers=True).state_dict(),
    "features alone in DataParallel": lambda: through_features(state(), "module"),
    "features alone compiled": lambda: through_features(state(), "_orig_mod"),
    "FSDP": lambda: under("_fsdp_wrapped_module.", state()),
    **{
        key: lambda key=key: {key: state(), "epoch": 3, "optimizer": optimizer(), "best": 0.9}
        for key in ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "ema",
                    "state_dict_ema", "model_ema", "ema_state_dict", "netD", "G")
    },
    "Lightning": lambda: {"state_dict": under("model.", state()), "pytorch-lightning_version": "2.5", "loops": {}},
    "Lightning, another attribute": lambda: {"state_dict": under("backbone.efficientnet.", state())},
    "Lightning with its loss and metrics": lambda: {
        "state_dict": under("net.", state())
        | {"criterion.pos_weight": torch.ones(1), "val_acc.correct": torch.zeros(1), "loss_fn.weight": torch.ones(2)}
    },
    "everything at once": lambda: {
        "checkpoint": {"model": {"state_dict": under("module._orig_mod.net.module.", state())}}
    },
    "an EMA container": lambda: {"ema": {"module": under("module.", state()), "decay": 0.99, "updates": 4}},
    "LitEma": lambda: {"state_dict": under("model_ema.", state() | {"num_updates": torch.tensor(3)})},
    "timm": lambda: {
        "epoch": 3, "arch": "x", "state_dict": state(), "optimizer": optimizer(), "version": 2,
        "args": argparse.Namespace(model="x"),
    },
    "tensors that are parameters": lambda: {**network(1).state_dict(keep_vars=True)},
    "a classifier without its dropout": lambda: {
        name.replace("classifier.1.", "classifier."): tensor for name, tensor in state().items()
    },
    "numbers for keys": lambda: {"models": {0: state()}},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_the_same_tensors_come_out_of_every_wrapping(wrap: Callable[[], Any]) -> None:
    result = found(wrap())
    assert same(result.state, state())
    assert result.note is None


def test_counters_that_a_program_left_out_are_zeros() -> None:
    given = {name: tensor for name, tensor in state().items() if not name.endswith("num_batches_tracked")}
    result = found({"model": given})
    assert same(result.state, state())
    del given["features.0.1.running_var"]
    assert found({"model": given}).state.keys() == given.keys(), "anything else that is missing stays so"


# Several copies


@pytest.mark.parametrize(
    ("content", "taken", "left"),
    [
        ({"model": state(1), "model_ema": under("module.", state(2))}, "model_ema", "model"),
        ({"state_dict_ema": state(2), "state_dict": state(1)}, "state_dict_ema", "state_dict"),
        ({"params": state(1), "params_ema": state(2)}, "params_ema", "params"),
        ({"swa": {"n_averaged": torch.tensor(3)} | under("module.", state(2)), "m": state(1)}, "swa", "m"),
        ({"m": state(1), "averages": {"n_averaged": torch.tensor(3), **state(2)}}, "averages", "m"),
        (
            {"state_dict": under("net.", state(1)) | under("net_ema.", state(2))},
            "state_dict.net_ema",
            "state_dict.net",
        ),
        (
            {"state_dict": under("net.", state(1)) | under("net.ema.", state(2))},
            "state_dict.net.ema",
            "state_dict.net",
        ),
        (state(1) | under("ema.", state(2)), "ema", "the top level"),
    ],
)
def test_of_the_weights_and_their_average_the_average_is_taken_and_it_is_said(
    content: Any, taken: str, left: str
) -> None:
    result = found(content)
    assert same(result.state, state(2))
    assert result.note is not None
    assert (
        f"x.pth holds the network 2 times; taken: {taken} (averaged weights); not taken: {left}."
        in result.note
    )


def test_of_equal_copies_the_first_in_the_file_is_taken_and_it_is_said() -> None:
    for names in (("student", "teacher"), ("teacher", "student")):
        result = found({names[0]: state(1), names[1]: state(2)})
        assert same(result.state, state(1))
        assert result.note is not None and f"taken: {names[0]} (the first" in result.note


def test_a_whole_copy_is_taken_before_one_with_tensors_missing() -> None:
    parameters = {
        name: tensor for name, tensor in state(2).items() if "running" not in name and "num" not in name
    }
    result = found({"ema": parameters, "model": state(1)})
    assert same(result.state, state(1)) and result.note is None


def test_a_run_of_this_tool_says_itself_which_it_is() -> None:
    result = found({"format": CHECKPOINT_FORMAT, "average": under("module.", state(2)), "model": state(1)})
    assert same(result.state, state(1)) and result.note is None


# What is refused, and what is left to the caller


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        ({"normalize.mean": torch.zeros(3), "normalize.std": torch.ones(3)}, "normalize.mean and 1 others"),
        ({"head.weight": torch.ones(1, 1)}, "head.weight beside"),
    ],
)
def test_tensors_beside_the_network_that_may_belong_to_it_are_named(beside: State, named: str) -> None:
    with pytest.raises(ModelFileError, match=f"x.pth holds {named}") as caught:
        found({"state_dict": under("net.", state()) | beside})
    assert "save the state_dict of the network alone" in str(caught.value)


@pytest.mark.parametrize(
    "content", [{}, {"model": {}}, {"model": 3}, {"model": {"x": 1}}, {"x": [torch.ones(1)]}]
)
def test_a_file_without_named_tensors_is_refused(content: Any) -> None:
    with pytest.raises(ModelFileError, match=r"x\.pth holds no state_dict"):
        found(content)


def test_a_prefix_is_kept_where_taking_it_away_would_make_two_of_one_name() -> None:
    clash = {"a.weight": torch.zeros(1), "module.a.weight": torch.ones(1)}
    assert same(found(clash).state, clash)


def test_a_foreign_network_comes_out_by_its_own_names() -> None:
    foreign = {"conv1.weight": torch.ones(1), "fc.weight": torch.ones(2, 2)}
    result = found({"state_dict": under("module.net.", foreign), "optimizer": optimizer()})
    assert same(result.state, foreign)


def test_a_network_with_tensors_missing_or_too_many_comes_out_as_it_is() -> None:
    few = {name: tensor for name, tensor in state().items() if name != "features.0.0.bias"}
    assert same(found(under("module.", few)).state, few)
    assert same(
        found(under("net.", state() | {"extra": torch.ones(1)})).state, state() | {"extra": torch.ones(1)}
    )


# timm


def timm_names(tensors: State) -> State:
    """As timm names an EfficientNet's; test_timm_names.py has one block of each kind written by hand."""
    stand_in = {
        f"blocks.{stage}.{number}.{part}.{kind}": torch.zeros(())
        for stage, count in enumerate((2, 4, 4, 6, 6, 8, 2))
        for number in range(count)
        for part in (
            "conv_pw",
            "conv_dw",
            "conv_pwl",
            "bn1",
            "bn2",
            "bn3",
            "se.conv_reduce",
            "se.conv_expand",
        )
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        if not (stage == 0 and part in ("conv_pwl", "bn3"))
    } | {
        f"{part}.{kind}": torch.zeros(())
        for part in ("conv_stem", "bn1", "conv_head", "bn2", "classifier")
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    found = {}
    for name in stand_in:
        renamed = renamed_from_timm({name: stand_in[name]})
        assert renamed is not None
        found[next(iter(renamed))] = name
    return {found[name]: tensor for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def b4() -> State:
    with torch.device("meta"):
        return dict(build_network().state_dict())


@pytest.mark.parametrize(
    "said", [{"arch": "efficientnet_b4"}, {"args": argparse.Namespace(model="efficientnet_b4.ra2_in1k")}]
)
def test_timms_names_are_renamed_where_the_file_says_which_network_it_is(b4: State, said: Any) -> None:
    for tensors in (timm_names(b4), under("module.", timm_names(b4)), dict(sorted(timm_names(b4).items()))):
        result = unwrapped({"state_dict": tensors, **said}, [b4.keys()], where="x")
        assert result.state.keys() == b4.keys()
        assert all(result.state[name].shape == b4[name].shape for name in b4)


def test_timms_names_alone_do_not_say_whether_the_sums_are_the_same(b4: State) -> None:
    given = timm_names(b4)
    assert unwrapped({"state_dict": given}, [b4.keys()], where="x").state.keys() == given.keys()
    with pytest.raises(ModelFileError, match=r"x holds timm's tf_efficientnet_b4_ns.*TensorFlow's padding"):
        unwrapped({"state_dict": given, "arch": "tf_efficientnet_b4_ns"}, [b4.keys()], where="x")
