"""A film in our hands. FFmpeg follows what playlists name, to other files and to the network; here it may not: PyAV is
given an open file, the formats it may be, and no protocol."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from models.filetypes import MediaKind, kind_by_magic, suffix_of
from scanner.media.file import MediaError, MediaFile
from scanner.media.limits import Limits
from scanner.results import ErrorCode

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf"
"""FFmpeg's names of the containers that are read. None of them names another file that FFmpeg would open; playlists
(HLS, DASH, ffconcat) and session descriptions (SDP) do."""
_NAMES = {
    "mov": "MP4",
    "matroska": "MATROSKA",
    "avi": "AVI",
    "mpegts": "MPEG-TS",
    "mpeg": "MPEG-PS",
    "flv": "FLV",
    "asf": "ASF",
}
_OTHER_HEADS = (b".RMF", b"\x06\x0e+4", b"DKIF", b"YUV4MPEG2 ", b"OggS", b"\x00\x00\x01\xb3")
_OTHER_SUFFIXES = (
    *(
        "264",
        "265",
        "amv",
        "bik",
        "dv",
        "gifv",
        "h264",
        "h265",
        "hevc",
        "ivf",
        "m1v",
        "m2v",
        "mjpeg",
        "mjpg",
        "mpv",
    ),
    *("mxf", "ogm", "ogv", "rm", "rmvb", "swf", "wtv", "y4m"),
)
"""Films in no container of :data:`FORMATS`, among them bare streams of pictures, which have no times."""
_CLOCK = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,12})?)")
_MICROSECONDS = 1_000_000
_FAR = 1 << 40
"""Microseconds, some 12 days: behind the end of any film that is looked into."""


@dataclass
class Film:
    """An open one."""

    container: InputContainer
    stream: VideoStream
    format: str
    start: float
    """Of the pictures, in seconds on the container's clock."""

    def claimed_seconds(self) -> float:
        """What the container says; 0 where it says nothing, or nothing that can be."""
        base = self.stream.time_base
        of_stream = self.stream.duration
        if of_stream is not None and base is not None and of_stream > 0:
            return float(of_stream * base)
        if (tagged := _seconds_of(self.stream.metadata.get("DURATION", ""))) > 0:
            return tagged  # Matroska: the container's own is that of the sound, too
        return max(0.0, (self.container.duration or 0) / _MICROSECONDS)

    def last_seconds(self) -> float:
        """Where its last picture ends, as far as that can be found from behind; 0 where it cannot."""
        from av.error import FFmpegError

        last = 0.0
        with contextlib.suppress(FFmpegError):
            self.container.seek(_FAR, backward=True)
            for packet in self.container.demux(self.stream):
                if packet.pts is not None and packet.time_base is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - self.start
                    last = max(last, end)
        return last


def _seconds_of(tag: str) -> float:
    """Of ``00:00:09.900000000``; 0 for any other text."""
    match = _CLOCK.fullmatch(tag)
    return (
        0.0
        if match is None
        else sum(float(one) * unit for one, unit in zip(match.groups(), (3600, 60, 1), strict=True))
    )


@contextlib.contextmanager
def opened_film(file: MediaFile, limits: Limits) -> Iterator[Film]:
    """Raises :class:`MediaError` for what is no film that can be read."""
    import av
    from av.error import FFmpegError

    file.stream.seek(0)
    try:
        container = av.open(
            cast(BinaryIO, _Bytes(file.stream)),
            options={"format_whitelist": FORMATS, "protocol_whitelist": ""},
            metadata_errors="ignore",
        )
    except FFmpegError as error:
        raise _not_opened(file, error.strerror) from None
    with container:
        try:
            yield _film(cast("InputContainer", container), limits)
        except FFmpegError as error:
            raise MediaError(ErrorCode.CORRUPT_IMAGE, f"the film is damaged: {error.strerror}") from None


def _not_opened(file: MediaFile, why: str | None) -> MediaError:
    if not file.head:
        return MediaError(ErrorCode.EMPTY_FILE, "the file has no bytes")
    is_known = kind_by_magic(file.head) is MediaKind.OTHER_MEDIA
    is_other = file.head.startswith(_OTHER_HEADS) if is_known else suffix_of(file.own_name) in _OTHER_SUFFIXES
    if is_other:
        return MediaError(ErrorCode.UNSUPPORTED_MEDIA, "a film of a kind that is not read")
    if is_known:
        return MediaError(ErrorCode.CORRUPT_IMAGE, f"no film that can be opened: {why}")
    return MediaError(ErrorCode.NOT_AN_IMAGE, "no known film format in these bytes")


class _Bytes:
    """A file without a name, by which FFmpeg would guess, that can only be read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell


def _film(container: InputContainer, limits: Limits) -> Film:
    from av.stream import Disposition

    # A cover is a stream of one picture.
    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, "there are no moving pictures in it")
    stream = streams[0]
    if stream.codec_context is None:
        raise MediaError(ErrorCode.UNSUPPORTED_FORMAT, "its pictures are coded in a way that is not decoded")
    if stream.width * stream.height > limits.max_pixels:
        detail = f"{stream.width}×{stream.height} pixels, the limit is {limits.max_pixels}"
        raise MediaError(ErrorCode.TOO_MANY_PIXELS, detail)
    # One thread: the limits are a process's, and pictures must not depend on the machine. A stream may also change its
    # size on the way.
    stream.codec_context.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    # Damage is an error and nothing that is made up.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels), "err_detect": "explode"}
    name = container.format.name.partition(",")[0]
    start, base = stream.start_time, stream.time_base
    return Film(
        container,
        stream,
        _NAMES.get(name, name.upper()),
        0.0 if start is None or base is None else float(start * base),
    )
