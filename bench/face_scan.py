"""What looking for faces adds to a scan, and what the shipped weights gain on the usual loop.

    python -m bench.face_scan --rounds 5

Pictures with a face, from the samples, small and of 12 megapixels. Each network twice: as a model that judges faces and
as one of whole pictures, which differ in their metadata alone. The rows take turns, so that what else the machine does
falls on all of them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import onnx
import torch
from PIL import Image

from bench.speed import ours, peers
from bench.speed.images import BIG, JPEG, Kind, photo
from bench.speed.measure import Results, Row, key, measure
from bench.speed.networks import write_network
from export.exporter import write_model
from models.contract import FACE_PREPROCESS_VERSION, ModelMetadata
from models.faces.law import face_law
from models.weights import resolve_model
from scanner import Detector

PORTRAIT = Path(__file__).parents[1] / "samples" / "real" / "hopper.jpg"
MARGIN = 1.2
NOTEBOOK, FACES, WHOLE = "notebook loop, B4", "scan, {}, faces", "scan, {}, whole pictures"


def main_rows(scratch: Path, small: int, big: int) -> list[Row]:
    b4 = write_network(scratch / "b4.onnx")
    networks = {"Lite2": resolve_model(None)[0], "B4": b4}
    small_ones, big_ones = portraits(scratch / "small", JPEG, 64), portraits(scratch / "big", BIG, 2)
    rows = [
        Row(
            JPEG.name,
            NOTEBOOK,
            max(32, small // 8),
            peers.notebook_loop(b4, small_ones, torch.device("cpu")),
            32,
        )
    ]
    for name, model in networks.items():
        for pattern, faces in ((WHOLE, False), (FACES, True)):
            detector = Detector.load(as_law(model, scratch / f"{name}-{faces}.onnx", faces=faces), "cpu")
            for kind, paths, images in ((JPEG, small_ones, small), (BIG, big_ones, big)):
                run = ours.scan(detector, paths)
                rows.append(Row(kind.name, pattern.format(name), images, run, max(4, images // 8)))
    return rows


def portraits(folder: Path, kind: Kind, count: int) -> list[Path]:
    """A face of nearly the whole picture's height, on another background each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    side = round(0.9 * min(kind.width, kind.height))
    with Image.open(PORTRAIT) as opened:
        face = opened.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    paths = []
    for number in range(count):
        picture = photo(rng, kind.width, kind.height)
        picture.paste(face, ((kind.width - side) // 2, (kind.height - side) // 2))
        paths.append(folder / f"{number}.jpeg")
        picture.save(paths[-1], kind.format, **kind.options)
    return paths


def as_law(model: Path, out: Path, *, faces: bool) -> Path:
    """The same network under the law of faces, or under that of whole pictures."""
    graph = onnx.load(str(model))
    metadata = ModelMetadata.from_props({p.key: p.value for p in graph.metadata_props}, where=str(model))
    law = (
        {"preprocess": FACE_PREPROCESS_VERSION, "faces": face_law(MARGIN)}
        if faces
        else {"preprocess": 1, "faces": None}
    )
    write_model(graph, replace(metadata, **law), out)
    return out


def lines(results: Results) -> list[str]:
    """Markdown: what faces cost, and how far ahead of the loop each scan is."""
    table = ["| pictures | network | time with faces / without | range |", "|---|---|--:|---|"]
    for kind in (JPEG, BIG):
        for name in ("Lite2", "B4"):
            ratios = results.ratios(key(kind.name, WHOLE.format(name)), key(kind.name, FACES.format(name)))
            span = f"{min(ratios):.2f}–{max(ratios):.2f}"
            table.append(f"| {kind.name} | {name} | {statistics.median(ratios):.2f} | {span} |")
    table += ["", "| 256×256 JPEG, images to the notebook loop's | |", "|---|--:|"]
    for name in ("Lite2", "B4"):
        for pattern in (WHOLE, FACES):
            row = pattern.format(name)
            table.append(f"| {row} | {results.ratio(key(JPEG.name, row), key(JPEG.name, NOTEBOOK)):.1f} |")
    return table


@click.command(help=__doc__)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--small", type=click.IntRange(8), default=256, show_default=True, help="Small images of a round."
)
@click.option(
    "--big", type=click.IntRange(2), default=16, show_default=True, help="12-megapixel images of a round."
)
def main(rounds: int, small: int, big: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        rows = main_rows(Path(scratch), small, big)
        results = measure(rows, rounds, lambda text: print(text, file=sys.stderr))
    print("\n".join(lines(results)))


if __name__ == "__main__":
    main()
