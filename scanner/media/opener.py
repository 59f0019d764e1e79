"""What every kind of media is to the scanner: a file that is opened into facts and parts, and parts into pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from models.contract import InputSpec
from models.faces.rules import LAWS_OWN, FaceRules
from scanner.media.file import MediaFile
from scanner.media.limits import Limits
from scanner.media.provenance.credentials import Aside
from scanner.results import FileResult, Stamp
from scanner.results.credentials import Verification
from scanner.results.parts import WHOLE_FILE, Gap, Looked, Where
from scanner.results.sampling import FIRST_FRAMES, Sampling

Part = Any
"""What an opener needs to find a part again in the file: plain values that JSON can carry."""


class Picture(NamedTuple):
    """What the model is given."""

    pixels: bytes
    """Of ``uint8[size, size, 3]``, row by row. No array: a decoder without numpy starts in half the time."""
    where: Where = WHOLE_FILE


class Member(NamedTuple):
    """One file in a container, or in a container in it; or such a container itself, after its members."""

    names: tuple[str, ...]
    """From the outermost container down."""
    number: int | None
    """As in :class:`scanner.results.inside.Inside`; ``None`` for one that is not to be opened, or was."""
    gap: Gap | None = None
    """Its row, then."""
    bytes: int | None = None
    format: str | None = None
    members: int | None = None
    """Of a container, those that have rows."""
    sha256: str | None = None
    """Of a container that was read."""


class Members(NamedTuple):
    """All of a container, in their order."""

    status: Stamp
    """Which file they are those of."""
    rows: tuple[Member, ...]


@dataclass(frozen=True)
class Opened:
    """What opening a file gave."""

    result: FileResult
    """Its facts, without findings; final if nothing of the file is to be scored."""
    pictures: tuple[Picture, ...] = ()
    """Of media whose one part was read on the way."""
    parts: tuple[Part, ...] | None = None
    """What is left to be read, each part on its own and in any process; ``None`` for nothing."""
    members: Members | None = None
    """Of a container: each is a file of its own, and the result is the container's own row."""


@dataclass(frozen=True)
class Reading:
    """What an opener is told."""

    limits: Limits = field(default_factory=Limits)
    spec: InputSpec = field(default_factory=InputSpec)
    faces: FaceRules = LAWS_OWN
    sampling: Sampling = FIRST_FRAMES
    verification: Verification | None = None
    """``None``: C2PA manifests are seen and not checked."""
    spare: bool = False
    """Leave out that check: it ended a decoder over this file before."""
    aside: Aside = nullcontext
    """Entered around it: a decoder that ends there does so for another reason than the picture."""


class Opener(Protocol):
    """A kind of media. Its functions run in a decoder, which may be ended in the middle of them."""

    def takes(self, file: MediaFile) -> bool:
        """Whether the file is of this kind; it is not read for that beyond its head."""
        ...

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        """Facts and parts. Raises :class:`scanner.media.file.MediaError` and ``OSError``."""
        ...

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture | Looked]:
        """Of one part, in order; of media that are sampled, at the end how much was there.

        Raises like :meth:`open`; what came before is then dropped.
        """
        ...
