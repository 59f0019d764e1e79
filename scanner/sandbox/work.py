"""What the run knows of each file on its way through the decoders."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from scanner.media.opener import Opened, Part, Picture
from scanner.media.results import failed_candidate
from scanner.results import FileResult
from scanner.results.parts import Gap, Looked, PartResult
from scanner.sources import Candidate

_MEMBERS = 4
"""Of a container, that are opened for one message."""


@dataclass(frozen=True)
class Extracted:
    """What one part of a file gave, in the order of files and parts."""

    result: FileResult
    """The file's facts; final where there is nothing to score."""
    pictures: tuple[Picture, ...] = ()
    index: int = 0
    """Of the part."""
    parts: int | None = None
    """Of the file; ``None`` for media of one part."""
    gap: Gap | None = None
    known: PartResult | None = None
    """What an earlier run found in this part."""
    looked: Looked | None = None

    @property
    def is_last(self) -> bool:
        return self.parts is None or self.index + 1 == self.parts


@dataclass(eq=False)
class Unit:
    """The opening of a file, or one of its parts: what is handed out, blamed and tried again."""

    file: Work
    index: int | None = None
    """``None`` for the opening."""
    part: Part = None
    pictures: list[Picture] = field(default_factory=list)
    gap: Gap | None = None
    looked: Looked | None = None
    known: PartResult | None = None
    is_done: bool = False
    failures: int = 0
    """Decoders that ended, or stood still, with this in hand."""
    spare: bool = False
    """As in :class:`scanner.media.opener.Reading`."""

    def give_up_check(self, *, is_aside: bool) -> bool:
        """Whether to do it again without what ended its decoders, if that was no work on the picture."""
        if self.spare or not is_aside:
            return False
        self.spare, self.failures = True, 0
        return True

    @property
    def candidate(self) -> Candidate:
        """Of the file; what was known before is given to no decoder."""
        assert self.file.candidate is not None
        return self.file.candidate


@dataclass(eq=False)
class Work:
    """One file, from its candidate to its last part."""

    number: tuple[float, ...]
    """In the order of files; of a member, that of its container and its own in it."""
    candidate: Candidate | None
    """``None`` for a result that was known before."""
    result: FileResult | None = None
    opening: Unit = field(init=False)
    parts: int | None = None
    """``None`` for media of one part."""
    units: deque[Unit] = field(default_factory=deque)
    """Parts that were not given on."""
    unassigned: deque[Unit] = field(default_factory=deque)
    """Of them, those that no decoder was given; of a container, the openings of its members."""
    members: deque[Work] = field(default_factory=deque)
    """Of a container, those that were not given on; its own row comes after them."""
    is_given: bool = False
    """Whether all of it was given on."""

    def __post_init__(self) -> None:
        self.opening = Unit(self)

    @classmethod
    def of(cls, number: tuple[float, ...], item: Candidate | FileResult) -> Work:
        """What is known to have no pictures, or by an earlier run, has ended already: nothing is opened."""
        if isinstance(item, FileResult):
            work = cls(number, None)
            work.ended(item)
            return work
        work = cls(number, item)
        if item.problem is not None:
            work.ended(failed_candidate(item, item.problem, item.detail))
        return work

    def opened(self, opened: Opened, known: Mapping[int, PartResult]) -> None:
        """The file's facts have come; ``known`` are parts of an earlier run."""
        self.result = opened.result
        self.opening.is_done = True
        if opened.parts:
            self.parts = len(opened.parts)
            self.units.extend(
                Unit(self, index, part, known=known.get(index), is_done=index in known)
                for index, part in enumerate(opened.parts)
            )
            self.unassigned.extend(unit for unit in self.units if not unit.is_done)

    def holds(self, result: FileResult, items: Iterable[Candidate | FileResult]) -> None:
        """It is a container, with the members of that number, known or not."""
        self.ended(result)
        first = self.number[0]
        self.number = (first, inf)  # its members have parts that are waited for before those that nobody has
        self.members.extend(Work.of((first, place), item) for place, item in enumerate(items))
        self.unassigned.extend(one.opening for one in self.members if not one.opening.is_done)

    def ended(self, result: FileResult) -> None:
        """Nothing of the file is to be scored."""
        self.result = result
        self.opening.is_done = True

    @property
    def head(self) -> Unit:
        """What the order waits for."""
        if self.members:
            return self.members[0].head
        return self.units[0] if self.units else self.opening

    def ready(self) -> Iterator[Extracted]:
        """What can be given on now; with the last of it, :attr:`is_given` becomes true."""
        if self.result is None:
            return
        while self.members:
            member = self.members[0]
            for extracted in member.ready():
                if member.is_given:
                    self.members.popleft()
                yield extracted
            if not member.is_given:
                return
        if self.parts is None:
            self.is_given = True
            yield Extracted(self.result, _taken(self.opening))
            return
        while self.units and self.units[0].is_done:
            unit = self.units.popleft()
            self.is_given = not self.units
            yield Extracted(
                self.result,
                _taken(unit),
                unit.index or 0,
                self.parts,
                unit.gap,
                unit.known,
                unit.looked,
            )


def _taken(unit: Unit) -> tuple[Picture, ...]:
    """Its pictures, which it then has no more: a file and its units hold each other until Python looks for circles."""
    pictures = tuple(unit.pictures)
    unit.pictures.clear()
    return pictures


Recall = Callable[[Candidate], Candidate | FileResult]
"""The final result of a member that is known already, or the candidate."""
Recognise = Callable[[FileResult], FileResult | None]
"""The final result of a file whose content is known already."""
KnownParts = Callable[[FileResult], Mapping[int, PartResult]]
"""What an earlier run found in parts of a file that it did not finish."""


def next_parts(partial: list[Work], head: Unit | None, has_memory: Callable[[], bool]) -> list[Unit]:
    """The first that nobody has, so that a long film is shared out among all decoders; of a container, the openings of
    some members.

    Without memory, only what the order waits for: ``head``. Files of ``partial`` that are shared out leave it.
    """
    while partial:
        work = partial[0]
        if not work.unassigned:
            partial.pop(0)
            continue
        if not has_memory() and work.unassigned[0] is not head:
            return []
        units = [work.unassigned.popleft()]
        while work.members and work.unassigned and len(units) < _MEMBERS and has_memory():
            units.append(work.unassigned.popleft())
        return units
    return []


def ramp(first: int, tasks: int, callers: int) -> int:
    """Twice as much for every ``callers`` tasks: small ones first, so that a few files are shared out among all."""
    return first << min(30, tasks // callers)
