"""Pictures without a face, made by rule: the same number and seed give the same picture."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Floats = npt.NDArray[np.float64]
Maker = Callable[[np.random.Generator, tuple[int, int]], Image.Image]

WORDS = re.findall(
    r"\S+",
    "the report of a scan says what was read, what was found and how sure one can be; no file is lost and none is "
    "skipped without a word, since somebody will ask for the reasons in a year and read every line of the answer",
)


def made(number: int, seed: int = 0) -> tuple[str, Image.Image]:
    """Kind and RGB picture, with sides of 200 to 1600 pixels."""
    rng = np.random.default_rng([seed, number])
    kind = tuple(KINDS)[number % len(KINDS)]
    width, height = (int(200 * 8 ** rng.random()) for _ in range(2))
    return kind, KINDS[kind](rng, (width, height)).convert("RGB")


def gradient(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Between four random corners."""
    corners = Image.fromarray(rng.integers(0, 256, (2, 2, 3), np.uint8))
    return corners.resize(size, Image.Resampling.BICUBIC)


def noise(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Of one grain, from single pixels up."""
    grain = int(rng.integers(1, 24))
    small = rng.integers(0, 256, (size[1] // grain + 1, size[0] // grain + 1, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BILINEAR)


def clouds(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Noise of all grains, blue to white."""
    share = _fractal(rng, size, roughness=0.55)[..., None]
    sky, white = rng.uniform((20, 80, 150), (120, 170, 255)), np.full(3, 250.0)
    return _picture(sky + (white - sky) * share)


def landscape(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A sky with a sun, and ridges that get darker towards the ground."""
    width, height = size
    picture = clouds(rng, size)
    draw = ImageDraw.Draw(picture)
    x, y, radius = rng.uniform(0, width), rng.uniform(0, 0.4 * height), rng.uniform(0.02, 0.08) * height
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 200))
    ridges = int(rng.integers(2, 6))
    for ridge in range(ridges):
        base = height * (0.4 + 0.5 * ridge / ridges)
        line = base - 0.35 * height * (_fractal(rng, (width, 1), roughness=0.5)[0] - 0.3)
        colour = tuple(
            int(v) for v in rng.uniform((20, 50, 20), (110, 130, 110)) * (1 - 0.6 * ridge / ridges)
        )
        draw.polygon([(0, height), *enumerate(line.tolist()), (width, height)], fill=colour)
    grain = _fractal(rng, size, roughness=0.9)[..., None] * 40 - 20
    return _picture(np.asarray(picture, float) + grain)


def page(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Lines of text with a heading, dark on light."""
    picture = Image.new("RGB", size, tuple(int(v) for v in rng.integers(225, 256, 3)))
    draw = ImageDraw.Draw(picture)
    height = int(rng.integers(10, 34))
    top = left = height
    while top < size[1] - height:
        side = height * (2 if rng.random() < 0.08 else 1)
        words = " ".join(rng.choice(WORDS, int(rng.integers(3, 16))))
        draw.text((left, top), words, fill=(20, 20, 30), font=ImageFont.load_default(side))
        top += int(1.4 * side)
    return picture


def plot(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Lines, bars, points, a pie or a map of colours by matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100)
    axes = figure.subplots()
    match int(rng.integers(5)):
        case 0:
            axes.plot(rng.normal(size=(60, 3)).cumsum(axis=0))
        case 1:
            axes.bar(np.arange(8), rng.random(8), color=rng.random((8, 3)))
        case 2:
            axes.scatter(*rng.normal(size=(2, 200)), s=rng.uniform(5, 200, 200), c=rng.random(200), alpha=0.6)
        case 3:
            axes.pie(rng.random(6) + 0.1, colors=rng.random((6, 3)))
        case _:
            axes.imshow(_fractal(rng, (64, 64), roughness=0.6), aspect="auto")
    axes.set_title(" ".join(rng.choice(WORDS, 4)))
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return Image.open(stream)


def shapes(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Ellipses, boxes and triangles, some of them soft."""
    picture = gradient(rng, size)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(3, 40))):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        w, h = rng.uniform(0.02, 0.3, 2) * min(size)
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        match int(rng.integers(3)):
            case 0:
                draw.ellipse((x - w, y - h, x + w, y + h), fill=colour)
            case 1:
                draw.rectangle((x - w, y - h, x + w, y + h), fill=colour)
            case _:
                draw.polygon([(x, y - h), (x - w, y + h), (x + w, y + h)], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(float(rng.choice((0, 1, 4)))))


def lights(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Discs out of focus before the dark, as of a street at night."""
    lit = Image.new("RGB", size, (8, 8, 16))
    for _ in range(int(rng.integers(10, 60))):
        disc = Image.new("RGB", size)
        x, y, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0.01, 0.08) * min(size)
        colour = tuple(int(v) for v in rng.uniform((120, 60, 20), (255, 220, 200)))
        ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        lit = Image.fromarray(
            np.maximum(np.asarray(lit), (np.asarray(disc) * rng.uniform(0.3, 1)).astype(np.uint8))
        )
    return lit.filter(ImageFilter.GaussianBlur(2))


def stripes(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """One or two waves over each other: cloth, blinds, chequers."""
    x, y = _grid(size)
    values = np.zeros((size[1], size[0]))
    for _ in range(int(rng.integers(1, 3))):
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 80)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        values += np.sign(wave) if rng.random() < 0.5 else wave
    return _two_colours(rng, (values - values.min()) / np.ptp(values))


def wood(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Rings around a point, disturbed; also marble and ripples."""
    x, y = _grid(size)
    centre = rng.uniform(-1, 2, 2) * size
    distance = np.hypot(x - centre[0], (y - centre[1]) * rng.uniform(0.2, 1))
    disturbed = distance + rng.uniform(10, 120) * _fractal(rng, size, roughness=0.5)
    return _two_colours(rng, 0.5 + 0.5 * np.sin(2 * np.pi * disturbed / rng.uniform(10, 60)))


def cells(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Nearest of random points: stones, scales, leaves from above."""
    from scipy.spatial import cKDTree

    points = rng.uniform((0, 0), size, (int(rng.integers(15, 300)), 2))
    x, y = _grid(size)
    distances, nearest = cKDTree(points).query(np.stack([x, y], axis=-1), k=2)
    colours = rng.uniform(30, 220, 3) + rng.normal(0, 30, (len(points), 3))
    edge = np.clip((distances[..., 1] - distances[..., 0]) / 6, 0.2, 1)[..., None]
    return _picture(colours[nearest[..., 0]] * edge + rng.normal(0, 6, (size[1], size[0], 1)))


def bricks(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A wall or a front of windows."""
    picture = Image.new("RGB", size, tuple(int(v) for v in rng.integers(120, 220, 3)))
    draw = ImageDraw.Draw(picture)
    width, height, gap = int(rng.integers(20, 120)), int(rng.integers(16, 90)), int(rng.integers(2, 14))
    offset = width // 2 if rng.random() < 0.6 else 0
    own = rng.uniform(30, 200, 3)
    for row, top in enumerate(range(0, size[1], height)):
        for left in range(-(row % 2) * offset, size[0], width):
            colour = tuple(int(v) for v in np.clip(own + rng.normal(0, 18, 3), 0, 255))
            draw.rectangle((left, top, left + width - gap, top + height - gap), fill=colour)
    return _picture(np.asarray(picture, float) + _fractal(rng, size, roughness=0.8)[..., None] * 50 - 25)


KINDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        gradient,
        noise,
        clouds,
        landscape,
        page,
        plot,
        shapes,
        lights,
        stripes,
        wood,
        cells,
        bricks,
    )
}


def _fractal(rng: np.random.Generator, size: tuple[int, int], *, roughness: float) -> Floats:
    """``float64[height, width]`` from 0 to 1: noise of halving grain, each weaker by ``roughness``."""
    total = np.zeros((size[1], size[0]))
    for octave in range(1, 8):
        small = rng.random((min(size[1], 2**octave), min(size[0], 2**octave))).astype(np.float32)
        total += roughness**octave * np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    return np.asarray((total - total.min()) / max(float(np.ptp(total)), 1e-9))


def _grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    y, x = np.mgrid[: float(size[1]), : float(size[0])]
    return x, y


def _two_colours(rng: np.random.Generator, share: Floats) -> Image.Image:
    first, second = rng.uniform(0, 256, (2, 3))
    return _picture(first + (second - first) * share[..., None])


def _picture(values: Floats) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
