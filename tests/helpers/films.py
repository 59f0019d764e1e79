"""Films of the tests' own, made by PyAV: of greys, or of pictures, with any time stamps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

CODECS = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx", ".avi": "mpeg4", ".ts": "mpeg2video"}
"""By suffix."""
MILLISECOND = Fraction(1, 1000)


def write_film(
    path: Path | str,
    pictures: Iterable[Image.Image],
    times: Iterable[float],
    *,
    codec: str | None = None,
    turned: int = 0,
    **options: str,
) -> Path:
    """One frame for each picture, at its time in seconds; ``turned``: degrees that players turn it by."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec or CODECS[path.suffix], rate=25, options={"g": "12", **options})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = MILLISECOND if path.suffix != ".ts" else Fraction(1, 25)
        for place, (picture, time) in enumerate(zip(pictures, times, strict=True)):
            if place == 0:
                stream.width, stream.height = picture.size
                if turned:
                    stream.set_display_rotation(turned)
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = (
                round(time / stream.codec_context.time_base),
                stream.codec_context.time_base,
            )
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def grey(value: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, (value, value, value))


def write_greys(path: Path | str, values: Sequence[int], *, rate: float = 10.0, **options: Any) -> Path:
    """At a constant rate."""
    times = [number / rate for number in range(len(values))]
    return write_film(path, map(grey, values), times, **options)
