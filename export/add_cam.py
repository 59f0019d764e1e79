"""``scan-export --add-cam``: an exported file gets the output ``cam`` and keeps every number that it gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from export.cam import CamError, find_head, with_cam, without_cam
from export.cam_proof import check_sum, check_unmoved
from export.exporter import check_target, write_model
from export.images import proof_images
from export.parity import detector_cams, detector_score
from models.contract import IMAGE_SIZE, INPUT_NAME, ModelMetadata
from models.support.atomic import replacing
from models.support.errors import ModelFileError
from models.weights import sha256_file


@dataclass(frozen=True)
class CamReport:
    """A file that was written: the old one, and the output ``cam``."""

    file: Path
    size: int
    """In bytes."""
    sha256: str
    old_sha256: str
    metadata: ModelMetadata
    """The old file's, but for its version and how far its maps are off."""
    max_abs_logit: float
    """Largest difference between the two files; 0 for equal to the last bit."""
    max_abs_prob: float
    max_abs_sum: float
    """Largest difference between a logit and the sum of its map."""
    images: int


def add_cam(old: Path, out: Path, version: str | None = None) -> CamReport:
    """Write ``old`` with the output ``cam``, also in the place of another such, to ``out``, after the scanner has run
    both on the proof's images; ``version`` becomes the model's.

    Raises :class:`CamError` for a graph that is not understood, has the output already, or scores otherwise with it,
    and other :class:`models.support.errors.Failure`; ``out`` is then as it was before and nothing is left.
    """
    check_target(out, old)
    digest, model = _opened(old)
    metadata = ModelMetadata.from_props({p.key: p.value for p in model.metadata_props}, where=str(old))
    new = with_cam(without_cam(model), where=str(old))
    if new == model:
        raise CamError(f"{old} has the output cam already; there is nothing to add")
    bias = find_head(model, where=str(old)).bias
    edges = {one.name: one.type.tensor_type.shape.dim[1].dim_value for one in model.graph.input}
    if edges.get(INPUT_NAME) != IMAGE_SIZE:
        raise CamError(f"{old} takes pictures of another size than {IMAGE_SIZE}; export its checkpoint anew")
    images, device = proof_images(), "openvino" if metadata.precision == "bf16" else "cpu"
    with replacing(out, shared=True) as aside:
        write_model(new, metadata, aside)
        before = detector_score(old, device)(images)
        logit, prob, cam = detector_cams(aside, device)(images)
        moved = check_unmoved(before, (logit, prob), metadata.precision, where=str(out))
        off = check_sum(cam, logit, bias, metadata.precision, where=str(out))
        metadata = _told(metadata, version, off)
        write_model(new, metadata, aside)
        size, new_digest = aside.stat().st_size, sha256_file(aside)
    return CamReport(out, size, new_digest, digest, metadata, *moved, off, len(images))


def _told(metadata: ModelMetadata, version: str | None, off: float) -> ModelMetadata:
    parity = metadata.parity
    if parity is not None and "max_abs_cam_sum" in parity:
        parity = {**parity, "max_abs_cam_sum": off}
    return replace(metadata, version=version or metadata.version, parity=parity)


def _opened(file: Path) -> tuple[str, onnx.ModelProto]:
    if not file.is_file():
        raise ModelFileError(f"model {file} does not exist; name an exported .onnx file")
    try:
        return sha256_file(file), onnx.load(str(file))
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise their own families
        raise ModelFileError(f"{file} is not a readable ONNX file ({type(error).__name__})") from None
