"""The whole export: read, convert, prove, and only then put the file in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import onnx
from onnx import helper

from export.calibration import calibration_for
from export.cam import has_cam
from export.cam_proof import prove_sum
from export.checkpoint import open_checkpoint
from export.convert import convert
from export.images import proof_images
from export.metadata import build_metadata
from export.parity import (
    MAX_PROB_DIFFERENCE,
    Float32s,
    Parity,
    ParityError,
    Pixels,
    Score,
    compare,
    detector_score,
    reference_scores,
)
from models.contract import Label, ModelMetadata
from models.network import load_network
from models.storage import Store, stored_state
from models.support.atomic import replacing
from models.support.errors import OutputError
from models.weights import sha256_file


@dataclass(frozen=True)
class ExportReport:
    """A file that was written and proven."""

    file: Path
    size: int
    """In bytes."""
    sha256: str
    metadata: ModelMetadata
    parity: Parity


@dataclass(frozen=True)
class Proof:
    """What a file must reproduce before it gets its name."""

    images: Pixels
    reference: tuple[Float32s, Float32s]
    """torch's (``logit``, ``prob_fake``) for ``images``."""
    load: Callable[[Path], Score] = detector_score
    limit: float = MAX_PROB_DIFFERENCE

    def short(self) -> Proof:
        """The same on the last three images."""
        logit, prob = self.reference
        return replace(self, images=self.images[-3:], reference=(logit[-3:], prob[-3:]))


@dataclass(frozen=True)
class ExportOptions:
    """What an exported file is to be, beside its weights."""

    store: Store = Store.FP32
    """How the weights are stored; with fp16 torch with the rounded weights is the reference."""
    positive: Label | None = None
    """What a bare state_dict's sigmoid means."""
    name: str | None = None
    version: str | None = None
    license: str | None = None
    calibration: Path | None = None
    """A run's ``calibration.json``, which must belong to this very checkpoint; ``None``: uncalibrated."""


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    options: ExportOptions | None = None,
    *,
    load: Callable[[Path], Score] = detector_score,
) -> ExportReport:
    """Export a checkpoint (or a run's best one, by its folder) to ``out`` and prove it against torch.

    ``load`` runs the file in the proof; by default the scanner does.

    Raises :class:`models.support.errors.Failure`; ``out`` is then as it was before.
    """
    check_target(out, checkpoint)
    options = options or ExportOptions()
    kind = options.store
    source = open_checkpoint(checkpoint, options.positive)
    where = str(source.file)
    calibrated = (
        calibration_for(options.calibration, source, kind) if options.calibration is not None else None
    )
    network = load_network(source.state, where=where, network=source.network)
    network.load_state_dict(stored_state(network.state_dict(), kind, where=where))
    metadata = build_metadata(
        source,
        network=network.backbone,
        store=kind,
        name=options.name,
        version=options.version,
        license=options.license,
        calibration=calibrated,
    )
    model = convert(network, store=kind, positive=source.positive, temperature=metadata.temperature)
    images = proof_images()
    reference = reference_scores(network, images, positive=source.positive, temperature=metadata.temperature)
    return write_proven(model, metadata, out, Proof(images, reference, load))


def write_proven(model: onnx.ModelProto, metadata: ModelMetadata, out: Path, proof: Proof) -> ExportReport:
    """Write ``model`` beside ``out``, prove it there, add the figures, check it, and rename it to ``out``.

    Raises :class:`ParityError` or :class:`OutputError`; ``out`` is then as it was before and nothing is left.
    """
    with replacing(out, shared=True) as aside:
        write_model(model, metadata, aside)
        parity = _prove(aside, out, proof)
        metadata = replace(metadata, parity=asdict(parity))
        write_model(model, metadata, aside)
        # The figures changed the file: what gets the name must itself load and give the same numbers.
        _prove(aside, out, proof.short())
        digest, size = sha256_file(aside), aside.stat().st_size
    return ExportReport(out, size, digest, metadata, parity)


def _prove(file: Path, out: Path, proof: Proof) -> Parity:
    parity = compare(proof.load(file), proof.reference, proof.images)
    model = onnx.load(str(file))
    if has_cam(model):
        off = prove_sum(model, proof.images[-3:], "fp32", where=str(out))
        parity = replace(parity, max_abs_cam_sum=off)
    if reason := parity.failure(proof.limit):
        raise ParityError(f"{out} was not written: {reason} (over {parity.images} images, {parity.runtime})")
    return parity


def write_model(model: onnx.ModelProto, metadata: ModelMetadata, file: Path) -> None:
    """Write a graph with its metadata; the same bytes for the same input. Raises ``OSError``."""
    finished = onnx.ModelProto()
    finished.CopyFrom(model)
    helper.set_model_props(finished, metadata.to_props())
    onnx.checker.check_model(finished, full_check=True)
    file.write_bytes(finished.SerializeToString(deterministic=True))


def check_target(out: Path, source: Path) -> None:
    """Everything that can be known of the target before minutes are spent. Raises :class:`OutputError`."""
    if not out.parent.is_dir():
        raise OutputError(f"{out} cannot be written: the folder {out.parent} does not exist; make it first")
    if out.is_dir():
        raise OutputError(f"{out} is a folder; name a file: --out {out / 'model.onnx'}")
    if out.exists() and source.exists() and out.samefile(source):
        raise OutputError(f"{out} is the source itself; name another file with --out")
    if not os.access(out.parent, os.W_OK):
        raise OutputError(f"{out} cannot be written: no permission to write into {out.parent}")
