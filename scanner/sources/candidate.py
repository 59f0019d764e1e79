"""What gets a row: a file, a folder that could not be listed, or a member of a container."""

from __future__ import annotations

from dataclasses import dataclass

from models.filetypes import MediaKind
from scanner.results import ErrorCode, FileResult
from scanner.results.inside import Inside
from scanner.results.names import decode_path


@dataclass(frozen=True)
class Candidate:
    """A file, or a folder that could not be listed, that gets a row."""

    path: str
    """To open it, as :func:`os.fsdecode` gives it; of a member, its outermost container."""
    name: str
    """As the report writes it."""
    kind: MediaKind
    """By suffix and content; with the suffix of a decoded image by that alone, since such a file is not opened before
    it is read. Whoever reads the bytes calls :func:`classify` on them."""
    explicit: bool
    """Named by an operand, a glob or a list, not found in a folder."""
    problem: ErrorCode | None = None
    """The row's error, when the walk knows it already; the file is not to be opened then."""
    detail: str = ""
    inside: Inside | None = None
    """Of a member of a container."""

    @property
    def own_name(self) -> str:
        """By which its kind is known."""
        return self.path if self.inside is None else self.inside.name


def again(result: FileResult) -> Candidate:
    """The candidate of a result that is to be looked at once more."""
    place = decode_path(result.path)
    inside = None
    if result.member is not None and result.container is not None and place.members:
        inside = Inside(result.member, place.members[-1], result.container)
    return Candidate(str(place), result.path, MediaKind.IMAGE, explicit=True, inside=inside)
