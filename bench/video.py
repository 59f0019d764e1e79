"""What a film costs: CPU seconds for opening it and for the frames that are looked at, without faces or a model.

``python -m bench.video > video.md``, or with a film of your own: ``python -m bench.video --film FILE``. The film of the
bench is a noise that moves sideways, 1080p H.264 with a key frame each 250 frames, as libx264 has it by default.
"""

from __future__ import annotations

import tempfile
import time
from fractions import Fraction
from pathlib import Path

import click
import numpy as np

from scanner.media.file import opened
from scanner.media.limits import Limits
from scanner.media.video import plan
from scanner.media.video.container import opened_film
from scanner.media.video.frames import Player
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind

WIDTH, HEIGHT, RATE = 1920, 1080, 30
BLOCK = 8
"""Pixels of the noise's squares."""


def write_film(path: Path, minutes: float) -> None:
    """Takes about as long as the film."""
    import av

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (HEIGHT // BLOCK, 2 * WIDTH // BLOCK), np.uint8)
    grey = np.kron(noise, np.ones((BLOCK, BLOCK), np.uint8))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": "250"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(minutes * 60 * RATE)):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            left = 3 * number % WIDTH
            frame.planes[0].update(np.ascontiguousarray(grey[:, left : left + WIDTH]).tobytes())
            for plane in frame.planes[1:]:
                plane.update(bytes([100 + number % 50]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def costs(film_path: Path, sampling: Sampling) -> dict[str, float]:
    """CPU seconds by step, and frames."""
    limits = Limits()
    candidate = Candidate(str(film_path), film_path.name, MediaKind.OTHER_MEDIA, explicit=True)
    clock = time.process_time
    with opened(candidate) as file:
        began = clock()
        file.sha256(limits)
        hashed = clock()
        with opened_film(file, limits) as film:
            seconds = max(film.claimed_seconds(), film.last_seconds())
    told, frames = clock(), 0
    for part in plan.parts(seconds, sampling):
        with opened(candidate) as file, opened_film(file, limits) as film:
            player = Player(film)
            for burst in part:
                for shown in player.at(burst):
                    frames += shown is not None
                    if shown is not None:
                        shown.upright()
    steps = {"SHA-256": hashed - began, "duration": told - hashed, "frames, as RGB": clock() - told}
    return {"seconds of film": seconds, "frames": frames, **steps}


@click.command()
@click.option("--film", type=click.Path(exists=True, path_type=Path), help="In place of the bench's own.")
@click.option("--minutes", default=10.0, show_default=True, help="Of the bench's own.")
@click.option("--bursts", default=8, show_default=True, help="Of four frames.")
def main(film: Path | None, minutes: float, bursts: int) -> None:
    """What a film costs, as a table in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        path = film or Path(folder, "film.mp4")
        if film is None:
            write_film(path, minutes)
        found = costs(path, Sampling(video=True, bursts=bursts))
        size = path.stat().st_size / 1e6
    print(f"| {size:.1f} MB | CPU s |\n|---|--:|")
    for name, value in found.items():
        print(f"| {name} | {value:.2f} |")


if __name__ == "__main__":
    main()
