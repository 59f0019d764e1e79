"""Media that are known for what they are, and not looked into."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.media.file import MediaFile
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.results import failed
from scanner.results import ErrorCode
from scanner.sources import MediaKind


class OtherOpener:
    """Not hashed: a video is as large as it is, and nothing is claimed about its content."""

    def takes(self, file: MediaFile) -> bool:
        return file.kind is MediaKind.OTHER_MEDIA

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        return not_looked_into(file)

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture]:
        raise NotImplementedError("it has no parts")


def not_looked_into(file: MediaFile) -> Opened:
    """Its only row."""
    return Opened(failed(file, ErrorCode.UNSUPPORTED_MEDIA, "not a still image"))
