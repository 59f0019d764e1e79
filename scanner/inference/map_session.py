"""The whole graph of a model with the output ``cam``. Its way back to the places of a picture costs as much as the
scores, and as much memory, so what only scores leaves it out."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from models.support.errors import ModelFileError
from scanner.inference.openvino import OpenVinoSession
from scanner.inference.providers import Device, open_session

if TYPE_CHECKING:
    import onnxruntime


class MapSession:
    """Opened at its first use, by whichever thread comes first."""

    def __init__(self, path: Path, sha256: str, device: str, precision: str) -> None:
        self._path, self._sha256 = path, sha256
        self._device, self._precision = device, precision
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | OpenVinoSession | None = None

    def open(self) -> onnxruntime.InferenceSession | OpenVinoSession:
        """Raises :class:`ModelFileError` where the file is gone or another, and ``DeviceError``."""
        with self._lock:
            if self._session is None:
                device = Device.parse(self._device)
                self._session = open_session(
                    self._content(), device, where=str(self._path), precision=self._precision
                ).session
            return self._session

    def _content(self) -> bytes:
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise ModelFileError(
                f"model {self._path} cannot be read again for its heat maps: {error.strerror}; run again"
            ) from None
        if hashlib.sha256(content).hexdigest() != self._sha256:
            raise ModelFileError(f"{self._path} changed since it was loaded; run again")
        return content
