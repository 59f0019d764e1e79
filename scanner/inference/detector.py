"""A loaded model that scores batches of preprocessed images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.contract import (
    INPUT_NAME,
    OUTPUT_CAM,
    OUTPUT_LOGIT,
    OUTPUT_PROB_FAKE,
    ModelMetadata,
)
from models.faces.rules import FaceRules
from models.preprocessing.input_spec import input_spec
from models.support.errors import ModelFileError
from models.support.onnx_parts import without_output
from models.weights import resolve_model
from scanner.inference.binding import BoundRuns
from scanner.inference.errors import DeviceError
from scanner.inference.map_session import MapSession
from scanner.inference.openvino import OpenVinoSession
from scanner.inference.providers import ON_GPU, TOLD_THE_PRECISION, Device, libraries, open_session
from scanner.results.credentials import Verification
from scanner.results.model import ModelFacts
from scanner.results.sampling import Sampling, require_library

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnxruntime

_OUTPUTS = [OUTPUT_LOGIT, OUTPUT_PROB_FAKE]
_REMEDY = "make one with scan-export CHECKPOINT --out model.onnx"


class Scores(NamedTuple):
    """The outputs of one batch, in its order."""

    logit: npt.NDArray[np.float32]
    """``float32[N]``, before temperature, positive = fake."""
    prob_fake: npt.NDArray[np.float32]
    """``float32[N]`` in [0, 1]."""


class Detector:
    """A contract-1 model on a device. Make one with :meth:`load`; it may be called from several threads."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession | OpenVinoSession,
        facts: ModelFacts,
        path: Path,
        maps: MapSession | None = None,
    ) -> None:
        self._session = session
        self._maps = maps
        self.facts = facts
        self.path = path
        self.metadata = facts.metadata
        self.spec = facts.spec
        """What :meth:`score` is given."""
        self.sha256 = facts.sha256
        self.device = facts.device
        """``cpu``, ``openvino``, ``cuda:N`` or ``tensorrt:N``: where it really runs."""
        self.provider = facts.provider
        self.fallback = facts.fallback
        """Why ``auto`` did not take CUDA, or ``None``."""
        self._bound = self._bind() if facts.provider in ON_GPU else None

    @classmethod
    def load(cls, model: Path | None = None, device: str = "auto") -> Detector:
        """Load ``model`` (``None``: the shipped weights) on ``auto``, ``cpu``, ``openvino``, ``cuda[:N]`` or
        ``tensorrt[:N]``.

        Raises :class:`ModelFileError` for a missing, altered or foreign file and ``DeviceError`` for a device
        that cannot be used; only ``auto`` may take another device than CUDA, and says so in ``fallback``.
        """
        where = Device.parse(device)
        try:
            path, digest = resolve_model(model)
            content = path.read_bytes()
        except OSError as error:
            raise ModelFileError(
                f"model {error.filename} cannot be read: {error.strerror}; name another with --model FILE"
            ) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise ModelFileError(f"{path} changed while it was being loaded; run again")
        scoring, has_cam = without_output(content, OUTPUT_CAM)
        if where.kind in TOLD_THE_PRECISION:
            on_cpu = open_session(scoring, Device("cpu"), where=str(path)).session
            metadata, edge = _described(on_cpu, path)
            opened = open_session(scoring, where, where=str(path), precision=metadata.precision)
        else:
            opened = open_session(scoring, where, where=str(path))
            metadata, edge = _described(opened.session, path)
        spec = input_spec(metadata, edge, where=str(path))
        if metadata.precision == "bf16" and where.kind != "openvino":
            raise DeviceError(
                f"{path} computes in bf16, which only --device openvino does; scan with that, or with the fp32 file"
            )
        facts = ModelFacts(
            file=path.name,
            sha256=digest,
            metadata=metadata,
            spec=spec,
            device=opened.device,
            provider=opened.provider,
            libraries=libraries(opened.provider),
            fallback=opened.fallback,
            has_cam=has_cam,
        )
        maps = MapSession(path, digest, opened.device, metadata.precision) if has_cam else None
        return cls(opened.session, facts, path, maps)

    def judging(self, faces: FaceRules) -> Detector:
        """The same model for these faces. Raises :class:`ModelFileError` if it judges whole pictures."""
        if not self.facts.of_faces:
            raise ModelFileError(f"{self.path} judges whole pictures, and no faces; name a model of faces")
        other = copy(self)
        other.facts = replace(self.facts, faces=faces)
        return other

    def looking_at(self, sampling: Sampling) -> Detector:
        """The same model for these frames of files with several. Raises ``MissingExtra`` for films without PyAV."""
        require_library(sampling)
        other = copy(self)
        other.facts = replace(self.facts, sampling=sampling)
        return other

    def verifying(self, verification: Verification | None) -> Detector:
        """The same model, where C2PA manifests are checked with this."""
        other = copy(self)
        other.facts = replace(self.facts, verification=verification)
        return other

    @property
    def faces(self) -> FaceRules:
        """Which faces of a picture are judged."""
        return self.facts.faces

    @property
    def runtime(self) -> str:
        """The library that computes, with its version."""
        return " ".join(next(iter(self.facts.libraries.items())))

    @property
    def on_gpu(self) -> bool:
        return self._bound is not None

    def _bind(self) -> BoundRuns:
        assert not isinstance(self._session, OpenVinoSession)
        index = int(self.device.partition(":")[2] or 0)
        return BoundRuns(
            self._session, input_name=INPUT_NAME, output_names=_OUTPUTS, device="cuda", index=index
        )

    def score(self, images: npt.NDArray[np.uint8]) -> Scores:
        """Score ``uint8[N, size, size, 3]``. Raises :class:`DeviceError` when the device fails."""
        logit, prob_fake = self._answered(images, lambda: self._run(images))
        if logit.shape != (len(images),) or prob_fake.shape != logit.shape:
            raise ModelFileError(f"{self.path} gives not one number for each image; {_REMEDY}")
        return Scores(logit, prob_fake)

    def cams(self, images: npt.NDArray[np.uint8]) -> tuple[Scores, npt.NDArray[np.float32]]:
        """The scores, and ``float32[N, h, w]``: what each cell adds to the logit, which is their mean and a constant.

        Raises like :meth:`score`, and :class:`ModelFileError` for a model without such an output.
        """
        session = self.open_maps()
        logit, prob_fake, cam = self._answered(
            images, lambda: list(session.run([*_OUTPUTS, OUTPUT_CAM], {INPUT_NAME: images}))
        )
        if cam.shape[:1] != (len(images),) or cam.ndim != 3:
            raise ModelFileError(
                f"{self.path}: its output cam is {list(cam.shape)}, not [N, h, w]; {_REMEDY}"
            )
        return Scores(logit, prob_fake), cam

    def open_maps(self) -> onnxruntime.InferenceSession | OpenVinoSession:
        """Load what :meth:`cams` needs beside the scores, if it is not there. Raises like it."""
        if self._maps is None:
            raise ModelFileError(
                f"{self.path} has no output cam, so it does not say where its scores came from, and no heat map can be "
                f"drawn; give it one: scan-export --add-cam {self.path.name} --out NEW.onnx"
            )
        return self._maps.open()

    def _run(self, images: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        if self._bound is not None:
            return self._bound.run(images)
        return list(self._session.run(_OUTPUTS, {INPUT_NAME: images}))

    def _answered(
        self, images: npt.NDArray[np.uint8], run: Callable[[], list[npt.NDArray[np.float32]]]
    ) -> list[npt.NDArray[np.float32]]:
        try:
            return run()
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base but Exception
            # Its text names nodes of the graph; the type and the first line are what a user can look up.
            reason = (str(error).splitlines() or [""])[0]
            raise DeviceError(
                f"{self.path} failed on {self.device} with {len(images)} images ({type(error).__name__}: {reason}); "
                "try a smaller --batch-size or --device cpu"
            ) from None


def _described(session: onnxruntime.InferenceSession, path: Path) -> tuple[ModelMetadata, int]:
    """What the file says of itself, and the edge of its pictures; its signature is checked."""
    metadata = ModelMetadata.from_props(session.get_modelmeta().custom_metadata_map, where=str(path))
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    if set(inputs) != {INPUT_NAME} or not {OUTPUT_LOGIT, OUTPUT_PROB_FAKE} <= outputs.keys():
        raise ModelFileError(f"{path} has other inputs or outputs than contract 1 names; {_REMEDY}")
    node = inputs[INPUT_NAME]
    if (
        node.type != "tensor(uint8)"
        or len(node.shape) != 4
        or not isinstance(node.shape[1], int)
        or list(node.shape[2:]) != [node.shape[1], 3]
        or isinstance(node.shape[0], int)
    ):
        raise ModelFileError(
            f"{path}: its input is {node.type} {node.shape}, not uint8[N, 260, 260, 3] (or another square); {_REMEDY}"
        )
    for name in (OUTPUT_LOGIT, OUTPUT_PROB_FAKE):
        output = outputs[name]
        # An exporter may leave a shape out; score() sees the real one.
        if output.type != "tensor(float)" or len(output.shape) > 1:
            raise ModelFileError(
                f"{path}: its output {name} is {output.type} {output.shape}, not float32[N]; {_REMEDY}"
            )
    return metadata, int(inputs[INPUT_NAME].shape[1])
