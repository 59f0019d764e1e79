"""Frames as a decoder gives them, one after another, and what it lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.media.video.container import Film

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image

SAME = 1e-4
"""Seconds by which two times of one frame may differ."""
_HD_HEIGHT = 720


class Shown(NamedTuple):
    """A decoded frame."""

    time: float
    """From the film's start, in seconds, by its own time stamp."""
    frame: VideoFrame

    @property
    def seconds(self) -> float:
        """How long it is shown; 0 if it does not say."""
        frame = self.frame
        return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0

    def upright(self) -> Image.Image:
        """RGB, turned as the container says."""
        from av.video.reformatter import Colorspace
        from PIL import Image

        frame = self.frame
        # Of a film that does not say, HD is BT.709 and what is smaller BT.601, as players take it.
        said = frame.colorspace
        unsaid = Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
        known = said in (Colorspace.ITU709, Colorspace.ITU601, Colorspace.SMPTE240M, Colorspace.FCC)
        rgb: Any = frame.reformat(format="rgb24", src_colorspace=said if known else unsaid)
        image: Image.Image = rgb.to_image()
        turns = {
            90: Image.Transpose.ROTATE_90,
            180: Image.Transpose.ROTATE_180,
            270: Image.Transpose.ROTATE_270,
        }
        turn = turns.get(round(frame.rotation / 90) * 90 % 360)
        return image if turn is None else image.transpose(turn)


class Decoding:
    """Of one film, from where it stands: each packet is a frame. After an error those are lost that do not come, and
    those that may be made of what is lost: whatever is read before the next key frame.

    A decoder gives frames late and sorted, so that which of them an error cost shows when a later one comes.
    """

    def __init__(self, film: Film) -> None:
        self._film = film
        self.lost: list[float] = []
        """Times of frames that nobody can see, so far."""
        self._due: list[float] = []
        """A heap of the times of frames that have not come."""
        self._suspects: set[float] = set()
        """Of them, those that an error may have cost."""
        self._spoiled: set[float] = set()
        """Of them, those that are not right even if they come."""
        self._is_broken = False
        """Whether something was lost since the last key frame."""

    def frames(self) -> Iterator[Shown]:
        """In the order in which they are shown, to the end of the film or of what is left of it."""
        from av.error import FFmpegError

        packets = self._film.container.demux(self._film.stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                packet = None  # cut off
            if packet is None:
                self._come(None)
                return
            self._ask(packet)
            try:
                frames = packet.decode()
            except FFmpegError:
                self._suspects |= set(self._due)
                self._is_broken = True
                continue
            for frame in frames:
                time = self._seconds(frame.pts)
                if time is None:
                    continue
                if self._come(time) and not frame.is_corrupt:
                    yield Shown(time, frame)
                else:
                    self.lost.append(time)

    def _ask(self, packet: Packet[VideoStream]) -> None:
        # AVI has the times of packets alone.
        time = self._seconds(packet.dts if packet.pts is None else packet.pts)
        if time is None or not packet.size or packet.is_discard:
            return
        self._is_broken = self._is_broken and not packet.is_keyframe
        heappush(self._due, time)
        if self._is_broken:
            self._spoiled.add(time)

    def _come(self, time: float | None) -> bool:
        """A frame has come, before which all earlier ones should have; ``None`` at the end. Whether it is right."""
        is_right = True
        while self._due and (time is None or self._due[0] <= time + SAME):
            due = heappop(self._due)
            is_here = time is not None and due >= time - SAME
            is_lost = due in self._spoiled or (due in self._suspects and not is_here)
            self._spoiled.discard(due)
            self._suspects.discard(due)
            if is_lost and is_here:
                is_right = False
            elif is_lost:
                self.lost.append(due)
        return is_right

    def _seconds(self, stamp: int | None) -> float | None:
        base = self._film.stream.time_base
        return None if stamp is None or base is None else float(stamp * base) - self._film.start
