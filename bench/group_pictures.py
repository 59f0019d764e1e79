"""Is a group picture of real people flagged more often than a portrait?

    python -m bench.group_pictures MODEL DATA... > groups.md

MODEL judges faces: a file, or the name of shipped weights. DATA are labelled trees, of whose validation splits the
real pictures with exactly one face count. For each number of faces, so many of them are put side by side on one canvas,
at their own scale and without loss, and scanned as any file; pictures in which not exactly the faces of the parts are
found are left out and counted. Verdicts are those of a scan at its default threshold.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from PIL import Image

from bench.faces.scenes import opened
from bench.rates import as_rate
from models.contract import Label
from models.support.errors import Failure
from scanner import Detector, FileResult, Policy, Status, Verdict, scan_files
from train.datasets.joined_trees import Trees

GREY = (128, 128, 128)


@dataclass(frozen=True)
class Flagged:
    """What was said of the pictures with one number of faces."""

    faces: int
    pictures: int
    """In which exactly so many were found and scored."""
    left_out: int
    flagged: int
    flagged_alone: int
    """Of all their faces, those that would be flagged in a picture of their own."""


@click.command(help=__doc__)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("trees", nargs=-1, required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--largest", default=10, show_default=True, type=click.IntRange(2), help="Number of faces.")
@click.option("--pictures", default=100, show_default=True, help="Made for each number of faces.")
@click.option("--singles", type=click.IntRange(1), help="At most so many single pictures. [default: all]")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Decoding workers. [default: by cores]")
def main(
    model: Path,
    trees: tuple[Path, ...],
    largest: int,
    pictures: int,
    singles: int | None,
    seed: int,
    workers: int | None,
) -> None:
    try:
        detector = Detector.load(model, "cpu")
        images = Trees.of(trees).read("validation")
    except Failure as failure:
        raise click.ClickException(str(failure)) from None
    if detector.spec.margin is None:
        raise click.ClickException(f"{model} judges whole pictures; this measures models that judge faces")
    rng = np.random.default_rng(seed)
    reals = [image.path for image in images if image.label is Label.REAL]
    if singles is not None and singles < len(reals):
        reals = [reals[place] for place in sorted(rng.choice(len(reals), singles, replace=False))]
    scan = Scan(detector, workers)
    one, portraits = scan.portraits(reals)
    if len(portraits) < largest:
        raise click.ClickException(f"{len(portraits)} pictures with one face are too few for {largest}")
    rows = [one]
    for faces in range(2, largest + 1):
        rows.append(scan.groups(faces, pictures, portraits, rng))
    for line in table(rows, detector):
        print(line)


@dataclass(frozen=True)
class Scan:
    """A model with a scan's default policy."""

    detector: Detector
    workers: int | None

    @property
    def policy(self) -> Policy:
        return Policy.for_model(self.detector.metadata)

    def portraits(self, files: Sequence[Path]) -> tuple[Flagged, list[Path]]:
        """The single pictures' figures, and those of them that have one face."""
        results = list(scan_files(files, self.detector, workers=self.workers))
        alone = [file for file, result in zip(files, results, strict=True) if shows(result, 1)]
        return self._counted(1, results), alone

    def groups(
        self, faces: int, pictures: int, portraits: Sequence[Path], rng: np.random.Generator
    ) -> Flagged:
        """Figures of that many pictures with ``faces`` different portraits each."""
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number in range(pictures):
                chosen = rng.choice(len(portraits), faces, replace=False)
                files.append(Path(folder, f"{faces}-{number}.png"))
                side_by_side([opened(portraits[place]) for place in chosen]).save(files[-1], compress_level=1)
            return self._counted(faces, list(scan_files(files, self.detector, workers=self.workers)))

    def _counted(self, faces: int, results: Sequence[FileResult]) -> Flagged:
        whole = [result for result in results if shows(result, faces)]
        alone = [one for result in whole for one in each_face(result)]
        return Flagged(
            faces,
            len(whole),
            len(results) - len(whole),
            sum(self.policy.verdict(result) is Verdict.FAKE for result in whole),
            sum(self.policy.verdict(result) is Verdict.FAKE for result in alone),
        )


def shows(result: FileResult, faces: int) -> bool:
    """Whether exactly so many faces were found, and all of them scored."""
    all_scored = result.status is Status.OK and not result.unscored_faces
    return all_scored and result.faces == faces == len(result.findings)


def each_face(result: FileResult) -> Iterator[FileResult]:
    """Each of a picture's faces as if the picture had no other."""
    for finding in result.findings:
        yield replace(result, findings=(finding,), faces=1)


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Row by row on grey, each at its own scale and no row longer than the picture has rows, or one more."""
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    width = max(sum(one.width for one in row) for row in rows)
    canvas = Image.new("RGB", (width, sum(max(one.height for one in row) for row in rows)), GREY)
    top = 0
    for row in rows:
        left = 0
        for one in row:
            canvas.paste(one, (left, top))
            left += one.width
        top += max(one.height for one in row)
    return canvas


def table(rows: Sequence[Flagged], detector: Detector) -> Iterator[str]:
    """In Markdown, the single pictures first."""
    alone = rows[0].flagged / rows[0].pictures
    yield f"{detector.metadata.name} {detector.metadata.version}, default threshold; 95 % intervals are exact."
    yield ""
    yield "| faces | left out | flagged pictures | if faces were independent | faces flagged if alone |"
    yield "|---|---|---|---|---|"
    for row in rows:
        flagged = as_rate(row.flagged, row.pictures)
        faces = as_rate(row.flagged_alone, row.pictures * row.faces)
        yield f"| {row.faces} | {row.left_out} | {flagged} | {100 * (1 - (1 - alone) ** row.faces):.1f} % | {faces} |"


if __name__ == "__main__":
    main()
