"""Films as a kind of media. What reads them is loaded with the first: other decoders need none of it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from models.filetypes import MediaKind, is_video
from scanner.media.file import MediaFile
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.other import not_looked_into
from scanner.results.parts import Looked


class VideoOpener:
    """Looked into where the run says so; else known for what it is."""

    def takes(self, file: MediaFile) -> bool:
        return file.kind is MediaKind.OTHER_MEDIA and is_video(file.own_name, file.head)

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        if not reading.sampling.video:
            return not_looked_into(file)
        from scanner.media.video.reading import open_film_file

        return open_film_file(file, reading)

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture | Looked]:
        from scanner.media.video.reading import film_pictures

        return film_pictures(file, part, reading)


def prepare_films() -> None:
    """Load what all films need."""
    for name in ("av", "scanner.media.video.reading"):
        import_module(name)
