"""Variants of a small EfficientNet, exported like the large one, on labelled trees that the tests make."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, numpy_helper
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import nn
from torchvision.models import EfficientNet
from torchvision.models.efficientnet import MBConvConfig
from torchvision.transforms.functional import normalize

from export import variant_check, variants
from export.cli import command
from export.convert import convert
from export.exporter import ExportOptions, write_model
from export.fp16 import to_fp16
from export.graph import finished, folded, parts
from export.int8 import QUANTISED, to_int8
from export.variant_check import Difference, VariantComparison, compare, quantization_sample
from export.variants import Precision, PrecisionLossError, VariantOptions, export_variant, failure
from models.backbones import Network
from models.contract import (
    DEFAULT_NETWORK,
    IMAGE_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    InputSpec,
    Label,
    ModelMetadata,
    Threshold,
)
from models.preprocessing import preprocess, to_input
from models.preprocessing.laws import law_of
from models.storage import Store
from models.support.errors import DataError, ExitCode, Failure, ModelFileError, OutputError
from models.weights import sha256_file, shipped_weights
from scanner import Detector
from scanner.inference.openvino import load_openvino
from train.datasets.tree import Role, divide, read_tree

METADATA = ModelMetadata(
    "small", "1", "fake", license="none", temperature=0.7, calibrated=True, calibration_prior=0.5,
    thresholds={"default": Threshold(0.8, "tests", 0.05, 0.5)}, inconclusive_low=0.2, parity={"images": 32},
)  # fmt: skip
SAME_OF_ALL = ("name", "version", "license", "temperature", "thresholds", "inconclusive_low", "calibrated")


def picture(generator: np.random.Generator, label: Label) -> npt.NDArray[np.uint8]:
    """``uint8[32, 32, 3]``: noise over a gradient; most fakes have more of it."""
    ramp = np.linspace(0, 200, 32)[:, None, None] * generator.uniform(0.3, 1, 3)
    noise = generator.normal(0, generator.uniform(10, 30) + 10 * label, (32, 32, 3))
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)


class Small(EfficientNet, Network):  # type: ignore[misc]
    backbone = DEFAULT_NETWORK
    forward = Network.forward


def small_network() -> Network:
    """Stem, two MBConv stages (one block with a residual sum) and a classifier that knows most fakes."""
    torch.manual_seed(3)
    stages = [
        MBConvConfig(1, 3, 2, 8, 8, 1, width_mult=1.0, depth_mult=1.0),
        MBConvConfig(4, 3, 2, 8, 16, 2, width_mult=1.0, depth_mult=1.0),
    ]
    network = Small(stages, dropout=0.0, stochastic_depth_prob=0.0, num_classes=1, last_channel=32)
    generator = np.random.default_rng(9)
    labels = [Label.REAL, Label.FAKE] * 8
    drawn = [to_input(Image.fromarray(picture(generator, label))) for label in labels]
    pixels = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2) / 255
    images = normalize(pixels, list(IMAGENET_MEAN), list(IMAGENET_STD))
    head = network.classifier[1]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network.train()(images)
        features = network.eval().features(images).mean((2, 3))
        direction = features[1::2].mean(0) - features[::2].mean(0)
        logits = features @ direction
        head.weight.copy_(direction / logits.std())
        head.bias.fill_(-logits.mean() / logits.std())
    return network


def save(network: Network, file: Path, metadata: ModelMetadata = METADATA) -> Path:
    model = convert(network, positive=Label.FAKE, temperature=metadata.temperature, store=Store.FP32)
    write_model(model, metadata, file)
    return file


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(small_network(), tmp_path_factory.mktemp("small") / "small.onnx")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("trees") / "faces"
    generator = np.random.default_rng(5)
    for split, count in (("train", 24), ("validation", 8)):
        for label in Label:
            folder = tree / split / label.title
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(picture(generator, label)).save(folder / f"{number:02}.png")
    return tree


@pytest.fixture(scope="session")
def pixels(data: Path) -> npt.NDArray[np.uint8]:
    return quantization_sample(data, 16).pixels


def options(precision: str, data: Path) -> VariantOptions:
    kind = Precision(precision)
    on = data if kind is Precision.INT8 else None
    return VariantOptions(
        kind, measure_on=data, calibrate_on=on, calibration_images=16, device=device_for(precision)
    )


def device_for(precision: str) -> str:
    if precision != "bf16":
        return "cpu"
    if "BF16" not in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute bf16")
    return "openvino"


@pytest.fixture
def tolerant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen pictures and random weights say nothing about how much a variant may lose."""
    monkeypatch.setattr(variants, "MAX_AUC_LOSS", 1.0)


def scores(
    file: Path, data: Path, device: str = "cpu"
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Printed probabilities and labels of the validation split, by the detector alone."""
    images = read_tree(data, "validation")
    batch = np.stack([preprocess(image.path.read_bytes())[0] for image in images])
    probabilities = [float(f"{p:.6f}") for p in Detector.load(file, device).score(batch).prob_fake.tolist()]
    return np.array(probabilities), np.array([int(image.label) for image in images])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8", pytest.param("bf16", marks=pytest.mark.own_process)])
@pytest.mark.usefixtures("tolerant")
def test_a_variant_runs_in_the_scanner_and_says_what_it_lost(
    precision: str, reference: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "variant.onnx"
    report = export_variant(reference, out, options(precision, data))
    assert (report.sha256, report.size) == (sha256_file(out), out.stat().st_size)
    assert [path.name for path in tmp_path.iterdir()] == ["variant.onnx"]

    model, original = onnx.load(str(out)), onnx.load(str(reference))
    onnx.checker.check_model(model, full_check=True)
    assert list(model.graph.input) == list(original.graph.input)
    assert list(model.graph.output) == list(original.graph.output)
    assert {opset.domain for opset in model.opset_import} == {""}

    device = device_for(precision)
    metadata = Detector.load(out, device).metadata
    assert metadata == report.metadata
    # bf16 is not stored: the runtime rounds.
    store = METADATA.store if precision == "bf16" else precision
    assert (metadata.precision, metadata.store, metadata.parity) == (precision, store, None)
    for key in SAME_OF_ALL:
        assert getattr(metadata, key) == getattr(METADATA, key)

    (before, labels), (after, _) = scores(reference, data, device), scores(out, data, device)
    check = metadata.precision_check
    assert check is not None
    assert check["reference_sha256"] == sha256_file(reference)
    assert check["data"] == "faces, validation"
    assert check["runtime"].partition(" ")[0] == ("openvino" if precision == "bf16" else "onnxruntime")
    assert check["images"] == len(labels) == 16
    assert check["auc_reference"] == roc_auc_score(labels, before)
    assert check["auc"] == roc_auc_score(labels, after)
    assert check["delta_auc"] == pytest.approx(check["auc"] - check["auc_reference"])
    assert check["max_abs_delta_p"] == pytest.approx(np.abs(after - before).max(), abs=1e-9)
    assert np.ptp(before) > 0.2, "probabilities that do not spread prove nothing"
    assert 0 < check["max_abs_delta_p"] < 0.1
    assert (check["quantised_on"] is not None) is (precision == "int8")


@pytest.mark.own_process
def test_openvino_computes_an_fp32_file_as_onnxruntime_does(reference: Path, data: Path) -> None:
    (ours, _), (theirs, _) = scores(reference, data, "openvino"), scores(reference, data)
    np.testing.assert_allclose(ours, theirs, atol=3e-6)


@pytest.mark.slow
def test_int8_convolutions_are_integers_and_the_rest_is_what_the_lists_say(
    reference: Path, pixels: npt.NDArray[np.uint8]
) -> None:
    plain = folded(onnx.load(str(reference)))
    found = parts(plain, where="small")
    kinds = Counter(node.op_type for node in plain.graph.node)
    assert kinds["BatchNormalization"] == 0
    quantised = to_int8(plain, found, pixels)
    made_by = {output: node for node in quantised.graph.node for output in node.output}
    for node in quantised.graph.node:
        if node.op_type in QUANTISED and node.name in found.pooled:
            assert "DequantizeLinear" not in {made_by[i].op_type for i in node.input if i in made_by}
        elif node.op_type == "Conv":
            assert {made_by[i].op_type for i in node.input} == {"DequantizeLinear"}
    # Three blocks of two squeeze-and-excitation convolutions stay; the head has no convolution.
    assert len([n for n in plain.graph.node if n.op_type == "Conv" and n.name in found.pooled]) == 6


def test_int8_weights_keep_to_seven_bits_and_sigmoids_to_their_range(
    reference: Path, pixels: npt.NDArray[np.uint8]
) -> None:
    plain = folded(onnx.load(str(reference)))
    graph = to_int8(plain, parts(plain, where="small"), pixels).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [array for array in tensors.values() if array.dtype == np.int8 and array.ndim == 4]
    assert weights and max(np.abs(array.astype(np.int32)).max() for array in weights) <= 64
    sigmoids = {node.output[0] for node in graph.node if node.op_type == "Sigmoid"}
    scales = {
        float(tensors[node.input[1]])
        for node in graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] in sigmoids
    }
    assert scales == {float(np.float32(1 / 255))}


def test_fp16_computes_in_halves_between_an_fp32_beginning_and_head(reference: Path) -> None:
    plain = folded(onnx.load(str(reference)))
    found = parts(plain, where="small")
    model = finished(to_fp16(plain, found, where="small"), onnx.load(str(reference)))
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    kinds = {v.name: v.type.tensor_type.elem_type for v in [*model.graph.value_info, *model.graph.output]}
    for node in model.graph.node:
        if node.op_type == "Cast":
            continue
        expected = TensorProto.FLOAT16 if node.name in found.body else TensorProto.FLOAT
        if node.op_type != "Transpose":  # of the uint8 input
            assert {kinds[output] for output in node.output} == {expected}, node.name
    assert [n.op_type for n in model.graph.node if n.op_type == "Cast"].count("Cast") == 3
    assert {n.op_type for n in model.graph.node if n.name in found.head} == {
        "Gemm",
        "Reshape",
        "Div",
        "Sigmoid",
    }


@pytest.mark.slow
def test_fp16_refuses_weights_that_it_cannot_hold(reference: Path, data: Path, tmp_path: Path) -> None:
    network = small_network()
    with torch.no_grad():
        network.features[0][0].weight *= 1e7
        network.features[0][1].running_var.fill_(1.0)
    huge = save(network, tmp_path / "huge.onnx")
    with pytest.raises(ModelFileError, match=r"beyond fp16's 65504 .*--precision fp32"):
        export_variant(huge, tmp_path / "out.onnx", options("fp16", data))
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_two_int8_exports_are_the_same_bytes(reference: Path, data: Path, tmp_path: Path) -> None:
    made = [
        export_variant(reference, tmp_path / name, options("int8", data)).sha256
        for name in ("a.onnx", "b.onnx")
    ]
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, b"an older model"])
def test_a_variant_that_loses_too_much_is_not_written(
    before: bytes | None, reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.onnx"
    if before is not None:
        out.write_bytes(before)

    def spoilt(model: onnx.ModelProto, *_: object) -> onnx.ModelProto:
        """A classifier that answers the opposite."""
        for tensor in model.graph.initializer:
            if tensor.name.startswith("classifier.1"):
                tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
        return model

    monkeypatch.setattr(variants, "to_int8", spoilt)
    with pytest.raises(PrecisionLossError) as caught:
        export_variant(reference, out, options("int8", data))
    message = str(caught.value)
    assert caught.value.exit_code == ExitCode.INCOMPLETE
    assert "model.onnx was not written" in message and "a loss of" in message
    assert "--calibration-images" in message and "\n" not in message
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["model.onnx"])
    assert before is None or out.read_bytes() == before


def difference(delta: float) -> Difference:
    return Difference(100, 0.9, 0.9 + delta, delta, 0.1, 0.01)


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        ({"all": difference(-0.0049)}, None),
        ({"all": difference(0.2)}, None),
        ({"all": difference(-0.0051)}, "on all images of faces, validation its AUC"),
        ({"all": difference(float("nan"))}, "on all images"),
        ({"all": difference(0.01), "sources": {"one": difference(-0.2)}}, "on one of faces"),
        ({"all": difference(0.0), "lost": 2}, "no finite score for 2 images"),
    ],
)
def test_what_is_too_much(comparison: dict[str, Any], reason: str | None) -> None:
    fields = {
        "data": "faces, validation",
        "device": "cpu",
        "runtime": "onnxruntime 1",
        "sources": {},
        "not_scored": 0,
        "lost": 0,
    }
    said = failure(VariantComparison(**(fields | comparison)))
    assert (said is None) if reason is None else (said is not None and reason in said)


def test_ranges_come_from_fit_images_half_real_half_fake(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    law = law_of(InputSpec())

    def noting(content: bytes, *rest: Any) -> Any:
        read.append(next(path for path in data.rglob("*.png") if path.read_bytes() == content))
        return law.of_file(content, *rest)

    monkeypatch.setattr(variant_check, "law_of", lambda spec: law._replace(of_file=noting))
    sample = quantization_sample(data, 11)
    assert sample.pixels.shape == (11, IMAGE_SIZE, IMAGE_SIZE, 3) and sample.pixels.dtype == np.uint8
    fit = {image.path for image in divide(read_tree(data, "train"))[Role.FIT]}
    assert fit < {image.path for image in read_tree(data, "train")}, "the tree has no other role"
    assert set(read) <= fit and len(set(read)) == 11
    assert Counter(path.parent.name for path in read) == {"Real": 5, "Fake": 6}
    assert np.array_equal(quantization_sample(data, 11).pixels, sample.pixels)
    assert not np.array_equal(quantization_sample(data, 11, seed=1).pixels, sample.pixels)


def test_sources_take_turns_in_the_ranges(data: Path, tmp_path: Path) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    fit = divide(read_tree(tree, "train"))[Role.FIT]
    rare = {image.relative for label in Label for image in [i for i in fit if i.label is label][:2]}
    rows = [f"{i.relative},{i.label.title},{'rare' if i.relative in rare else 'common'}" for i in fit]
    (tree / "manifest.csv").write_text("path,label,source\n" + "\n".join(rows) + "\n")
    pixels = {quantization_sample(tree, 8).pixels[n].tobytes() for n in range(8)}
    wanted = {preprocess((tree / relative).read_bytes())[0].tobytes() for relative in rare}
    assert wanted <= pixels


def test_unreadable_images_are_counted_and_too_few_are_refused(data: Path, tmp_path: Path) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    broken = [image.path for image in divide(read_tree(tree, "train"))[Role.FIT]][::3]
    for file in broken:
        file.write_bytes(b"broken" + file.name.encode() + file.parent.name.encode())
    sample = quantization_sample(tree, 12)
    assert len(sample.pixels) == 12 and sample.unreadable > 0
    with pytest.raises(
        DataError, match=r"usable Real images of role fit, --calibration-images 400 wants 200"
    ):
        quantization_sample(tree, 400)


def test_small_sources_have_no_figure_of_their_own(
    reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    images = read_tree(tree, "validation")
    rows = [f"{i.relative},{i.label.title},{'few' if n % 8 < 3 else 'many'}" for n, i in enumerate(images)]
    (tree / "manifest.csv").write_text("path,label,source\n" + "\n".join(rows) + "\n")
    monkeypatch.setattr(variant_check, "MIN_OF_A_CLASS", 4)
    found = compare(reference, reference, tree, "cpu")
    assert set(found.sources) == {"many"} and found.sources["many"].images == 10
    assert found.all == replace(
        found.all, images=16, delta_auc=0.0, max_abs_delta_p=0.0, mean_abs_delta_p=0.0
    )
    assert found.device == "cpu (CPUExecutionProvider)" and found.not_scored == found.lost == 0


@pytest.mark.slow
def test_a_file_that_is_no_reference_is_a_sentence(reference: Path, data: Path, tmp_path: Path) -> None:
    make = partial(export_variant, out=tmp_path / "out.onnx", options=options("int8", data))
    with pytest.raises(ModelFileError, match="does not exist"):
        make(tmp_path / "none.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(ModelFileError, match="not a readable ONNX file"):
        make(text)
    already = save(small_network(), tmp_path / "already.onnx", replace(METADATA, precision="fp16"))
    with pytest.raises(ModelFileError, match="is itself a variant"):
        make(already)
    with pytest.raises(OutputError, match="is the source itself"):
        export_variant(reference, reference, options("int8", data))
    assert not (tmp_path / "out.onnx").exists()


def run(*arguments: object) -> tuple[int, str]:
    """Exit code of Click's own runner and everything that was said; failures of ours come through."""
    done = CliRunner().invoke(command, [str(a) for a in arguments])
    if isinstance(done.exception, Failure):
        raise done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("source", "arguments", "said"),
    [
        ("x.onnx", ["--precision", "fp16"], "is not written unmeasured: --measure-on DATA"),
        ("x.onnx", ["--precision", "int8", "--measure-on", "DATA"], "--calibrate-on DATA"),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--calibrate-on", "D"],
            "for --precision int8",
        ),
        ("run", ["--measure-on", "DATA"], "--measure-on is for --precision fp16, bf16 or int8"),
        ("run", ["--calibrate-on", "DATA"], "--calibrate-on is for --precision"),
        ("run", ["--device", "cpu"], "--device is for --precision"),
        ("x.onnx", [], "SOURCE is an exported file already"),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--store", "fp16"],
            "--store is for checkpoints",
        ),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--no-calibration"],
            "--no-calibration is for",
        ),
    ],
)
def test_contradictions_are_usage_errors(
    source: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    code, output = run(tmp_path / source, "--out", tmp_path / "out.onnx", *arguments)
    assert code == 2 and said in " ".join(output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_the_command_makes_a_variant_of_an_exported_file(reference: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.int8.onnx"
    code, said = run(
        reference, "--out", out, "--precision", "int8", "--calibrate-on", data, "--calibration-images", 8,
        "--name", "renamed",
    )  # fmt: skip
    assert code == 0
    metadata = Detector.load(out, "cpu").metadata
    assert (metadata.name, metadata.version, metadata.precision) == ("renamed", "1", "int8")
    assert metadata.precision_check is not None
    assert metadata.precision_check["quantised_on"] == {"data": "faces, fit role", "images": 8}
    for words in (
        sha256_file(out),
        "precision    int8",
        "from 8 fit images of faces",
        "threshold 0.8",
        "16 images",
    ):
        assert words in said


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_the_command_makes_a_variant_of_a_checkpoint_by_way_of_its_fp32_file(
    reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, ExportOptions]] = []

    def export(checkpoint: Path, file: Path, options: ExportOptions) -> Any:
        asked.append((checkpoint, options))
        shutil.copy(reference, file)
        return SimpleNamespace(file=file)

    monkeypatch.setattr("export.exporter.export_checkpoint", export)
    out = tmp_path / "model.fp16.onnx"
    arguments = [
        "--precision",
        "fp16",
        "--measure-on",
        data,
        "--device",
        "cpu",
        "--store",
        "fp16",
        "--name",
        "x",
    ]
    assert run("some.pt", "--out", out, *arguments)[0] == 0
    assert asked == [(Path("some.pt"), ExportOptions(Store.FP16, name="x"))]
    metadata = Detector.load(out, "cpu").metadata
    assert metadata.precision == "fp16" and metadata.precision_check is not None
    assert metadata.precision_check["reference_sha256"] == sha256_file(reference)
    assert [path.name for path in tmp_path.iterdir()] == ["model.fp16.onnx"]


def test_int8_without_images_is_a_mistake_of_the_caller(reference: Path) -> None:
    convert_to: Callable[..., object] = variants.convert_to
    with pytest.raises(ValueError, match="images"):
        convert_to(Precision.INT8, onnx.load(str(reference)), None, where="small")


def test_fp32_files_are_written_as_before_there_were_variants(tmp_path: Path) -> None:
    shipped = shipped_weights().path
    model = onnx.load(str(shipped))
    metadata = ModelMetadata.from_props({p.key: p.value for p in model.metadata_props}, where="shipped")
    write_model(model, metadata, tmp_path / "again.onnx")
    assert metadata.precision == "fp32"
    assert sha256_file(tmp_path / "again.onnx") == sha256_file(shipped)
