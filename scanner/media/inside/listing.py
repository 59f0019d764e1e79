"""The members of an archive or a document, for the rows that they are to have."""

from __future__ import annotations

from models.container_types import ContainerType
from scanner.media.file import MediaError, MediaFile
from scanner.media.inside.budget import Budget
from scanner.media.inside.walker import Walker, own_row
from scanner.media.opener import Member, Members, Opened, Reading
from scanner.media.results import failed
from scanner.results.parts import Gap

_OF_CPU_TIME = 0.4
"""Of a file's, for the list of members: each of them is then read under its own."""


def open_container(kind: ContainerType, file: MediaFile, reading: Reading) -> Opened:
    """Those that were met, and the container's own row. Raises :class:`MediaError` for a file that cannot be read."""
    limits = reading.limits
    walker = Walker(reading.sampling, limits.max_bytes, Budget(file.size, _OF_CPU_TIME * limits.cpu_seconds))
    digest = file.sha256(limits)
    members, gap = _members(walker, kind, file)
    file.check_unchanged()
    facts = {"sha256": digest, "format": kind.value, "frames": len(members), "members": len(members)}
    own = gap or own_row(len(members))
    return Opened(failed(file, own.code, own.detail, **facts), members=Members(file.status, tuple(members)))


def _members(walker: Walker, kind: ContainerType, file: MediaFile) -> tuple[list[Member], Gap | None]:
    """Those that were met, and why there are no more."""
    members: list[Member] = []
    file.stream.seek(0)
    try:
        members.extend(found.member for found in walker.walk(kind, file.own_name, file.stream))
    except MediaError as error:
        return members, Gap(error.code, error.detail)
    return members, None
