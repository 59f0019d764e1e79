"""The whole command of two versions of this project, taking turns on the same files: what did a change cost?

python -m bench.versions OLDER_CHECKOUT --rounds 7
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from bench.speed.images import BIG, JPEG, Kind, make_pictures
from bench.speed.networks import write_network
from bench.speed.null_model import write_null_model

HERE = Path(__file__).parents[1]
_PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from scanner.cli import main; main()"


class Cost(NamedTuple):
    """Of one scan."""

    seconds: float
    cpu_seconds: float
    """Of the command and its decoders; on a busy machine the steadier number."""


def scan(checkout: Path, folder: Path, model: Path, python: str = sys.executable) -> Cost:
    """``scan FOLDER`` with the code of a checkout, in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place, "report.csv")
        words = ["--out", str(report), "--model", str(model), "--device", "cpu", "--exit-zero", "--quiet"]
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SCAN_", "PYTHON"))}
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [python, "-P", "-c", _PROGRAM, str(checkout), str(folder), *words, "--no-config"],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise click.ClickException(f"the scan of {checkout} ended with {done.returncode}: {done.stderr}")
        if len(report.read_bytes().splitlines()) != len(list(folder.iterdir())) + 1:
            raise click.ClickException(f"the scan of {checkout} left files out")
        return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def plan(scratch: Path, count: int, null_count: int, big_count: int) -> Iterator[tuple[str, Path, Path]]:
    """Name, folder and model of each row."""
    null, b4 = write_null_model(scratch / "null.onnx"), write_network(scratch / "b4.onnx")

    def folder(name: str, kind: Kind, files: int) -> Path:
        make_pictures(scratch / name, kind, files)
        return scratch / name

    yield "256×256 JPEG, EfficientNet-B4", folder("fp32", JPEG, count), b4
    yield "256×256 JPEG, null model", folder("null", JPEG, null_count), null
    yield "12-megapixel JPEG, null model", folder("big", BIG, big_count), null


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("older", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rounds", type=click.IntRange(1), default=5)
@click.option("--count", type=click.IntRange(1), default=200, help="Images of a round with the network.")
@click.option("--null-count", type=click.IntRange(1), default=2000, help="Images of a round without it.")
@click.option("--big-count", type=click.IntRange(1), default=48, help="12-megapixel images of a round.")
@click.option("--python", default=sys.executable, show_default="this one", help="Interpreter of the scans.")
def main(older: Path, rounds: int, count: int, null_count: int, big_count: int, python: str) -> None:
    """Time this checkout against OLDER, round by round; a ratio above 1 means that this one takes longer.

    Extras that are installed cost their start-up where only this checkout knows them: compare in an environment
    without them, which --python names.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name, folder, model in plan(Path(scratch), count, null_count, big_count):
            pairs: list[tuple[Cost, Cost]] = []
            for number in range(rounds + 1):
                order = [older.resolve(), HERE] if number % 2 else [HERE, older.resolve()]
                costs = {checkout: scan(checkout, folder, model, python) for checkout in order}
                if number:  # the first one warms the disk
                    pairs.append((costs[HERE], costs[older.resolve()]))
            wall = [ours.seconds / theirs.seconds for ours, theirs in pairs]
            cpu = [ours.cpu_seconds / theirs.cpu_seconds for ours, theirs in pairs]
            click.echo(
                f"{name}: time {statistics.median(wall):.3f} ({min(wall):.3f}–{max(wall):.3f}), "
                f"CPU {statistics.median(cpu):.3f} ({min(cpu):.3f}–{max(cpu):.3f}), {rounds} rounds"
            )


if __name__ == "__main__":
    main()
