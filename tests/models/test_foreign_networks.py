from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision import models as torchvisions

from models.backbones import build_network
from models.checkpoints.foreign_networks import describe_foreign, misfit

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def ours() -> State:
    with torch.device("meta"):
        return dict(build_network().state_dict())


def state_of(name: str, **options: object) -> State:
    with torch.device("meta"):
        return dict(torchvisions.get_model(name, weights=None, **options).state_dict())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet18", "a resnet18"),
        ("resnet34", "a resnet34"),
        ("resnet50", "a resnet50"),
        ("resnet101", "a resnet101"),
        ("resnext50_32x4d", "a variant of resnet50 (ResNeXt, "),
        ("vgg11", "a VGG"),
        ("alexnet", "an AlexNet"),
        ("densenet121", "a DenseNet"),
        ("mobilenet_v2", "a MobileNetV2"),
        ("mobilenet_v3_small", "a MobileNetV3"),
        ("shufflenet_v2_x0_5", "a ShuffleNetV2"),
        ("squeezenet1_1", "a SqueezeNet"),
        ("convnext_tiny", "a ConvNeXt"),
        ("swin_t", "a Swin transformer"),
        ("swin_v2_t", "a Swin transformer"),
        ("vit_b_16", "a vision transformer (ViT)"),
        ("efficientnet_b0", "torchvision's efficientnet_b0"),
        ("efficientnet_b3", "torchvision's efficientnet_b3"),
        ("efficientnet_b4", "torchvision's efficientnet_b4"),
        ("efficientnet_b5", "torchvision's efficientnet_b5"),
        ("efficientnet_v2_s", "torchvision's efficientnet_v2_s"),
    ],
)
def test_torchvisions_networks_are_told_apart_by_names_and_shapes(name: str, said: str) -> None:
    state = state_of(name, num_classes=7)
    for prefix in ("", "backbone.net."):
        found = describe_foreign({prefix + name: tensor for name, tensor in state.items()})
        assert found is not None and found.startswith(f"it seems to hold {said}")
        assert found.endswith(" with 7 outputs")


def of_shapes(**shapes: tuple[int, ...]) -> State:
    return {name.replace("__", "."): torch.zeros(shape, device="meta") for name, shape in shapes.items()}


def efficientnet(stem: str, block: str, gate: str, top: str, head: str) -> State:
    """A B4 with one logit as far as it is looked at, under another library's names."""
    with torch.device("meta"):
        blocks = {block.format(n): torch.zeros(1) for n in range(32)}
        return blocks | {
            stem: torch.zeros(48, 3, 3, 3),
            gate: torch.zeros(12, 48, 1, 1),
            top: torch.zeros(1792, 448, 1, 1),
            head: torch.zeros(1, 1792),
        }


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            efficientnet("conv_stem.weight", "blocks.{0}.0.bn1.weight", "blocks.0.0.se.conv_reduce.weight",
                         "conv_head.weight", "classifier.weight"),
            "timm's efficientnet_b4 with 1 output (or tf_efficientnet_b4",
        ),
        (
            efficientnet("_conv_stem.weight", "_blocks.{0}._bn1.weight", "_blocks.0._se_reduce.weight",
                         "_conv_head.weight", "_fc.weight"),
            "efficientnet-pytorch's efficientnet_b4 with 1 output: its padding is TensorFlow's",
        ),
        (
            efficientnet("efficientnet.embeddings.convolution.weight", "efficientnet.encoder.blocks.{0}.expand.weight",
                         "efficientnet.encoder.blocks.0.squeeze_excite.reduce.weight",
                         "efficientnet.encoder.top_conv.weight", "classifier.weight"),
            "Hugging Face's efficientnet_b4 with 1 output",
        ),
        (of_shapes(block1__rep__0__conv1__weight=(1,), block12__rep__1__weight=(1,), last_linear__weight=(2, 2048)),
         "an Xception with 2 outputs"),
        (of_shapes(patch_embed__proj__weight=(1,), blocks__0__attn__qkv__weight=(1,),
                   blocks__0__mlp__fc1__weight=(9, 9), head__weight=(2, 768)),
         "a vision transformer (ViT) with 2 outputs"),
        (of_shapes(visual__proj=(1,), logit_scale=()), "a CLIP model"),
    ],
)  # fmt: skip
def test_other_libraries_names_are_known(state: State, said: str, ours: State) -> None:
    reason = misfit(ours, state)
    assert reason is not None and f"it seems to hold {said}" in reason and "\n" not in reason


def test_timms_remedy_is_one_that_works(ours: State) -> None:
    state = efficientnet("conv_stem.weight", "blocks.{0}.0.bn1.weight", "blocks.0.0.se.conv_reduce.weight",
                         "conv_head.weight", "classifier.weight")  # fmt: skip
    reason = misfit(ours, state)
    assert reason is not None and '{"arch": "efficientnet_b4", "state_dict": state_dict}' in reason


def test_what_fits_is_no_misfit(ours: State) -> None:
    assert misfit(ours, dict(ours)) is None


@pytest.mark.parametrize(
    ("classes", "said"),
    [(2, "with 2 outputs (classifier.1.weight) in place of 1; a softmax"), (1000, "ImageNet's classes"),
     (5, "with 5 outputs (classifier.1.weight) in place of 1; train it")],
)  # fmt: skip
def test_another_head_on_the_same_network_is_named(classes: int, said: str, ours: State) -> None:
    reason = misfit(ours, state_of("efficientnet_b4", num_classes=classes))
    assert reason is not None and said in reason


def test_the_remedy_for_two_classes_gives_their_softmax() -> None:
    torch.manual_seed(1)
    two, features = nn.Linear(6, 2), torch.randn(5, 6)
    w, bias = two.weight.detach(), two.bias.detach()
    for f in (0, 1):
        logit = features @ (w[f : f + 1] - w[1 - f : 2 - f]).T + bias[f : f + 1] - bias[1 - f : 2 - f]
        assert torch.allclose(logit.sigmoid()[:, 0], two(features).softmax(1)[:, f])


def test_a_few_differences_are_counted_and_the_first_of_each_kind_is_named(ours: State) -> None:
    state = dict(ours)
    state["features.9.weight"] = state.pop("features.8.1.bias")
    state["features.0.0.weight"] = torch.zeros(8, 3, 3, 3)
    assert misfit(ours, state) == (
        "1 tensors missing, 1 unknown, 1 of another shape (first: missing features.8.1.bias, unknown "
        "features.9.weight, another shape features.0.0.weight)"
    )


def test_a_network_that_nobody_knows_is_counted(ours: State) -> None:
    assert describe_foreign(of_shapes(a__weight=(1,))) is None
    reason = misfit(ours, of_shapes(a__weight=(1,)))
    assert reason is not None and reason.startswith("706 tensors missing, 1 unknown") and "a.weight" in reason
