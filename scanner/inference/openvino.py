"""OpenVINO on the CPU: a second runtime, by choice, for processors that compute bf16 in hardware.

It takes the place of an onnxruntime session behind :class:`scanner.inference.detector.Detector`. What it would do by
itself is switched off: choosing bf16 without a word where the processor has it, and reporting its import to its maker.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from models.contract import INPUT_NAME
from models.support.dependencies import require_extra
from models.support.errors import ModelFileError
from models.support.machine import usable_cores
from scanner.inference.errors import DeviceError

if TYPE_CHECKING:
    import numpy.typing as npt

OPENVINO = "OpenVINO"
"""The provider's name in manifests."""

_TELEMETRY = "openvino_telemetry"
_HINTS = {"bf16": "bf16"}
"""By the model's precision; any other is computed in f32, the integers of an int8 model in int8."""


def load_openvino() -> ModuleType:
    """``openvino``, kept from reporting. Raises :class:`DeviceError` if it is not there, or broken.

    Its import sends an event to an analytics service and keeps an identifier in the user's home, unless the package
    that does so cannot be imported; it then uses a stub of its own.
    """
    if "openvino" not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # Python's way to say: not importable
    (openvino,) = require_extra(
        "openvino",
        ["openvino"],
        needed_by="--device openvino",
        otherwise="or scan with --device cpu",
        failure=DeviceError,
    )
    return openvino


def runtime_version() -> str:
    """Of OpenVINO, without its build."""
    return str(load_openvino().__version__).partition("-")[0]


class OpenVinoSession:
    """A model compiled for the CPU; :meth:`run` may be called from several threads, each uses one core."""

    def __init__(self, model: bytes, precision: str, *, where: str) -> None:
        """``precision`` is what the model says of itself.

        Raises :class:`DeviceError` when this processor cannot compute in it, and :class:`ModelFileError` (naming
        ``where``) when OpenVINO cannot load the model.
        """
        openvino = load_openvino()
        hint = _HINTS.get(precision, "f32")
        core = openvino.Core()
        if hint == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise DeviceError(
                f"{where} computes in bf16, which this processor cannot; scan with the fp32 file instead"
            )
        cores = usable_cores()
        options = {
            "INFERENCE_PRECISION_HINT": hint,
            # One stream of one thread for each caller, as with onnxruntime: the fastest way to use a CPU, and
            # results do not depend on the number of workers.
            "NUM_STREAMS": cores,
            "INFERENCE_NUM_THREADS": cores,
            # The decoders need the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            graph = core.read_model(model)
            # Known shapes are faster, and one image at a time is fastest.
            shape = graph.input(INPUT_NAME).partial_shape
            shape[0] = 1
            graph.reshape({INPUT_NAME: shape})
            self._compiled = core.compile_model(graph, "CPU", options)
        except Exception as error:  # noqa: BLE001 - OpenVINO raises RuntimeError and its own families
            raise ModelFileError(
                f"{where} is not a model that OpenVINO can load ({type(error).__name__}); scan it with --device cpu"
            ) from None
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        if used not in (hint, {"f32": "float32", "bf16": "bfloat16"}[hint]):
            raise DeviceError(
                f"--device openvino: OpenVINO would compute in {used} and not in {hint}; scan with --device cpu"
            )
        self._own = threading.local()

    def run(
        self, output_names: Sequence[str], feed: Mapping[str, npt.NDArray[np.uint8]]
    ) -> list[npt.NDArray[Any]]:
        """As an onnxruntime session's ``run``; ``feed``: ``uint8[N, S, S, 3]``.

        Image by image, so that no score depends on a batch.
        """
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        scores = []
        for image in feed[INPUT_NAME]:
            answer = request.infer({INPUT_NAME: image[np.newaxis]}, share_inputs=True)
            scores.append([np.array(answer[name]) for name in output_names])
        return [np.concatenate(column) for column in zip(*scores, strict=True)]
