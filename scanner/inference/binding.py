"""Runs of one shape through memory on the device that is made once and used again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from models.support.onnx_runtime import load_onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnxruntime


class BoundRuns:
    """One buffer for each calling thread, so that one thread's batch is copied while another's is computed."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        *,
        input_name: str,
        output_names: list[str],
        device: str,
        index: int,
    ) -> None:
        """``device`` is onnxruntime's name for the memory: ``cuda`` or ``cpu``."""
        self._session = session
        self._input, self._outputs = input_name, output_names
        self._device, self._index = device, index
        self._own = threading.local()

    def run(self, images: npt.NDArray[np.uint8]) -> list[Any]:
        """The outputs for a batch, in the host's memory; a batch of another shape than the last gets a new buffer."""
        images = np.ascontiguousarray(images)
        if getattr(self._own, "shape", None) != images.shape:
            self._bind(images)
        else:
            self._own.buffer.update_inplace(images)
        binding = self._own.binding
        self._session.run_with_iobinding(binding)
        return list(binding.copy_outputs_to_cpu())

    def _bind(self, images: npt.NDArray[np.uint8]) -> None:
        make = load_onnxruntime().OrtValue.ortvalue_from_numpy
        self._own.shape = None
        self._own.buffer = make(images, self._device, self._index)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._input, self._own.buffer)
        for name in self._outputs:
            binding.bind_output(name, self._device, self._index)
        self._own.binding = binding
        self._own.shape = images.shape
