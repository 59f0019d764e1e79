"""Archives and documents as a kind of media. What reads them is loaded with the first, as not all decoders need it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from models.container_types import container_type
from scanner.media.file import MediaFile
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.other import not_looked_into
from scanner.media.still import StillOpener
from scanner.sources import MediaKind


class ContainerOpener:
    """What is asked to be looked into; else what it was without the option."""

    def takes(self, file: MediaFile) -> bool:
        return container_type(file.own_name, file.head) is not None

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        kind = container_type(file.own_name, file.head)
        assert kind is not None
        if file.candidate.inside is None and reading.sampling.looks_into(kind):
            from scanner.media.inside.listing import open_container

            return open_container(kind, file, reading)
        is_other = file.kind is MediaKind.OTHER_MEDIA
        return not_looked_into(file) if is_other else StillOpener().open(file, reading)

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture]:
        raise NotImplementedError("it has members, and no parts")


def prepare_containers() -> None:
    """Load what all containers and their members need."""
    for name in ("listing", "reader"):
        import_module(f"scanner.media.inside.{name}")
