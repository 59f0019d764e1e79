"""Precision variants: the same network computing in fp16, bf16 or int8, measured before it gets its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnx

from export.cam import has_cam, with_cam
from export.cam_proof import prove_sum
from export.exporter import check_target, write_model
from export.fp16 import to_fp16
from export.graph import finished, folded, parts
from export.images import proof_images
from export.int8 import to_int8
from export.parity import Score, detector_score
from export.variant_check import QuantizationSample, VariantComparison, compare, quantization_sample
from models.contract import INPUT_NAME, InputSpec, ModelMetadata
from models.preprocessing.input_spec import input_spec
from models.support.atomic import replacing
from models.support.errors import Failure, ModelFileError
from models.weights import sha256_file

MAX_AUC_LOSS = 0.005
"""Of the whole split, and of each of its sources that is large enough to have an AUC."""


class Precision(StrEnum):
    """What a variant computes in."""

    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"


class PrecisionLossError(Failure):
    """The variant is too far from its reference to be written."""


@dataclass(frozen=True)
class VariantOptions:
    """How a variant is made and measured."""

    precision: Precision
    measure_on: Path
    calibrate_on: Path | None = None
    """For int8 only, and needed there."""
    calibration_images: int = 256
    device: str = "cpu"


@dataclass(frozen=True)
class VariantReport:
    """A variant that was written."""

    file: Path
    size: int
    """In bytes."""
    sha256: str
    metadata: ModelMetadata
    comparison: VariantComparison
    calibration: QuantizationSample | None


def export_variant(
    reference: Path,
    out: Path,
    options: VariantOptions,
    *,
    name: str | None = None,
    version: str | None = None,
    license: str | None = None,
    load: Callable[[Path, str], Score] = detector_score,
) -> VariantReport:
    """Make the variant of an exported fp32 file, measure it against that file, and write it with the figures.

    Name, version, licence, temperature and thresholds are the reference's unless given. Raises
    :class:`PrecisionLossError` when the AUC falls by more than :data:`MAX_AUC_LOSS`, and other
    :class:`models.support.errors.Failure`; ``out`` is then as it was before and nothing is left.
    """
    check_target(out, reference)
    model, metadata = open_reference(reference)
    digest = sha256_file(reference)
    sample = (
        quantization_sample(
            options.calibrate_on, options.calibration_images, _spec(model, metadata, reference)
        )
        if options.calibrate_on is not None
        else None
    )
    variant = convert_to(options.precision, model, sample, where=str(reference))
    prove_sum(variant, proof_images()[-3:], options.precision.value, where=str(out))
    metadata = replace(
        metadata,
        name=name or metadata.name,
        version=version or metadata.version,
        license=license or metadata.license,
        precision=options.precision.value,
        store=metadata.store if options.precision is Precision.BF16 else options.precision.value,
        parity=None,
    )
    with replacing(out, shared=True) as aside:
        write_model(variant, metadata, aside)
        comparison = compare(reference, aside, options.measure_on, options.device)
        if reason := failure(comparison):
            raise PrecisionLossError(f"{out} was not written: {reason}; {_remedy(options.precision)}")
        few = proof_images()[-3:]
        measured = load(aside, options.device)(few)
        metadata = replace(metadata, precision_check=_check(digest, comparison, sample))
        write_model(variant, metadata, aside)
        # The figures changed the file: what gets the name must itself load and give the same numbers.
        if not all(
            np.array_equal(a, b) for a, b in zip(measured, load(aside, options.device)(few), strict=True)
        ):
            raise PrecisionLossError(f"{out} was not written: it scores differently each time it is loaded")
        report = VariantReport(out, aside.stat().st_size, sha256_file(aside), metadata, comparison, sample)
    return report


def open_reference(file: Path) -> tuple[onnx.ModelProto, ModelMetadata]:
    """An exported fp32 file. Raises :class:`ModelFileError` for anything else."""
    if not file.is_file():
        raise ModelFileError(
            f"model {file} does not exist; name an exported .onnx file, a checkpoint or a run"
        )
    try:
        model = onnx.load(str(file))
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise their own families
        raise ModelFileError(f"{file} is not a readable ONNX file ({type(error).__name__})") from None
    metadata = ModelMetadata.from_props({p.key: p.value for p in model.metadata_props}, where=str(file))
    if metadata.precision != "fp32":
        raise ModelFileError(
            f"{file} is itself a variant ({metadata.precision}); make variants of the fp32 file only"
        )
    return model, metadata


def _spec(model: onnx.ModelProto, metadata: ModelMetadata, where: Path) -> InputSpec:
    """What the model is given."""
    (image,) = (given for given in model.graph.input if given.name == INPUT_NAME)
    return input_spec(metadata, image.type.tensor_type.shape.dim[1].dim_value, where=str(where))


def convert_to(
    precision: Precision, model: onnx.ModelProto, sample: QuantizationSample | None, *, where: str
) -> onnx.ModelProto:
    """The graph of a variant, without metadata and with heat maps; ``sample`` is needed for int8.

    bf16 has no graph of its own: the runtime rounds what it computes, as the metadata tell it to.
    """
    if precision is Precision.BF16:
        return model if has_cam(model) else with_cam(model, where=where)
    plain = folded(model)
    found = parts(plain, where=where)
    if precision is Precision.FP16:
        return with_cam(finished(to_fp16(plain, found, where=where), model), where=where)
    if sample is None:
        raise ValueError("int8 needs images to calibrate on")
    return with_cam(finished(to_int8(plain, found, sample.pixels), model), where=where)


def failure(comparison: VariantComparison) -> str | None:
    """Why a variant must not be written, ``None`` if it may."""
    if comparison.lost:
        return f"it gives no finite score for {comparison.lost} images that the fp32 file can score"
    for name, difference in {"all images": comparison.all, **comparison.sources}.items():
        # Written so that NaN fails.
        if not difference.delta_auc >= -MAX_AUC_LOSS:
            return (
                f"on {name} of {comparison.data} its AUC is {difference.auc:.4f}, the fp32 file's "
                f"{difference.auc_reference:.4f}: a loss of {-difference.delta_auc:.4f}, the limit is {MAX_AUC_LOSS:g}"
            )
    return None


def _check(
    reference: str, comparison: VariantComparison, sample: QuantizationSample | None
) -> dict[str, object]:
    return {
        "reference_sha256": reference,
        "data": comparison.data,
        **asdict(comparison.all),
        "sources": {name: asdict(difference) for name, difference in comparison.sources.items()},
        "device": comparison.device,
        "runtime": comparison.runtime,
        "quantised_on": None
        if sample is None
        else {"data": f"{sample.data}, fit role", "images": len(sample.pixels)},
    }


def _remedy(precision: Precision) -> str:
    if precision is Precision.INT8:
        return (
            "calibrate on more images (--calibration-images) that look like those to be scanned, or use fp16"
        )
    return "use the fp32 file"
