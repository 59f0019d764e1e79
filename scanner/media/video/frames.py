"""The frames that a film shows at given times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.media.video.container import Film

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from PIL import Image

PATIENCE = 2.0
"""Seconds for which a film's last frame stands for times behind it: sound may go on, and durations are rounded."""
AHEAD = 2.0
"""Seconds up to which decoding on is cheaper than a jump."""
_BACK = (0.0, 15.0)
"""Seconds by which a second and a third try begin earlier, where a jump led behind the time; then the start."""
_SAME = 1e-4
_MICROSECONDS = 1_000_000
_HD_HEIGHT = 720


class Shown(NamedTuple):
    """A decoded frame."""

    time: float
    """From the film's start, in seconds, by its own time stamp."""
    frame: VideoFrame

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


class Player:
    """Gives frames of one film in rising order of time."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._frames: Iterator[Shown] = iter(())
        self._last: Shown | None = None
        """The newest of those that were decoded and lie at or before the time that was asked for."""
        self._next: Shown | None = None
        """The one after it."""

    def at(self, times: Sequence[float]) -> Iterator[Shown | None]:
        """What is shown at each of them; ``None`` where the film has ended long before. They rise."""
        for number, time in enumerate(times):
            here = self._last
            if number == 0 and (here is None or not here.time <= time <= here.time + AHEAD):
                self._jump(time)
            yield self._shown(time)

    def _shown(self, time: float) -> Shown | None:
        while self._next is not None and self._next.time <= time + _SAME:
            self._last, self._next = self._next, next(self._frames, None)
        if self._last is None:
            # A film may begin with a frame that comes late.
            return self._next if self._next is not None and self._next.time <= time + PATIENCE else None
        is_over = self._next is None and time > self._last.time + max(PATIENCE, _duration(self._last))
        return None if is_over else self._last

    def _jump(self, time: float) -> None:
        """To the last frame that can be decoded by itself before the time; some containers lead too far."""
        for back in _BACK:
            self._go(max(0.0, time - back))
            if self._next is not None and self._next.time <= time + _SAME:
                return
        self._go(None)

    def _go(self, time: float | None) -> None:
        from av.error import FFmpegError

        self._last, self._next, self._frames = None, None, iter(())
        try:
            where = 0 if time is None else round((time + self._film.start) * _MICROSECONDS)
            self._film.container.seek(where, backward=True)
        except FFmpegError:
            return
        self._frames = self._decoded()
        self._next = next(self._frames, None)

    def _decoded(self) -> Iterator[Shown]:
        """Damaged packets are passed over, and so are frames that were made up for them."""
        from av.error import FFmpegError

        base = self._film.stream.time_base
        packets = self._film.container.demux(self._film.stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                return  # cut off
            if packet is None:
                return
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                if frame.pts is not None and base is not None and not frame.is_corrupt:
                    yield Shown(float(frame.pts * base) - self._film.start, frame)


def _duration(shown: Shown) -> float:
    frame = shown.frame
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
