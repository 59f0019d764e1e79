"""The scan, and each of its parts alone. Every function takes a number of images and counts what came of them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from bench.speed.images import first
from models.preprocessing import preprocess
from models.support.machine import usable_cores
from scanner import Detector, encode_path, scan_files
from scanner.media.opener import Reading
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate, MediaKind

Run = Callable[[int], int]

FULL_DECODING = Path(__file__).with_name("full_decoding")
COMMAND = (sys.executable, "-c", "from scanner.cli import main; main()")

_PLAIN = """
import json, sys
given = json.load(sys.stdin)
sys.path[:] = given["path"]
from pathlib import Path
from models.preprocessing import preprocess
print(sum(preprocess(Path(name).read_bytes())[0].size > 0 for name in given["names"]))
"""


def scan(detector: Detector, paths: list[Path]) -> Run:
    """The pipeline as the command runs it, without its report."""

    def run(count: int) -> int:
        return sum(result.prob_fake is not None for result in scan_files(first(paths, count), detector))

    return run


def scan_full_decoding(detector: Detector, paths: list[Path]) -> Run:
    """The same with decoders that know no ``draft``."""
    plain = scan(detector, paths)

    def run(count: int) -> int:
        with tempfile.TemporaryDirectory() as folder:
            mark = Path(folder, "full")
            path = [str(FULL_DECODING), *filter(None, [os.environ.get("PYTHONPATH")])]
            with environment(BENCH_FULL_DECODING=str(mark), PYTHONPATH=os.pathsep.join(path)):
                done = plain(count)
            if not mark.exists():
                raise click.ClickException(
                    "the decoders did not decode in full: the row would measure nothing"
                )
        return done

    return run


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Variables for the processes started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def decode(paths: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """All pictures as the network takes them."""
    return np.stack([preprocess(path.read_bytes())[0] for path in paths])


def session(detector: Detector, pixels: npt.NDArray[np.uint8], *, callers: int, batch: int) -> Run:
    """The model alone, fed from memory by ``callers`` threads; asked for whole batches only."""
    enough = np.concatenate([pixels] * -(-batch // len(pixels)))
    batches = [enough[start : start + batch] for start in range(0, len(enough) - batch + 1, batch)]

    def run(count: int) -> int:
        wanted = [batches[number % len(batches)] for number in range(count // batch)]
        with ThreadPoolExecutor(callers) as pool:
            return sum(len(scores.prob_fake) for scores in pool.map(detector.score, wanted))

    return run


def pool_decoder(paths: list[Path]) -> Run:
    """The scan's own decoders, their pixels dropped."""

    def run(count: int) -> int:
        names = (os.fspath(path) for path in first(paths, count))
        candidates = (Candidate(name, encode_path(name), MediaKind.UNKNOWN, explicit=True) for name in names)
        with DecodePool(usable_cores(), Reading()) as pool:
            return sum(len(extracted.pictures) for extracted in pool.decode(candidates))

    return run


def thread_decoder(paths: list[Path]) -> Run:
    """Reading and preprocessing in as many threads as cores; nothing is handed on."""

    def run(count: int) -> int:
        with ThreadPoolExecutor(usable_cores()) as pool:
            return sum(pool.map(lambda path: preprocess(path.read_bytes())[0].size > 0, first(paths, count)))

    return run


def process_decoder(paths: list[Path]) -> Run:
    """The same in as many new processes as cores, each with its share of the files; their start counts, as a scan's."""

    def run(count: int) -> int:
        cores = usable_cores()
        names = [str(path) for path in first(paths, count)]
        running = [
            subprocess.Popen(
                [sys.executable, "-c", _PLAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(cores)
        ]
        for number, process in enumerate(running):
            assert process.stdin is not None
            # All are given their share before any is waited for.
            process.stdin.write(json.dumps({"path": sys.path, "names": names[number::cores]}))
            process.stdin.close()
        done = 0
        for process in running:
            assert process.stdout is not None
            with process:
                done += int(process.stdout.read() or 0)
        return done

    return run


def command(model: Path, device: str, folders: dict[int, Path]) -> Run:
    """``scan FOLDER --out report.csv`` in a process of its own, from its start to its end.

    ``folders``: one for each number of images that will be asked for.
    """

    def run(count: int) -> int:
        folder = folders[count]
        with tempfile.TemporaryDirectory() as place:
            report = Path(place, "report.csv")
            words = [
                *COMMAND,
                str(folder),
                "--out",
                str(report),
                "--device",
                device,
                "--exit-zero",
                "--quiet",
                "--model",
                str(model),
            ]
            ended = subprocess.run(words, env=own_environment(), capture_output=True, text=True, check=False)
            if ended.returncode:
                raise click.ClickException(f"scan ended with {ended.returncode}: {ended.stderr.strip()}")
            with report.open(encoding="utf-8", newline="") as stream:
                return sum(bool(row["prob_fake"]) for row in csv.DictReader(stream))

    return run


def own_environment() -> dict[str, str]:
    """For a scan: without options of somebody's own, and with this project's modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCAN_")}
    root = str(Path(__file__).parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")]))}


def make_folder(folder: Path, paths: Sequence[Path]) -> Path:
    """The same files in a folder of their own, each under another name."""
    folder.mkdir(parents=True)
    for number, path in enumerate(paths):
        os.link(path, folder / f"{number:06}{path.suffix}")
    return folder
