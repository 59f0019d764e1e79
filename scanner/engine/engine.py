"""What every engine is: from candidates to final results, in their order. It prints nothing and writes no file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol

from scanner.inference.detector import Detector
from scanner.media import Limits
from scanner.media.opener import Reading
from scanner.results import FileResult
from scanner.sources import Candidate


class Engine(Protocol):
    """:mod:`scanner.engine.serial` is the reference: every engine gives what it gives, to the bit on a CPU in fp32."""

    def results(self, items: Iterable[Candidate | FileResult]) -> Generator[FileResult, None, None]:
        """One result for each item, in order, and before that of a container one for each of its members; a
        :class:`FileResult` among the items is known and comes out at its place.

        Closing the generator ends the work. Raises :class:`models.support.errors.Failure` when the run cannot go on.
        """
        ...


def reading_of(detector: Detector, limits: Limits) -> Reading:
    """What a model wants of files."""
    facts = detector.facts
    return Reading(limits, facts.spec, facts.faces, facts.sampling, facts.verification)
