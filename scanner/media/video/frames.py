"""The frames that a film shows at given times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scanner.media.video.container import Film
from scanner.media.video.decoding import SAME, Decoding, Shown

PATIENCE = 2.0
"""Seconds for which a film's last frame stands for times behind it: sound may go on, and durations are rounded."""
AHEAD = 2.0
"""Seconds up to which decoding on is cheaper than a jump."""
_BACK = (0.0, 15.0)
"""Seconds by which a second and a third try begin earlier, where a jump led behind the time; then the start."""
_MICROSECONDS = 1_000_000


class Player:
    """Gives frames of one film in rising order of time."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._decoding = Decoding(film)
        self._frames: Iterator[Shown] = iter(())
        self._last: Shown | None = None
        """The newest of those that were decoded and lie at or before the time that was asked for."""
        self._next: Shown | None = None
        """The one after it."""

    def at(self, times: Sequence[float]) -> Iterator[Shown | None]:
        """What is shown at each of them, which rise; ``None`` where that cannot be decoded, or the film has ended long
        before."""
        for number, time in enumerate(times):
            here = self._last
            if number == 0 and (here is None or not here.time <= time <= here.time + AHEAD):
                self._jump(time)
            yield self._shown(time)

    def _shown(self, time: float) -> Shown | None:
        while self._next is not None and self._next.time <= time + SAME:
            self._last, self._next = self._next, next(self._frames, None)
        if self._last is None:
            # A film may begin with a frame that comes late.
            return self._next if self._next is not None and self._next.time <= time + PATIENCE else None
        if any(self._last.time < lost <= time + SAME for lost in self._decoding.lost):
            return None  # another frame stands there, which nobody can see
        is_over = self._next is None and time > self._last.time + max(PATIENCE, self._last.seconds)
        return None if is_over else self._last

    def _jump(self, time: float) -> None:
        """To the last frame that can be decoded by itself before the time; some containers lead too far."""
        for back in _BACK:
            self._go(max(0.0, time - back))
            if self._next is not None and self._next.time <= time + SAME:
                return
        self._go(None)

    def _go(self, time: float | None) -> None:
        from av.error import FFmpegError

        self._last, self._next, self._frames = None, None, iter(())
        self._decoding = Decoding(self._film)
        try:
            where = 0 if time is None else round((time + self._film.start) * _MICROSECONDS)
            self._film.container.seek(where, backward=True)
        except FFmpegError:
            return
        self._frames = self._decoding.frames()
        self._next = next(self._frames, None)
