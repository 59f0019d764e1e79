"""What a scan costs beside its images: memory for many files, time to the first record, time to start.

    python -m bench.memory

The real command on tiny pictures with a model that costs nothing, in processes of its own. Needs Linux.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image

from bench.speed.checks import Check, check_lines
from bench.speed.null_model import write_null_model
from bench.speed.ours import COMMAND, own_environment

SAMPLE_SECONDS = 0.05
POLL_SECONDS = 0.005
LINKS = 1000
"""Names of one file: a file system allows tens of thousands."""
STARTS = 10
MIB = 1 << 20


@dataclass(frozen=True)
class Peak:
    """One scan from outside."""

    files: int
    pss_mib: float
    """Of the scan and all its decoders, each shared page counted once: the largest sum of one sample."""
    rss_mib: float
    """The same with shared pages counted in every process."""
    samples: int
    seconds: float
    first_record: float | None
    """Seconds from the start of the process; ``None`` when no record was seen before the end."""
    first_record_in: str | None
    """The file that it was seen in."""


def make_tree(folder: Path, folders: int, files: int) -> Path:
    """``folders`` × ``files`` pictures of 8×8; one folder's lie in ``folder`` itself."""
    folder.mkdir(parents=True)
    for number in range(folders):
        inner = folder / f"{number:04}" if folders > 1 else folder
        inner.mkdir(exist_ok=True)
        for place in range(files):
            path = inner / f"{place:06}.png"
            if place % LINKS == 0:
                Image.new("RGB", (8, 8), (place // LINKS % 256, 80, 160)).save(path)
                original = path
            else:
                os.link(original, path)
    return folder


def watch_scan(tree: Path, files: int, model: Path) -> Peak:
    """Scan a folder and watch its processes. Raises :class:`click.ClickException` unless every file got its score."""
    with tempfile.TemporaryDirectory() as place:
        report, said = Path(place, "report.csv"), Path(place, "said")
        words = [*COMMAND, str(tree), "--out", str(report), "--device", "cpu", "--model", str(model)]
        pss = rss = 0.0
        samples, seen, due = 0, None, 0.0
        with said.open("wb") as stream:
            start = time.monotonic()
            process = subprocess.Popen(
                [*words, "--exit-zero", "--quiet"], env=own_environment(), stdout=stream, stderr=stream
            )
            while process.poll() is None:
                now = time.monotonic()
                if seen is None and (file := _first_record(report)) is not None:
                    seen = (now - start, file)
                if now >= due:
                    sums = [_memory(one) for one in _family(process.pid)]
                    pss = max(pss, sum(one[0] for one in sums))
                    rss = max(rss, sum(one[1] for one in sums))
                    samples, due = samples + 1, now + SAMPLE_SECONDS
                time.sleep(POLL_SECONDS)
            seconds = time.monotonic() - start
        if process.returncode:
            text = said.read_text(encoding="utf-8", errors="replace").strip()
            raise click.ClickException(f"scan ended with {process.returncode}: {text}")
        with report.open("rb") as rows:
            done = sum(b",ok," in row for row in rows)
    if done != files:
        raise click.ClickException(f"{tree.name}: {done} of {files} files were scored")
    when, where = seen if seen is not None else (None, None)
    return Peak(files, pss / MIB, rss / MIB, samples, seconds, when, where)


def _first_record(report: Path) -> str | None:
    """The suffix of the file that holds a whole line after its header, if there is one yet."""
    for suffix in (".journal", ".partial"):
        try:
            with report.with_name(report.name + suffix).open("rb") as stream:
                return suffix if stream.read(1 << 16).count(b"\n") >= 2 else None
        except FileNotFoundError:
            continue
    return None


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
        except OSError:
            continue  # it has ended
    return found


def _memory(pid: int) -> tuple[int, int]:
    """PSS and RSS of a process in bytes."""
    sums = {"Pss:": 0, "Rss:": 0}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, *rest = line.split()
            if name in sums:
                sums[name] = int(rest[0]) * 1024
    except OSError:
        pass  # it has ended
    return sums["Pss:"], sums["Rss:"]


def start_times() -> dict[str, list[float]]:
    """Seconds of ``scan --help`` and of a Python that imports Click, in turn."""
    commands = {"scan --help": [*COMMAND, "--help"], "import click": [sys.executable, "-c", "import click"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(STARTS + 1):
        for name, words in commands.items():
            start = time.perf_counter()
            subprocess.run(words, env=own_environment(), stdout=subprocess.DEVNULL, check=True)
            if number:  # the first reads the modules from the disk
                times[name].append(time.perf_counter() - start)
    return times


def measure_memory(
    folders: int, files: int, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Check]]:
    """Everything on this page, for JSON, and its checks."""
    if not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        raise click.ClickException(
            "memory is measured through /proc/PID/task/TID/children, which is not here"
        )
    trees = {
        f"1 folder × {files}": (1, files),
        f"{folders} folders × {files}": (folders, files),
        f"1 folder × {folders * files}": (1, folders * files),
    }
    peaks: dict[str, Peak] = {}
    with tempfile.TemporaryDirectory() as scratch:
        model = write_null_model(Path(scratch, "null.onnx"))
        for number, (name, (many, each)) in enumerate(trees.items()):
            say(f"memory: {name}")
            tree = make_tree(Path(scratch, f"tree{number}"), many, each)
            peaks[name] = watch_scan(tree, many * each, model)
    say("memory: start")
    times = start_times()
    small, spread, flat = peaks.values()
    # Where no record was seen, the end of the scan is the earliest that is known.
    first = flat.first_record if flat.first_record is not None else flat.seconds
    names = list(trees)
    medians = {name: statistics.median(values) for name, values in times.items()}
    checks = [
        Check(f"memory of {names[1]}, to {names[0]}", spread.pss_mib / small.pss_mib, 1.1, at_least=False),
        Check(
            f"memory of {names[2]}, beyond {names[0]}",
            flat.pss_mib - small.pss_mib,
            50,
            "MiB",
            at_least=False,
        ),
        Check(f"first record of {names[2]}", first, 3, "s", at_least=False),
        Check(
            "scan --help, to import click",
            medians["scan --help"] / medians["import click"],
            2,
            at_least=False,
        ),
    ]
    return {"scans": {name: asdict(peak) for name, peak in peaks.items()}, "starts": times}, checks


def memory_lines(measured: dict[str, Any]) -> list[str]:
    """Markdown."""
    lines = ["| tiny files | peak PSS, MiB | peak RSS, MiB | first record, s | whole scan, s |"]
    lines += ["|---|--:|--:|--:|--:|"]
    for name, peak in measured["scans"].items():
        seen = peak["first_record"]
        first = f"{seen:.2f} ({peak['first_record_in']})" if seen is not None else "not before the end"
        lines.append(
            f"| {name} | {peak['pss_mib']:.1f} | {peak['rss_mib']:.1f} | {first} | {peak['seconds']:.1f} |"
        )
    starts = [f"{name} {statistics.median(times):.3f} s" for name, times in measured["starts"].items()]
    return [*lines, "", f"Start, median of {STARTS}: {', '.join(starts)}."]


def size_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how many files there are."""
    for name, default, text in (
        ("--memory-files", 1000, "Tiny files in a folder, for the memory."),
        ("--memory-folders", 100, "Folders of them."),
    ):
        command = click.option(name, type=click.IntRange(1), default=default, help=text)(command)
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@size_options
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write everything here."
)
def main(memory_files: int, memory_folders: int, json_file: Path | None) -> None:
    """Peak memory of a scan and its decoders, time to its first record, time to start."""
    measured, checks = measure_memory(memory_folders, memory_files, lambda line: click.echo(line, err=True))
    click.echo("\n".join([*memory_lines(measured), "", *check_lines(checks)]))
    if json_file is not None:
        text = json.dumps(measured | {"checks": [check.as_json() for check in checks]}, indent=1)
        json_file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
