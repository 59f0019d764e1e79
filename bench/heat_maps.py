"""Do heat maps show what the score depends on?

    python -m bench.heat_maps DATA... --labels CSV... --model FILE > heat_maps.md

Deletion: on fakes of DATA's validation, each cut by the model's own law (its largest face), the hottest tenth of the
map's cells is greyed, as many drawn at random, as many in the shape of the hottest but elsewhere (the means of five
draws), and the coldest. The logit must fall further for the hottest than for the random ones in 90 % of the pictures.
Scattered cells disturb more places than a patch of as many, so the shape elsewhere is told beside it. The edge of a
grey cell is a trace of its own, so everything is measured with soft edges, too. Sanity: the weights' numbers are
shuffled within each tensor (Adebayo et al. 2018, arXiv 1810.03292); such a model must draw other maps. Sources take
turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from PIL import Image, ImageFilter

from bench.rates import as_rate
from models.contract import Label
from models.preprocessing import MAX_PIXELS, ImageError
from models.preprocessing.laws import law_of
from models.support.errors import Failure
from scanner import Detector, Policy
from train.datasets.joined_trees import Trees
from train.datasets.tree import LabelledImage

FLOOR = 0.9
DRAWS = 5
GREY = 128
EDGES = {"hard": 0.0, "soft": 6.0}
"""Deviation of the blur of a grey cell's edge, in pixels; a cell has 29."""

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Deletion:
    """How far the logit of one picture falls."""

    flagged: bool
    hottest: float
    random: float
    moved: float
    """The hottest cells' shape, elsewhere."""
    coldest: float


@click.command(help=__doc__)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--labels", multiple=True, type=click.Path(path_type=Path), help="One for each DATA.")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="With the output cam.")
@click.option("--pictures", default=200, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
def main(data: tuple[Path, ...], labels: tuple[Path, ...], model: Path, pictures: int, seed: int) -> None:
    try:
        detector = Detector.load(model, "cpu")
        fakes = [one for one in Trees.of(data, labels).read("validation") if one.label is Label.FAKE]
        crops = list(cut(in_turns(fakes, seed), detector, pictures))
        for line in report(detector, crops, seed):
            click.echo(line)
    except Failure as failure:
        raise click.ClickException(str(failure)) from None


def in_turns(images: Sequence[LabelledImage], seed: int) -> Iterator[LabelledImage]:
    """All, in an order that the seed draws, one source after the other."""
    generator = np.random.default_rng(seed)
    queues: dict[str, list[LabelledImage]] = {}
    for index in generator.permutation(len(images)):
        queues.setdefault(images[index].source or "", []).append(images[index])
    while queues:
        for source in sorted(queues):
            yield queues[source].pop()
            if not queues[source]:
                del queues[source]


def cut(images: Iterator[LabelledImage], detector: Detector, most: int) -> Iterator[Pixels]:
    """``uint8[1, size, size, 3]`` of the first that the law gives something of."""
    spec, found = detector.spec, 0
    law = law_of(spec)
    for image in images:
        if found == most:
            return
        try:
            pixels = law.of_file(image.path.read_bytes(), spec, MAX_PIXELS).crops[0].pixels
        except (ImageError, OSError):
            continue
        found += 1
        yield np.frombuffer(pixels, np.uint8).reshape(1, spec.size, spec.size, 3)


def report(detector: Detector, crops: Sequence[Pixels], seed: int) -> Iterator[str]:
    """A table in Markdown, and sentences."""
    generator = np.random.default_rng(seed)
    threshold = Policy.for_model(detector.metadata).threshold
    yield "| fakes | edges | pictures | hottest tenth | random | shape elsewhere | coldest | > random | > elsewhere |"
    yield "|---" * 9 + "|"
    held = []
    for edges, blur in EDGES.items():
        found = [deletion(detector, pixels, generator, threshold, blur) for pixels in crops]
        for name, some in (("all", found), ("flagged", [one for one in found if one.flagged])):
            if some:
                yield f"| {name} | {edges} | {len(some)} | {cells(some)} |"
        held.append(sum(one.hottest > one.random for one in found) >= FLOOR * len(found))
    yield ""
    verdicts = ", ".join(
        f"{edges} {'held' if ok else 'missed'}" for edges, ok in zip(EDGES, held, strict=True)
    )
    yield f"Mean change of the logit by greyed cells. Floor of {FLOOR:.0%}: {verdicts}."
    alike = correlations(detector, crops, seed)
    yield (
        f"Maps of shuffled weights: correlation with the model's own, median {np.median(alike):.2f}, "
        f"90th percentile {np.quantile(alike, 0.9):.2f}, over {len(alike)} pictures."
    )
    yield f"Time of a run with the map to one without: {time_ratio(detector, crops):.3f}."


def cells(some: Sequence[Deletion]) -> str:
    """Means and how often the hottest cells win, as the cells of a row."""
    kinds = ("hottest", "random", "moved", "coldest")
    means = [f"{-statistics.fmean(getattr(one, kind) for one in some):+.2f}" for kind in kinds]
    wins = [
        as_rate(sum(one.hottest > getattr(one, kind) for one in some), len(some))
        for kind in ("random", "moved")
    ]
    return " | ".join(means + wins)


def deletion(
    detector: Detector, pixels: Pixels, generator: np.random.Generator, threshold: float, blur: float = 0.0
) -> Deletion:
    scores, cam = detector.cams(pixels)
    order = np.argsort(cam[0].ravel(), kind="stable")
    tenth = max(1, round(order.size / 10))
    draws = [generator.choice(order.size, tenth, replace=False) for _ in range(DRAWS)]
    before = float(scores.logit[0])
    falls = [
        before - float(detector.score(greyed(pixels, chosen, cam[0].shape, blur)).logit[0])
        for chosen in (
            order[-tenth:],
            order[:tenth],
            *draws,
            *(elsewhere(order[-tenth:], cam[0].shape, generator) for _ in range(DRAWS)),
        )
    ]
    random, moved = falls[2 : 2 + DRAWS], falls[2 + DRAWS :]
    return Deletion(
        bool(scores.prob_fake[0] >= threshold),
        falls[0],
        statistics.fmean(random),
        statistics.fmean(moved),
        falls[1],
    )


def elsewhere(
    chosen: npt.NDArray[np.int64], shape: tuple[int, ...], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The same pattern of cells, anywhere that it fits."""
    rows, columns = np.divmod(chosen, shape[1])
    rows, columns = rows - rows.min(), columns - columns.min()
    down, right = generator.integers(0, [shape[0] - rows.max(), shape[1] - columns.max()])
    return np.asarray((rows + down) * shape[1] + columns + right)


def greyed(
    pixels: Pixels, chosen: npt.NDArray[np.int64], shape: tuple[int, ...], blur: float = 0.0
) -> Pixels:
    """A copy with the pixels of these cells grey; ``chosen`` numbers them row by row."""
    rows, columns = (np.linspace(0, pixels.shape[1], count + 1).round().astype(int) for count in shape)
    mask = np.zeros(pixels.shape[1:3], np.uint8)
    for cell in chosen:
        row, column = divmod(int(cell), shape[1])
        mask[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = 255
    share = np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255
    share = share[None, :, :, None]
    return (pixels * (1 - share) + GREY * share).round().astype(np.uint8)


def correlations(detector: Detector, crops: Sequence[Pixels], seed: int) -> Floats:
    """Of each picture's map with that of shuffled weights."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "shuffled.onnx")
        file.write_bytes(shuffled(onnx.load(str(detector.path)), seed).SerializeToString())
        other = Detector.load(file, "cpu")
        pairs = [
            [one.cams(pixels)[1][0].ravel().astype(np.float64) for one in (detector, other)]
            for pixels in crops
        ]
    # A flat map says nothing, and is unlike any.
    return np.array([np.corrcoef(a, b)[0, 1] if a.std() and b.std() else 0.0 for a, b in pairs])


def shuffled(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The weights of layers in another order; BatchNorm's numbers and constants stay."""
    generator = np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.ndim >= 2 and array.dtype.kind == "f":
            mixed = generator.permutation(array.ravel()).reshape(array.shape)
            tensor.CopyFrom(numpy_helper.from_array(mixed, tensor.name))
    return model


def time_ratio(detector: Detector, crops: Sequence[Pixels]) -> float:
    """Median over the pictures, both measured one after the other."""
    ratios = []
    for pixels in crops:
        start = time.perf_counter()
        detector.score(pixels)
        middle = time.perf_counter()
        detector.cams(pixels)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    return statistics.median(ratios)


if __name__ == "__main__":
    main()
