"""What the tests of decoded files share."""

from __future__ import annotations

from models.contract import InputSpec
from scanner.media import Limits
from scanner.media.extract import open_candidate
from scanner.media.opener import Reading
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate

WICKED = """
import os, signal, sys, time
from scanner.sandbox import worker
plain = worker.open_candidate
def open_candidate(candidate, reading):
    name = os.path.basename(candidate.path)
    if "crash" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hang" in name:
        time.sleep(1000)
    if "spin" in name:
        while True:
            pass
    if "once" in name and not os.path.exists(candidate.path + ".seen"):
        open(candidate.path + ".seen", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in name:
        time.sleep(0.1)
    if "second" in name:
        time.sleep(1)
    if "loud" in name:
        os.write(2, b"TIFFReadDirectory: Warning\\n")
    return plain(candidate, reading)
worker.open_candidate = open_candidate
"""


def decoded(candidates: list[Candidate], workers: int = 2, **limits: float) -> list[Extracted]:
    with DecodePool(workers, Reading(Limits(**limits))) as decoders:  # type: ignore[arg-type]
        return list(decoders.decode(candidates))


def assert_as_in_this_process(found: list[Extracted], candidates: list[Candidate]) -> None:
    assert len(found) == len(candidates)
    for one, candidate in zip(found, candidates, strict=True):
        alone = open_candidate(candidate, Reading(Limits(), InputSpec()))
        assert one.result == alone.result
        assert one.pictures == alone.pictures and one.is_last
