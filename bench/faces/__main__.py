"""What the face detector finds and costs.

    python -m bench.faces DATA... --backgrounds PICTURES > faces.md

DATA are labelled trees, of which the validation splits count; sources come from their manifests. PICTURES is a folder
of large pictures without people. It writes Markdown; a part that lacks what it needs says so.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import click

from bench.faces import equality, recall, times
from bench.faces.scenes import background_files, validation_images
from models.support.onnx_runtime import load_onnxruntime


@click.command(help=__doc__)
@click.argument("trees", nargs=-1, required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--backgrounds", type=click.Path(file_okay=False, path_type=Path))
@click.option("--equal", default=500, show_default=True, help="Pictures at each scale beside OpenCV.")
@click.option("--turned", default=200, show_default=True, help="Pictures to lay on their sides.")
@click.option("--pasted", default=40, show_default=True, help="Faces to paste at every size.")
@click.option("--rounds", default=15, show_default=True, help="Rounds of the timing.")
def main(
    trees: tuple[Path, ...], backgrounds: Path | None, equal: int, turned: int, pasted: int, rounds: int
) -> None:
    images = validation_images(trees)
    files = [image.path for _, image in images]
    say(
        "machine",
        [f"{platform.machine()}, {os.cpu_count()} cores, onnxruntime {load_onnxruntime().__version__}"],
    )
    say("equality", equality.equality_lines(files, equal))
    say("recall by source", recall.source_lines(recall.look(images)))
    say("turned pictures", recall.turned_lines(images, turned))
    if backgrounds is None:
        say("size, false finds", ["Left out: no --backgrounds."])
    else:
        grounds = background_files(backgrounds)
        say("recall by size", recall.size_lines(images, grounds, pasted))
        say("pictures without people", recall.empty_lines(grounds))
    say("time", times.time_lines(files[0], rounds))


def say(title: str, lines: list[str]) -> None:
    print(f"## {title}", *lines, "", sep="\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
