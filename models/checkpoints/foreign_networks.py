"""What a file that does not fit seems to hold: told by the names and shapes of its tensors, for the refusal's sentence.

Names as in torchvision 0.29, timm 1.0, efficientnet-pytorch 0.7, Hugging Face transformers, Cadene's pretrained-models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

State = Mapping[str, Tensor]

_FEW = 0.1
_HEAD = re.compile(
    r"(^|\.)(_?fc\d*(\.\d+)?|classifier(\.\d+)?|head(\.\d+|\.fc\d*)?|heads\.head|last_linear|"
    r"head\.l|output|logits)\.weight$"
)


# Blocks have linear layers of the same names.
_INSIDE = re.compile(r"block|layer|stage|features|encoder|mlp")


class _Scheme(NamedTuple):
    """How one library names the parts of an EfficientNet."""

    library: str
    stem: re.Pattern[str]
    block: re.Pattern[str]
    gate: re.Pattern[str]
    top: re.Pattern[str]


def _scheme(library: str, stem: str, block: str, gate: str, top: str) -> _Scheme:
    start = r"(?:^|\.)"
    return _Scheme(library, *(re.compile(start + part) for part in (stem, block, gate, top)))


_SCHEMES = (
    _scheme(
        "torchvision",
        r"features\.0\.0\.weight$",
        r"features\.(\d+\.\d+)\.block\.",
        r"block\.\d\.fc1\.weight$",
        r"features\.[78]\.0\.weight$",
    ),
    _scheme(
        "timm",
        r"conv_stem\.weight$",
        r"blocks\.(\d+\.\d+)\.",
        r"se\.conv_reduce\.weight$",
        r"conv_head\.weight$",
    ),
    _scheme(
        "efficientnet-pytorch",
        r"_conv_stem\.weight$",
        r"_blocks\.(\d+)\.",
        r"_se_reduce\.weight$",
        r"_conv_head\.weight$",
    ),
    _scheme(
        "Hugging Face",
        r"embeddings\.convolution\.weight$",
        r"encoder\.blocks\.(\d+)\.",
        r"squeeze_excite\.reduce\.weight$",
        r"encoder\.top_conv\.weight$",
    ),
)
# By blocks, width of the stem, and the last convolution's outputs and inputs.
_EFFICIENTNETS = {
    (16, 32, 1280, 320): "b0",
    (23, 32, 1280, 320): "b1",
    (23, 32, 1408, 352): "b2",
    (26, 40, 1536, 384): "b3",
    (32, 48, 1792, 448): "b4",
    (39, 48, 2048, 512): "b5",
    (45, 56, 2304, 576): "b6",
    (55, 64, 2560, 640): "b7",
    (61, 72, 2816, 704): "b8",
    (40, 24, 1280, 256): "v2_s",
    (57, 24, 1280, 512): "v2_m",
    (79, 32, 1280, 640): "v2_l",
}
# Without squeeze-and-excitation.
_LITES = {
    (16, 32, 1280, 320): "lite0",
    (21, 32, 1280, 320): "lite1",
    (21, 32, 1280, 352): "lite2",
    (24, 32, 1280, 384): "lite3",
    (30, 32, 1280, 448): "lite4",
}
_RESNETS: dict[tuple[int, ...], tuple[str, str]] = {
    (2, 2, 2, 2): ("resnet18", ""),
    (3, 4, 6, 3): ("resnet34", "resnet50"),
    (3, 4, 23, 3): ("", "resnet101"),
    (3, 8, 36, 3): ("", "resnet152"),
}
# The first line whose names all occur; each is searched for in any name.
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("an Inception-v3", (r"Mixed_5b\.", r"Conv2d_1a_3x3\.")),
    ("an Inception-ResNet-v1 (facenet-pytorch)", (r"conv2d_1a\.conv\.", r"repeat_1\.")),
    ("an Xception", (r"block1\.rep\.\d", r"block12\.rep\.\d")),
    ("a DenseNet", (r"denseblock1\.denselayer1\.",)),
    ("a ConvNeXt", (r"features\.\d\.\d\.layer_scale$",)),
    ("a ConvNeXt", (r"stages\.0\.blocks\.0\.(gamma|conv_dw\.weight)$", r"stem\.0\.weight$")),
    (
        "a Swin transformer",
        (r"(layers|features)\.\d\..*attn\.(relative_position_bias_table|cpb_mlp\.0\.weight)$",),
    ),
    ("a CLIP model", (r"(visual|vision_model)\.", r"logit_scale$")),
    ("a vision transformer (ViT)", (r"patch_embed\.proj\.weight$", r"attn\.qkv\.weight$")),
    ("a vision transformer (ViT)", (r"conv_proj\.weight$", r"encoder_layer_0\.")),
    ("a vision transformer (ViT)", (r"patch_embeddings\.projection\.weight$",)),
    ("a RegNet", (r"trunk_output\.block1\.",)),
    ("a MobileNetV2", (r"features\.1\.conv\.0\.0\.weight$", r"features\.18\.0\.weight$")),
    ("a MobileNetV3", (r"features\.1\.block\.0\.0\.weight$", r"classifier\.0\.weight$")),
    (
        "a MobileNetV3 or another network of timm's EfficientNet family",
        (r"conv_stem\.weight$", r"blocks\.0\.0\."),
    ),
    ("a ShuffleNetV2", (r"stage2\.0\.branch1\.",)),
    ("a SqueezeNet", (r"features\.3\.squeeze\.weight$",)),
    ("a MNASNet", (r"layers\.0\.weight$", r"layers\.8\.0\.layers\.0\.weight$")),
    ("a GoogLeNet", (r"inception3a\.branch1\.",)),
    ("a VGG", (r"features\.0\.weight$", r"(classifier\.6|head\.fc)\.weight$", r"features\.(1[1-9]|2\d)\.")),
    ("an AlexNet", (r"features\.0\.weight$", r"features\.10\.weight$", r"classifier\.6\.weight$")),
    ("a MesoNet", (r"conv1\.weight$", r"conv4\.weight$", r"fc2\.weight$")),
    ("a YOLO detector", (r"model\.\d+\.(conv|cv1)\.", r"model\.2\d\.")),
    ("a Stable Diffusion model", (r"(diffusion_model|down_blocks)\.",)),
)


def misfit(ours: State, state: State) -> str | None:
    """Why ``state`` cannot be loaded where the tensors ``ours`` are, in words; ``None`` if it can."""
    missing, unknown = [k for k in ours if k not in state], [k for k in state if k not in ours]
    shapes = sorted(k for k in ours if k in state and ours[k].shape != state[k].shape)
    if not (missing or unknown or shapes):
        return None
    if not missing and not unknown and all(k.startswith("classifier.") for k in shapes):
        return _other_head(ours, state, shapes)
    if len(missing) + len(shapes) > _FEW * len(ours) and (seems := describe_foreign(state)):
        return seems
    counts = f"{len(missing)} tensors missing, {len(unknown)} unknown, {len(shapes)} of another shape"
    first = [
        f"{word} {names[0]}"
        for word, names in (("missing", missing), ("unknown", unknown), ("another shape", shapes))
        if names
    ]
    return f"{counts} (first: {', '.join(first)})"


def _other_head(ours: State, state: State, shapes: list[str]) -> str:
    name = next((k for k in shapes if k.endswith("weight")), shapes[0])
    there, wanted = state[name].shape, ours[name].shape
    if len(there) != 2 or there[1:] != wanted[1:]:
        return f"{name} has the shape {tuple(there)}, not {tuple(wanted)}"
    says = f"it is the same network with {there[0]} outputs ({name}) in place of {wanted[0]}"
    if there[0] == 2:
        return (
            f"{says}; a softmax over two classes is a sigmoid of their difference: save it with "
            "classifier.1.weight = w[f:f+1] - w[1-f:2-f], f being the number of the class Fake, and the bias likewise"
        )
    if there[0] == 1000:
        return f"{says}, ImageNet's classes: it has not learnt to tell fakes; scan-train --init FILE starts from it"
    return f"{says}; train it with one: scan-train"


def describe_foreign(state: State) -> str | None:
    """For instance ``it seems to hold a resnet50 with 1000 outputs``; ``None`` if nobody knows."""
    seems, advice = _efficientnet(state) or (_resnet(state) or _family(state), "")
    if seems is None:
        return None
    outputs = _outputs(state)
    head = "" if outputs is None else f" with {outputs} output{'s' if outputs > 1 else ''}"
    return f"it seems to hold {seems}{head}{advice}"


def _efficientnet(state: State) -> tuple[str, str] | None:
    for scheme in _SCHEMES:
        stem = _first(state, scheme.stem)
        blocks = {found[1] for name in state if (found := scheme.block.search(name))}
        tops = [tensor for name, tensor in state.items() if scheme.top.search(name) and tensor.ndim == 4]
        if stem is None or not blocks or not tops:
            continue
        top = tops[-1]
        if scheme.library == "torchvision":  # V2 has one stage fewer; the last of the two is the top
            top = max(tops, key=lambda tensor: tensor.shape[0])
        table = _EFFICIENTNETS if _first(state, scheme.gate) is not None else _LITES
        kind = table.get((len(blocks), stem.shape[0], top.shape[0], top.shape[1]))
        if kind is None:
            continue
        return f"{scheme.library}'s efficientnet_{kind}", _ADVICE.get((scheme.library, kind), "")
    return None


_ADVICE = {
    ("timm", "b4"): (
        " (or tf_efficientnet_b4, whose tensors have the same names and which computes something else: "
        "TensorFlow's padding, another BatchNorm eps). If it is efficientnet_b4 itself, say so in the file, and its "
        'tensors are renamed: torch.save({"arch": "efficientnet_b4", "state_dict": state_dict}, "named.pth")'
    ),
    ("efficientnet-pytorch", "b4"): (
        ": its padding is TensorFlow's and its BatchNorm eps 1e-3, so that the same tensors would give other "
        "results here; train torchvision's network: scan-train"
    ),
    ("Hugging Face", "b4"): (
        ": its padding is TensorFlow's and its BatchNorm eps 1e-3, so that the same tensors would give other "
        "results here; train torchvision's network: scan-train"
    ),
}


def _resnet(state: State) -> str | None:
    blocks = [
        len(
            {
                f[1]
                for name in state
                if (f := re.search(rf"(?:^|\.)layer{stage}\.(\d+)\.conv1\.weight$", name))
            }
        )
        for stage in (1, 2, 3, 4)
    ]
    if not all(blocks):
        return None
    bottleneck = _has(state, r"layer1\.0\.conv3\.weight$")
    known = _RESNETS.get(tuple(blocks), ("", ""))[bottleneck]
    middle = _first(state, re.compile(r"(?:^|\.)layer1\.0\.conv2\.weight$"))
    plain = (
        middle is not None
        and tuple(middle.shape[:2]) == (64, 64)
        and _has(state, r"(?<!\d\.)conv1\.weight$")
        and not _has(state, r"layer1\.0\.(se|attn)\w*\.")
    )
    if not known:
        return "a ResNet"
    return f"a {known}" if plain else f"a variant of {known} (ResNeXt, Wide ResNet, ResNet-D, SE-ResNet …)"


def _has(state: State, pattern: str) -> bool:
    return _first(state, re.compile(r"(?:^|\.)" + pattern)) is not None


def _family(state: State) -> str | None:
    for family, patterns in _FAMILIES:
        if all(_has(state, pattern) for pattern in patterns):
            return family
    return None


def _first(state: State, pattern: re.Pattern[str]) -> Tensor | None:
    return next((tensor for name, tensor in state.items() if pattern.search(name)), None)


def _outputs(state: State) -> int | None:
    heads = [
        (name, tensor)
        for name, tensor in state.items()
        if _HEAD.search(name) and not _INSIDE.search(name) and (tensor.ndim == 2 or "classifier" in name)
    ]
    if not heads:
        return None
    _, last = max(heads, key=lambda one: [int(part) for part in re.findall(r"\d+", one[0])] or [0])
    return int(last.shape[0])
