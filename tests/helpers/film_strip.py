"""A kind of media of the tests' own: a text file of frames, one a line, that is read in parts of several frames.

``grey N`` is a frame; ``slow N`` one that takes a while; ``missing`` cannot be read; ``crash`` ends the process.
With ``FILM_LOG`` in the environment, every part that is begun leaves a line in that file.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scanner.media.file import MediaError, MediaFile
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.openers import OPENERS
from scanner.media.results import failed, of_file
from scanner.results import ErrorCode
from scanner.results.parts import Where

MAGIC = b"FILM STRIP "
FRAMES_PER_SECOND = 25
PROGRAM = "import film_strip; film_strip.register()\n"
"""For a decoder, before it serves."""


def write_film(path: Path, frames: Sequence[str], *, per_part: int = 1) -> Path:
    path.write_bytes(MAGIC + f"{per_part}\n".encode() + "".join(f"{frame}\n" for frame in frames).encode())
    return path


class FilmOpener:
    def takes(self, file: MediaFile) -> bool:
        return file.head.startswith(MAGIC)

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        data = file.read(reading.limits)
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "format": "FILM"}
        header, *frames = data.decode().splitlines()
        if not frames:
            return Opened(failed(file, ErrorCode.CORRUPT_IMAGE, "a film without frames", **facts))
        step = int(header.rpartition(" ")[2])
        parts = tuple([start, min(start + step, len(frames))] for start in range(0, len(frames), step))
        return Opened(of_file(file, frames=len(frames), **facts), parts=parts)

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture]:
        start, end = part
        if log := os.environ.get("FILM_LOG"):
            with Path(log).open("a") as stream:
                print(start, file=stream)
        frames = file.read(reading.limits).decode().splitlines()[1:]
        for number in range(start, end):
            word, _, value = frames[number].partition(" ")
            if word == "missing":
                raise MediaError(ErrorCode.CORRUPT_IMAGE, f"frame {number} is missing")
            if word == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if word == "slow":
                time.sleep(0.05)
            pixels = bytes([int(value)]) * reading.spec.picture_bytes
            yield Picture(pixels, Where(frame=number, time=number / FRAMES_PER_SECOND))


def register() -> None:
    """In this process."""
    if not any(isinstance(opener, FilmOpener) for opener in OPENERS):
        OPENERS.insert(0, FilmOpener())
