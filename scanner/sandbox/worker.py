"""A decoder: a process that takes chunks of files, decodes them within its limits, and ends with its parent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from scanner.media.limits import Limits
from scanner.media.still import Decoded, decode
from scanner.sandbox.protocol import answer, read_task
from scanner.sandbox.ring import Slab

CPU_LIMIT_SIGNAL = signal.SIGPROF
"""What the kernel ends a decoder with whose file has used up its CPU time; a library in a loop cannot refuse it."""

ENVIRONMENT = {
    # Pictures of this size would otherwise be given back to the system, and their pages be made anew, for every file:
    # a tenth of the time of a small JPEG.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    # No linear algebra here: threads for it would only cost the start.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Of a decoder, where the user's says nothing else (glibc's allocator, numpy)."""

_PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
import json
from scanner.sandbox.worker import serve
serve(**json.loads(sys.argv[1]))
"""


def command(*, tasks: int, answers: int, slab: int, limits: Limits) -> list[str]:
    """The command line of a decoder with these file descriptors.

    A program of its own and not ``multiprocessing``: that would run the user's main module again, or fork a process
    full of threads. It finds the modules where this process found them: nothing is imported before its path is this
    one's, and with ``-P`` its working folder is not on it.
    """
    descriptors = {"tasks": tasks, "answers": answers, "slab": slab}
    arguments = {**descriptors, "parent": os.getpid(), "limits": asdict(limits)}
    return [sys.executable, "-P", "-c", _PROGRAM, json.dumps(arguments), *_module_path()]


def _module_path() -> list[str]:
    """``sys.path`` of this process, and the folder of this project if it was found in another way."""
    # A program that uses the library may have changed its folder since; "" would now mean another one.
    path = [entry for entry in sys.path if entry]
    home = str(Path(__file__).parents[2])
    return path if home in path else [home, *path]


def serve(*, tasks: int, answers: int, slab: int, parent: int, limits: dict[str, float]) -> None:
    """Decode what comes until the other end is closed."""
    # A Ctrl-C reaches the whole group; the run decides what it means, and its end closes the connection.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warnings.simplefilter("ignore")
    limit = Limits(**limits)  # type: ignore[arg-type]
    memory = Slab(slab)
    os.close(slab)
    _limit_memory(limit.memory_bytes)
    asked, answered = Connection(tasks, writable=False), Connection(answers, readable=False)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            slot, candidates = read_task(asked.recv_bytes())
            chunk: list[Decoded] = []
            for place, candidate in enumerate(candidates):
                memory.begin()
                with _cpu_time(limit.cpu_seconds):
                    decoded = decode(candidate, limit)
                if decoded.pixels is not None:
                    memory.put(slot, place, decoded.pixels)
                chunk.append(decoded)
            answered.send_bytes(answer(slot, chunk))


@contextlib.contextmanager
def _cpu_time(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory(extra: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of hostile pictures, and as large as they
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return  # not Linux: no cheap way to know what this process takes by itself
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + extra
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _end_with(parent: int) -> None:
    """End within a second of the parent, even from the middle of a file."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
