"""The folder of a scan's overlays: what a file in it is called, and what else it must not hold."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from models.support.atomic import replacing
from models.support.errors import OutputError

# A file that is being written, or was when its scan was killed, begins with a dot.
_OURS = re.compile(r"[0-9a-f]{64}-\d+\.png|\.[0-9a-f]{64}-\d+\.png\.\d+\.part")


def overlay_name(sha256: str, number: int) -> str:
    """``SHA256-1.png``: of the file's finding with that number, from 1, as in the findings as CSV and on the page."""
    return f"{sha256}-{number}.png"


class OverlayFolder:
    """Files appear in it whole. It holds overlays and nothing else: a scan leaves it out wherever it lies, and no
    picture may be left out with it."""

    def __init__(self, path: Path) -> None:
        """Touches nothing. Raises :class:`OutputError` where overlays cannot or must not be put."""
        self.path, self._lock = path, threading.Lock()
        if not path.is_dir():
            if path.exists() or path.is_symlink():
                raise OutputError(f"--heatmaps {path} is no folder; name one")
            if not path.parent.is_dir():
                raise OutputError(
                    f"--heatmaps {path} cannot be made: the folder {path.parent} does not exist; make it first"
                )
            return
        try:
            other = next((one.name for one in os.scandir(path) if not _OURS.fullmatch(one.name)), None)
        except OSError as error:
            raise OutputError(f"--heatmaps {path} cannot be used: {error.strerror}") from None
        if other is not None:
            raise OutputError(
                f"--heatmaps {path} holds {other}, which is no heat map; name an empty or a new folder"
            )
        if not os.access(path, os.W_OK):
            raise OutputError(f"--heatmaps {path} cannot be written: no permission")

    def make(self) -> None:
        """The folder itself, not its parents. Raises :class:`OutputError`."""
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"--heatmaps {self.path} cannot be made: {error.strerror}") from None

    def write(self, sha256: str, number: int, png: bytes) -> None:
        """Replaces an older one; several threads may call it. Raises :class:`OutputError`."""
        # Copies of a file have one name, also while it is written.
        with self._lock, replacing(self.path / overlay_name(sha256, number), shared=True) as aside:
            aside.write_bytes(png)
