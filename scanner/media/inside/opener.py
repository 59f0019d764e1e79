"""Archives and documents: looked into where the run says so, member by member."""

from __future__ import annotations

from collections.abc import Iterator

from models.container_types import ContainerType, container_type
from scanner.media.file import MediaError, MediaFile
from scanner.media.inside.budget import Budget
from scanner.media.inside.walker import Walker, own_row
from scanner.media.opener import Member, Members, Opened, Part, Picture, Reading
from scanner.media.other import not_looked_into
from scanner.media.results import failed
from scanner.media.still import StillOpener
from scanner.results.parts import Gap
from scanner.sources import MediaKind

_OF_CPU_TIME = 0.4
"""Of a file's, for the list of members: each of them is then read under its own."""


class ContainerOpener:
    """What is asked to be looked into; else what it was without the option."""

    def takes(self, file: MediaFile) -> bool:
        return container_type(file.own_name, file.head) is not None

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        kind = container_type(file.own_name, file.head)
        assert kind is not None
        limits = reading.limits
        walker = Walker(
            reading.sampling, limits.max_bytes, Budget(file.size, _OF_CPU_TIME * limits.cpu_seconds)
        )
        if file.candidate.inside is not None or not walker.looks_into(kind):
            return (
                not_looked_into(file)
                if file.kind is MediaKind.OTHER_MEDIA
                else StillOpener().open(file, reading)
            )
        digest = file.sha256(limits)
        members, gap = _members(walker, kind, file)
        file.check_unchanged()
        facts = {"sha256": digest, "format": kind.value, "frames": len(members), "members": len(members)}
        own = gap or own_row(len(members))
        return Opened(
            failed(file, own.code, own.detail, **facts), members=Members(file.status, tuple(members))
        )

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture]:
        raise NotImplementedError("it has members, and no parts")


def _members(walker: Walker, kind: ContainerType, file: MediaFile) -> tuple[list[Member], Gap | None]:
    """Those that were met, and why there are no more."""
    members: list[Member] = []
    file.stream.seek(0)
    try:
        members.extend(found.member for found in walker.walk(kind, file.own_name, file.stream))
    except MediaError as error:
        return members, Gap(error.code, error.detail)
    return members, None
