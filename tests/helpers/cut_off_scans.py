"""What the tests of cut off scans share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

FILES = 1200


class Whole(bytes):
    """The report of a scan that nothing disturbed."""

    seconds: float


def recalled(here: Path) -> int:
    count: int = json.loads((here / "r.run.json").read_text())["counts"]["recalled"]
    return count


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)
