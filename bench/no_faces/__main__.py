"""How many pictures without a face get a score?

    python -m bench.no_faces MODEL [FOLDER] > no_faces.md

MODEL judges faces: a file, or the name of shipped weights. FOLDER holds pictures without people; without it 300 are
made by rule: landscapes, pages of text, plots, textures, shapes. Where something counts as a face, the table says what
the face detector and the model said of it, and what a larger least score of the detector would leave.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from bench.no_faces.pictures import KINDS, made
from bench.rates import as_rate
from models.faces.detect import LEAST_SCORE
from models.support.errors import Failure
from scanner import Detector, FileResult, Policy, Status, decode_path, scan_paths

FLOOR = 0.02
"""More than this part of pictures without a face shall not get a score."""
SCORES = (LEAST_SCORE, 0.75, 0.8, 0.85, 0.9)


@click.command(help=__doc__)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pictures", default=300, show_default=True, type=click.IntRange(1), help="Made by rule.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for what is made.")
@click.option("--workers", type=click.IntRange(1), help="Decoding workers. [default: by cores]")
def main(
    model: Path, folder: Path | None, pictures: int, seed: int, keep: Path | None, workers: int | None
) -> None:
    try:
        detector = Detector.load(model, "cpu")
    except Failure as failure:
        raise click.ClickException(str(failure)) from None
    if detector.spec.margin is None:
        raise click.ClickException(f"{model} judges whole pictures; each of them gets a score")
    with tempfile.TemporaryDirectory() as scratch:
        place = folder
        if place is None:
            place = keep or Path(scratch)
            make(place, pictures, seed)
        results = list(scan_paths([place], detector, workers=workers))
    if not results:
        raise click.ClickException(f"no pictures below {place}")
    for line in report(results, Policy.for_model(detector.metadata), by_kind=folder is None):
        print(line)


def make(folder: Path, pictures: int, seed: int) -> None:
    """Write that many, in turn of every kind, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        kind, picture = made(number, seed)
        picture.save(folder / f"{kind}-{number:04}.png", compress_level=1)


def report(results: Sequence[FileResult], policy: Policy, *, by_kind: bool) -> Iterator[str]:
    """Markdown."""
    scored = [result for result in results if result.status is Status.OK]
    said = "reached" if len(scored) <= FLOOR * len(results) else "MISSED"
    yield f"With a score: {as_rate(len(scored), len(results))}; at most {100 * FLOOR:g} % is the floor: {said}."
    others = Counter(result.error.value for result in results if result.error is not None)
    yield f"Without: {', '.join(f'{code} {count}' for code, count in sorted(others.items())) or 'none'}."
    yield ""
    yield f"| detector's least score | {' | '.join(f'{score:g}' for score in SCORES)} |"
    yield "|---" * (1 + len(SCORES)) + "|"
    left = [sum(surest(result) >= score for result in scored) for score in SCORES]
    yield f"| pictures with a score | {' | '.join(map(str, left))} |"
    if by_kind:
        yield from _kinds(results)
    if scored:
        yield ""
        yield "| picture | detector's score | prob_fake | verdict |"
        yield "|---|---|---|---|"
        for result in sorted(scored, key=surest, reverse=True):
            verdict = policy.verdict(result)
            yield f"| {_name(result)} | {surest(result):.3f} | {result.prob_fake:.3f} | {verdict} |"


def surest(result: FileResult) -> float:
    """The face detector's score of the picture's surest face."""
    return max((finding.face or 0.0 for finding in result.findings), default=0.0)


def _kinds(results: Sequence[FileResult]) -> Iterator[str]:
    kinds = {kind: [one for one in results if _name(one).rpartition("-")[0] == kind] for kind in KINDS}
    yield ""
    yield "| kind | pictures | with a score |"
    yield "|---|---|---|"
    for kind, own in kinds.items():
        yield f"| {kind} | {len(own)} | {sum(one.status is Status.OK for one in own)} |"


def _name(result: FileResult) -> str:
    return Path(os.fsdecode(decode_path(result.path))).name


if __name__ == "__main__":
    main()
