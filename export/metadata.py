"""What an exported file says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.checkpoint import Checkpoint
from models.calibration import Calibration
from models.contract import FACE_PREPROCESS_VERSION, ModelMetadata
from models.faces.law import face_law
from models.storage import Store


def build_metadata(
    checkpoint: Checkpoint,
    *,
    network: str,
    store: Store,
    name: str | None,
    version: str | None,
    license: str | None,
    calibration: Calibration | None = None,
) -> ModelMetadata:
    """The metadata of a file that is not proven yet (``parity`` unknown).

    ``name`` is by default the run's or the file's name, ``version`` the first 12 digits of the checkpoint's
    SHA-256. Without ``calibration``: temperature 1, no thresholds, no band. The graph takes its temperature
    from the result.
    """
    metadata = ModelMetadata(
        name=name or checkpoint.name,
        version=version or checkpoint.sha256[:12],
        source_positive=checkpoint.positive.name.lower(),
        license=license,
        training=checkpoint.training,
        source_checkpoint_sha256=checkpoint.sha256,
        store=store.value,
        network=network,
        **_law(checkpoint),
    )
    return metadata if calibration is None else calibration.applied_to(metadata)


def _law(checkpoint: Checkpoint) -> dict[str, Any]:
    """The preprocessing that a run trained with, as its recipe says it; that of a bare state_dict is version 1."""
    recipe = (checkpoint.training or {}).get("recipe")
    margin = recipe.get("margin") if isinstance(recipe, Mapping) else None
    if margin is None:
        return {}
    return {"preprocess": FACE_PREPROCESS_VERSION, "faces": face_law(float(margin))}
