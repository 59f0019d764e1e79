"""Contract 1 between an exported model and everything that runs it.

Input ``image``: ``uint8[N, S, S, 3]``, RGB, N dynamic; S is 260 in every file that this project makes. Outputs by
name: ``prob_fake`` ``float32[N]`` in [0, 1] and ``logit`` ``float32[N]``, before temperature, positive = fake; in newer
files ``cam`` ``float32[N, h, w]``, whose mean is the logit less the classifier's bias. Further outputs are ignored. The
ONNX file's ``metadata_props`` hold every key of :class:`ModelMetadata`, each value as JSON,
``null`` where unknown; those with a default that older files lack may be missing.

Standard library only: every room may read this page at no cost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import IntEnum
from typing import Any

from models.support.errors import ModelFileError

CONTRACT_VERSION = 1
PREPROCESS_VERSION = 1
"""Whole pictures."""
FACE_PREPROCESS_VERSION = 2
"""Squares around faces."""

IMAGE_SIZE = 260
"""Edge of the square input in pixels."""

INPUT_NAME = "image"
OUTPUT_PROB_FAKE = "prob_fake"
OUTPUT_LOGIT = "logit"
OUTPUT_CAM = "cam"
"""What each cell of the picture adds to the logit, for heat maps. All that is computed for it alone is called
``cam.…``."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB in [0, 1]; they live inside the graph, never in the caller."""

PROB_DECIMALS = 6
"""Of ``prob_fake`` wherever it is printed; verdicts and thresholds go by the printed number."""
UNCALIBRATED_THRESHOLD = 0.5
LABEL_ORIENTATION = "positive=fake"
PRECISIONS = ("fp32", "fp16", "int8", "bf16")
DEFAULT_NETWORK = "efficientnet_b4"
NETWORKS = (DEFAULT_NETWORK, "efficientnet_lite2")
"""Names of the networks that this version trains and exports; :mod:`models.backbones` builds them."""


class Label(IntEnum):
    """Fake is 1 everywhere; labels are read by name, never by sort order."""

    REAL = 0
    FAKE = 1

    @property
    def title(self) -> str:
        """The folder's name: ``Real`` or ``Fake``."""
        return self.name.capitalize()

    @classmethod
    def from_name(cls, name: str) -> Label:
        """``"Fake"``, ``"fake"``, … → ``Label.FAKE``; ``ValueError`` for any other name than the two."""
        try:
            return cls[name.strip().upper()]
        except KeyError:
            raise ValueError(f"{name!r} is not a label: Real or Fake") from None


@dataclass(frozen=True)
class Threshold:
    """An operating point: flag an image as fake when ``prob_fake >= value``."""

    value: float
    data: str | None = None
    """Which data it was chosen on."""
    fpr: float | None = None
    """Share of that data's real images it flags."""
    tpr: float | None = None
    """Share of that data's fakes it flags."""


@dataclass(frozen=True)
class InputSpec:
    """What a model is given: whoever cuts, carries or scores pictures is told, and assumes nothing."""

    law: int = PREPROCESS_VERSION
    """Version of the preprocessing, a key of :data:`models.preprocessing.laws.LAWS`."""
    size: int = IMAGE_SIZE
    """Edge of the square in pixels."""
    margin: float | None = None
    """Side of a face's square, in sides of the face's box; ``None`` for laws of whole pictures."""

    @property
    def picture_bytes(self) -> int:
        """Of one ``uint8[size, size, 3]``."""
        return self.size * self.size * 3


@dataclass(frozen=True)
class ModelMetadata:
    """What a model file says about itself (``metadata_props``, contract 1)."""

    name: str
    version: str
    source_positive: str
    """``"fake"`` or ``"real"``: what the checkpoint's own sigmoid meant. The exported logit is always fake."""
    license: str | None = None
    contract: int = CONTRACT_VERSION
    preprocess: int = PREPROCESS_VERSION
    label_orientation: str = LABEL_ORIENTATION
    temperature: float = 1.0
    """``prob_fake = sigmoid(logit / temperature)``."""
    calibrated: bool = False
    calibration_prior: float | None = None
    """Share of fakes for which the probabilities are calibrated."""
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    """``fpr1``, ``fpr5`` and ``default``; empty without calibration."""
    inconclusive_low: float | None = None
    """Lower end of the inconclusive band; its upper end is the threshold in force."""
    training: Mapping[str, Any] | None = None
    source_checkpoint_sha256: str | None = None
    store: str = "fp32"
    """Storage type of the weights in the file: ``fp32`` or ``fp16``, in a variant also ``int8``."""
    parity: Mapping[str, Any] | None = None
    """How far the exported file was from torch when it was made; ``None`` for a variant."""
    precision: str = "fp32"
    """What the graph computes in, one of :data:`PRECISIONS`; another than ``fp32`` makes it a variant."""
    precision_check: Mapping[str, Any] | None = None
    """What a variant lost against its fp32 reference when it was made."""
    network: str = DEFAULT_NETWORK
    """Whose graph it is, one of :data:`NETWORKS` in files of this version; running it does not depend on it."""
    faces: Mapping[str, Any] | None = None
    """Which faces the model was trained on and how they were cut out (:func:`models.faces.law.face_law`); there with
    preprocessing 2, and only there."""
    thresholds_by_faces: Mapping[str, Sequence[float]] | None = None
    """Of each of ``thresholds`` its value for pictures of 1, 2, … scored faces, the last one for any more; ``None``:
    that of one face, however many there are."""
    inconclusive_band: Mapping[str, Any] | None = None
    """What ``inconclusive_low`` promises of fakes, a :class:`models.calibration.Band`; ``None``: nothing."""

    def default_threshold(self) -> float:
        """The threshold in force when the user names none."""
        default = self.thresholds.get("default")
        return default.value if default is not None else UNCALIBRATED_THRESHOLD

    def known(self) -> dict[str, Any]:
        """Plain values, without those fields that only newer files have where this one lacks them."""
        return {key: value for key, value in asdict(self).items() if key not in _NEWEST or value is not None}

    def to_props(self) -> dict[str, str]:
        """The ``metadata_props`` of a model file: each field as compact JSON with sorted keys.

        The fields that older files lack are left out where they have their default.
        """
        return {
            key: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            for key, value in asdict(self).items()
            if key not in _OPTIONAL or value != _OPTIONAL[key]
        }

    @classmethod
    def from_props(cls, props: Mapping[str, str], *, where: str) -> ModelMetadata:
        """Read ``metadata_props``; ``where`` names the file in errors.

        Raises :class:`ModelFileError` when the file follows another contract or none.
        """
        remedy = "make a file that this version can run with: scan-export CHECKPOINT --out model.onnx"
        if "contract" not in props:
            raise ModelFileError(
                f"{where} is an ONNX file but says nothing about this tool's contract; {remedy}"
            )
        values: dict[str, Any] = {}
        for key in (f.name for f in fields(cls)):
            if key not in props:
                if key in _OPTIONAL:
                    continue
                raise ModelFileError(
                    f"{where} lacks the metadata key {key!r} of contract {CONTRACT_VERSION}; {remedy}"
                )
            try:
                values[key] = json.loads(props[key])
            except ValueError:
                raise ModelFileError(f"{where}: metadata key {key!r} is not JSON; {remedy}") from None
        known = {
            "contract": (CONTRACT_VERSION,),
            "preprocess": (PREPROCESS_VERSION, FACE_PREPROCESS_VERSION),
        }
        for key, ours in known.items():
            if values[key] not in ours:
                raise ModelFileError(
                    f"{where} follows {key} {values[key]}, this version runs {key} {' and '.join(map(str, ours))}; "
                    f"{remedy}"
                )
        try:
            values["thresholds"] = {k: Threshold(**v) for k, v in (values["thresholds"] or {}).items()}
        except (TypeError, AttributeError):
            raise ModelFileError(
                f"{where}: its thresholds are not those of contract {CONTRACT_VERSION}; {remedy}"
            ) from None
        metadata = cls(**values)
        if wrong := metadata._wrong_key():
            raise ModelFileError(
                f"{where}: metadata key {wrong!r} has a value that contract {CONTRACT_VERSION} does not know; "
                f"{remedy}"
            )
        return metadata

    def _wrong_key(self) -> str | None:
        """The first key whose value would give wrong verdicts or a crash later on."""
        checks = {
            "name": isinstance(self.name, str),
            "version": isinstance(self.version, str),
            "source_positive": self.source_positive in ("fake", "real"),
            "label_orientation": self.label_orientation == LABEL_ORIENTATION,
            "temperature": _is_number(self.temperature) and self.temperature > 0,
            "thresholds": all(_is_number(t.value) for t in self.thresholds.values()),
            "inconclusive_low": self.inconclusive_low is None or _is_number(self.inconclusive_low),
            "precision": self.precision in PRECISIONS,
            "precision_check": self.precision_check is None or isinstance(self.precision_check, dict),
            "network": isinstance(self.network, str),
            "faces": isinstance(self.faces, dict) == (self.preprocess == FACE_PREPROCESS_VERSION),
            "thresholds_by_faces": self._by_faces_fit(),
            "inconclusive_band": self.inconclusive_band is None or isinstance(self.inconclusive_band, dict),
        }
        return next((key for key, right in checks.items() if not right), None)

    def _by_faces_fit(self) -> bool:
        """Whether the thresholds of several faces begin with those of one and never fall."""
        by_faces = self.thresholds_by_faces
        if by_faces is None:
            return True
        return (
            isinstance(by_faces, dict)
            and by_faces.keys() == self.thresholds.keys()
            and all(
                isinstance(values, list | tuple)
                and all(_is_number(value) for value in values)
                and list(values[:1]) == [self.thresholds[name].value]
                and list(values) == sorted(values)
                for name, values in by_faces.items()
            )
        )


_OPTIONAL: Mapping[str, object] = {
    "precision": "fp32",
    "precision_check": None,
    "network": DEFAULT_NETWORK,
    "faces": None,
    "thresholds_by_faces": None,
    "inconclusive_band": None,
}
_NEWEST = ("thresholds_by_faces", "inconclusive_band")
"""Of them, those that a manifest leaves out, too."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
