"""From a container to its members, however deep, one after another and always in the same order."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import BinaryIO

from models.container_types import ContainerType, container_type
from models.filetypes import HEAD_BYTES, classify
from models.support.dependencies import MissingExtra
from scanner.media.file import MediaError
from scanner.media.inside.budget import MAX_DEPTH, MAX_NESTED, Budget, OverBudget
from scanner.media.inside.entry import Entry
from scanner.media.inside.pdfs import pdf_entries
from scanner.media.inside.seven_zips import seven_zip_entries
from scanner.media.inside.tars import tar_entries
from scanner.media.inside.zips import office_entries, zip_entries
from scanner.media.opener import Member
from scanner.results import ErrorCode
from scanner.results.parts import Gap
from scanner.results.sampling import Sampling
from scanner.sources.skips import skip_type

_PIECE = 1 << 16


@dataclass(frozen=True)
class Found:
    """A member, and how to get at it until the next one is asked for."""

    member: Member
    content: Callable[[int], bytes] | None = None
    """All of it, at most so many bytes and one; ``None`` for one that is not to be opened. May raise anything."""


class Walker:
    """Of one outermost container."""

    def __init__(self, sampling: Sampling, max_bytes: int, budget: Budget) -> None:
        self._sampling, self._max_bytes, self._budget = sampling, max_bytes, budget
        self._numbers = count()

    def walk(
        self, kind: ContainerType, name: str, stream: BinaryIO, names: tuple[str, ...] = ()
    ) -> Iterator[Found]:
        """``names`` lead to the container from the outermost, which is at the start of ``stream``.

        Raises :class:`MediaError` for what cannot be read, or not to its end.
        """
        entries = _entries(kind, name, stream, self._budget)
        while True:
            try:
                entry = next(entries)
                self._budget.entry()
            except StopIteration:
                return
            except MediaError:
                raise
            except MissingExtra as missing:
                raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, str(missing)) from None
            except Exception as error:  # noqa: BLE001 - libraries raise whatever they run into
                raise _why(error, f"no {kind.value} that can be read") from None
            yield from self._member(entry, (*names, entry.name), is_document=kind.is_document)

    def _member(self, entry: Entry, names: tuple[str, ...], *, is_document: bool) -> Iterator[Found]:
        head, stream = b"", None
        if entry.gap is None:
            try:
                stream = entry.open()
                head = _read(stream, HEAD_BYTES)
            except OverBudget:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                why = error if isinstance(error, MediaError) else _why(error, "it cannot be unpacked")
                entry = Entry(entry.name, entry.open, entry.size, Gap(why.code, why.detail))
        kind = container_type(entry.name, head)
        if kind is not None and not is_document and self._sampling.looks_into(kind):
            self._budget.member(names)
            assert stream is not None
            yield from self._nested(kind, entry, names, head, stream)
        elif skip_type(entry.name, classify(entry.name, head)) is None:
            self._budget.member(names)
            yield self._leaf(entry, names, head, stream)

    def _leaf(self, entry: Entry, names: tuple[str, ...], head: bytes, stream: BinaryIO | None) -> Found:
        gap, size = entry.gap, entry.size
        if gap is None and size is not None and size > self._max_bytes:
            gap = Gap(ErrorCode.TOO_MANY_BYTES, f"{size} bytes, the limit is {self._max_bytes}")
        if gap is not None or stream is None:
            return Found(Member(names, None, gap, size))
        if not entry.is_charged:
            self._budget.unpack(size or len(head))
        return Found(
            Member(names, next(self._numbers)), lambda most: head + _read(stream, most + 1 - len(head))
        )

    def _nested(
        self, kind: ContainerType, entry: Entry, names: tuple[str, ...], head: bytes, stream: BinaryIO
    ) -> Iterator[Found]:
        """Its members, then the row of its own."""
        before, over, size = self._budget.members, None, entry.size
        gap, digest = None, None
        try:
            if len(names) >= MAX_DEPTH:
                raise MediaError(ErrorCode.TOO_MANY_BYTES, f"nested deeper than {MAX_DEPTH} containers")
            content = head + _read(stream, MAX_NESTED + 1 - len(head))
            size = len(content)
            if size > MAX_NESTED:
                raise MediaError(
                    ErrorCode.TOO_MANY_BYTES, f"a container inside another has over {MAX_NESTED:,} bytes"
                )
            if not entry.is_charged:
                self._budget.unpack(size)
            digest = sha256(content).hexdigest()
            yield from self.walk(kind, entry.name, io.BytesIO(content), names)
        except OverBudget as error:
            over, gap = error, Gap(error.code, error.detail)
        except MediaError as error:
            gap = Gap(error.code, error.detail)
        except Exception as error:  # noqa: BLE001 - from reading it
            why = _why(error, "it cannot be unpacked")
            gap = Gap(why.code, why.detail)
        members = self._budget.members - before
        yield Found(Member(names, None, gap or own_row(members), size, kind.value, members, digest))
        if over is not None:
            raise over


def own_row(members: int) -> Gap:
    """Of a container that was read to its end."""
    return Gap(ErrorCode.CONTAINER, f"{members:,} members have rows of their own")


def _entries(kind: ContainerType, name: str, stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    match kind:
        case ContainerType.ZIP:
            return zip_entries(stream, budget)
        case ContainerType.OFFICE:
            return office_entries(name, stream, budget)
        case ContainerType.TAR:
            return tar_entries(stream, budget)
        case ContainerType.SEVEN_ZIP:
            return seven_zip_entries(stream, budget)
        case ContainerType.PDF:
            return pdf_entries(stream, budget)


def _read(stream: BinaryIO, size: int) -> bytes:
    """As many bytes, or all that there are: in pieces, since some libraries unpack at once what is asked for."""
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(min(size, _PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _why(error: Exception, what: str) -> MediaError:
    if isinstance(error, MemoryError):
        return MediaError(ErrorCode.OUT_OF_MEMORY, "not enough memory to unpack")
    if isinstance(error, NotImplementedError):
        return MediaError(ErrorCode.UNSUPPORTED_FORMAT, f"{what}: {error}")
    return MediaError(ErrorCode.CORRUPT_IMAGE, f"{what}: {type(error).__name__}: {error}")


def unpacking_failed(error: Exception) -> MediaError:
    """What an error while a member's content is read means for its row."""
    return error if isinstance(error, MediaError) else _why(error, "it cannot be unpacked")
