"""From the options of ``scan`` to what is looked at in files that hold several pictures."""

from __future__ import annotations

from models.support.errors import Failure
from scanner.options import Options
from scanner.results.sampling import BURSTS, MAX_FRAMES, Sampling


class SamplingError(Failure):
    """It is said how frames are to be chosen, and not that they are."""


def sampling_of(options: Options) -> Sampling:
    """Raises :class:`SamplingError` for an option that could do nothing."""
    of_films = {"--video-bursts": options.video_bursts, "--max-video-seconds": options.max_video_seconds}
    _refuse("--video sample", options.video == "sample", of_films)
    _refuse("--frames all", options.frames == "all", {"--max-frames": options.max_frames})
    return Sampling(
        video=options.video == "sample",
        bursts=options.video_bursts or BURSTS,
        max_seconds=options.max_video_seconds,
        all_frames=options.frames == "all",
        max_frames=options.max_frames or MAX_FRAMES,
        archives=options.archives,
        documents=options.documents,
    )


def _refuse(without: str, is_asked: bool, others: dict[str, float | None]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given and not is_asked:
        raise SamplingError(f"without {without}, {' and '.join(given)} can do nothing")
