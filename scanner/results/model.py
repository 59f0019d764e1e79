"""What is known of a loaded model, without the model: reports, records and identities are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.contract import InputSpec, ModelMetadata
from models.faces.rules import LAWS_OWN, FaceRules
from scanner.results.credentials import Verification
from scanner.results.sampling import FIRST_FRAMES, Sampling


@dataclass(frozen=True)
class ModelFacts:
    """Of one model on one device."""

    file: str
    """Its name, without the folder."""
    sha256: str
    metadata: ModelMetadata
    spec: InputSpec
    """What it is given."""
    device: str
    """``cpu``, ``openvino``, ``cuda:N`` or ``tensorrt:N``: where it really runs."""
    provider: str
    """onnxruntime's execution provider, or OpenVINO."""
    libraries: Mapping[str, str]
    """Full versions of those that compute, by name, the runtime first."""
    fallback: str | None = None
    """Why ``auto`` did not take CUDA, or ``None``."""
    has_cam: bool = False
    """Whether its graph says where a score came from, so that heat maps can be drawn."""
    faces: FaceRules = LAWS_OWN
    """Which faces it judges; means nothing for one of whole pictures."""
    sampling: Sampling = FIRST_FRAMES
    verification: Verification | None = None
    """What C2PA manifests are checked with, if at all."""
    """Which frames it is given of files that have several."""

    @property
    def of_faces(self) -> bool:
        """Whether it judges faces, not whole pictures."""
        return self.spec.margin is not None
