"""How a decoder is started: its command line and its environment, told by the run, which needs no codec for it."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from scanner.media.opener import Reading

CPU_LIMIT_SIGNAL = signal.SIGPROF
"""What the kernel ends a decoder with whose task has used up its CPU time; a library in a loop cannot refuse it."""

ENVIRONMENT = {
    # Pictures of this size would otherwise be given back to the system, and their pages be made anew, for every file:
    # a tenth of the time of a small JPEG.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    # No linear algebra here: threads for it would only cost the start.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Of a decoder, where the user's says nothing else (glibc's allocator, numpy)."""

PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
import json
from models.support.loading import frozen
with frozen():
    from scanner.sandbox.worker import serve
serve(**json.loads(sys.argv[1]))
"""


def command(
    *, tasks: int, answers: int, ring: int, reading: Reading, program: str | None = None
) -> list[str]:
    """The command line of a decoder with these file descriptors.

    A program of its own and not ``multiprocessing``: that would run the user's main module again, or fork a process
    full of threads. It finds the modules where this process found them: nothing is imported before its path is this
    one's, and with ``-P`` its working folder is not on it.
    """
    descriptors = {"tasks": tasks, "answers": answers, "ring": ring}
    told = {name: asdict(getattr(reading, name)) for name in ("limits", "spec", "faces", "sampling")}
    verification = None
    if (known := reading.verification) is not None:
        verification = known.facts()
    arguments = {**descriptors, "parent": os.getpid(), **told, "verification": verification}
    return [sys.executable, "-P", "-c", program or PROGRAM, json.dumps(arguments), *_module_path()]


def _module_path() -> list[str]:
    """``sys.path`` of this process, and the folder of this project if it was found in another way."""
    # A program that uses the library may have changed its folder since; "" would now mean another one.
    path = [entry for entry in sys.path if entry]
    home = str(Path(__file__).parents[2])
    return path if home in path else [home, *path]
