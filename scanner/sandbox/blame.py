"""What the end of a decoder means for the file, or the part, that it had in hand."""

from __future__ import annotations

import threading

from scanner.media.limits import Limits
from scanner.media.results import failed_candidate
from scanner.results import ErrorCode, Stamp
from scanner.results.parts import Gap
from scanner.sandbox.launch import CPU_LIMIT_SIGNAL
from scanner.sandbox.work import Unit
from scanner.sources import Candidate

_ANSWER_SECONDS = 1.0
"""That a file system may take to say what it knows of a file."""


def charge(exit_code: int, failures: int, limits: Limits, *, stalled: bool) -> Gap | None:
    """Why the culprit gets no pictures; ``None`` if it is to be tried once more.

    A decoder may have been killed, or held up, from outside: only CPU time is certain to be the file's own.
    """
    if exit_code == -CPU_LIMIT_SIGNAL:
        detail = f"decoding took more than {limits.cpu_seconds:g} s of CPU time"
        return Gap(ErrorCode.DECODE_TIMEOUT, detail)
    if failures < 2:
        return None
    if stalled:
        return Gap(ErrorCode.DECODE_TIMEOUT, f"decoding stood still for {limits.stall_seconds:g} s, twice")
    return Gap(ErrorCode.DECODE_CRASHED, f"its decoder ended twice ({exit_code})")


def fail(unit: Unit, gap: Gap) -> None:
    """It gets no pictures."""
    if unit.index is not None:
        unit.gap, unit.is_done = gap, True
    else:
        unit.file.ended(failed_candidate(unit.candidate, *gap, stamp=stamp_now(unit.candidate)))


def stamp_now(candidate: Candidate) -> Stamp | None:
    """After the failure: by it a later run may know that it failed on the same file."""
    found: list[Stamp | None] = []
    # A folder that does not answer must not hold up the run itself.
    asking = threading.Thread(target=lambda: found.append(Stamp.at(candidate.path)), daemon=True)
    asking.start()
    asking.join(_ANSWER_SECONDS)
    return found[0] if found else None
