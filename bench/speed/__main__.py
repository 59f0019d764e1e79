"""One command that measures everything side by side; see ``bench/README.md``.

python -m bench.speed --variant model-int8.onnx --json speed.json --plot speed.png
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.memory import measure_memory, memory_lines, size_options
from bench.speed.checks import Check, check_lines
from bench.speed.floors import BASE, best_torch, parity_checks, speed_checks
from bench.speed.gpu import Parity, parity
from bench.speed.images import JPEG
from bench.speed.machine import machine
from bench.speed.measure import Results, limits, measure
from bench.speed.networks import write_network
from bench.speed.plot import plot
from bench.speed.rows import FP32, Plan, Sizes, plan_rows
from bench.speed.table import head_lines, table_lines
from models.support.errors import Failure
from scanner import Detector

FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command's options, as Click hands them over."""

    model: Path | None
    variants: tuple[str, ...]
    device: str
    count: int
    rounds: int
    slow_count: int
    fast_count: int
    big_count: int
    compiled: bool
    memory: bool
    memory_files: int
    memory_folders: int
    json_file: Path | None
    plot_file: Path | None


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--model",
    type=FILE,
    default=None,
    help="Exported model of whole pictures; default: a B4 of random weights.",
)
@click.option(
    "--variant", "variants", metavar="[DEVICE=]FILE", multiple=True, help="Another export of it; repeatable."
)
@click.option("--device", default="cpu", help="cpu or cuda[:N].")
@click.option("--count", type=click.IntRange(1), default=800, help="Images of a round.")
@click.option("--rounds", type=click.IntRange(1), default=5)
@click.option("--slow-count", type=click.IntRange(1), default=64, help="Images of the slow peers.")
@click.option(
    "--fast-count", type=click.IntRange(1), default=4000, help="Images of rows without the network."
)
@click.option("--big-count", type=click.IntRange(1), default=144, help="12-megapixel images.")
@click.option("--compile/--no-compile", "compiled", default=True, help="Also torch.compile.")
@click.option("--memory/--no-memory", default=True, help="Also bench/memory.py.")
@size_options
@click.option("--json", "json_file", type=FILE, default=None, help="Also write everything here.")
@click.option("--plot", "plot_file", type=FILE, default=None, help="Also draw the ratios, as a PNG.")
def main(**given: Any) -> None:
    """Rates of the scan, its parts and its peers, with what each is held against."""
    asked, begun = Asked(**given), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        _say("making pictures and loading models")
        try:
            model = asked.model or write_network(Path(scratch, "b4.onnx"))
            detectors = _load(model, asked.variants, asked.device)
        except Failure as error:
            raise click.ClickException(str(error)) from None
        about = machine(detectors[FP32])
        sizes = Sizes(asked.count, asked.slow_count, asked.fast_count, asked.big_count)
        plan = plan_rows(model, detectors, sizes, Path(scratch), compiled=asked.compiled)
        results = measure(plan.rows, asked.rounds, _say)
        agreed = _parity(plan)
    measured, memory_checks = None, list[Check]()
    if asked.memory:
        measured, memory_checks = measure_memory(asked.memory_folders, asked.memory_files, _say)
    checks = [*speed_checks(plan, results), *parity_checks(agreed), *memory_checks]
    about["seconds"] = time.monotonic() - begun
    click.echo("\n".join(_page(plan, results, about, asked.rounds, measured, checks)))
    if asked.json_file is not None:
        everything = _everything(plan, results, about, asked.rounds, measured, checks, agreed)
        text = json.dumps(everything, indent=1, ensure_ascii=False) + "\n"
        asked.json_file.write_text(text, encoding="utf-8")
    if asked.plot_file is not None:
        where = about["gpu"] or f"{about['cores']} cores of {about['cpu']}"
        title = f"{JPEG.name}, {where}, median and range of {asked.rounds} rounds"
        plot(results, BASE, title, asked.plot_file)


def _load(model: Path, variants: tuple[str, ...], device: str) -> dict[str, Detector]:
    detectors = {FP32: Detector.load(model, device)}
    for variant in variants:
        elsewhere, _, file = variant.rpartition("=")
        name = Path(file).stem + (f" on {elsewhere}" if elsewhere else "")
        if name in detectors:
            raise click.UsageError(f"two models would be called {name}: rename {file}")
        detectors[name] = Detector.load(Path(file), elsewhere or device)
    return detectors


def _parity(plan: Plan) -> dict[str, Parity]:
    if not plan.detector.on_gpu:
        return {}
    _say("comparing with the CPU")
    cpu = Detector.load(plan.model, "cpu")
    paths = sorted((plan.scratch / JPEG.name.replace(" ", "-")).iterdir())
    return {name: parity(cpu, detector, paths) for name, detector in plan.detectors.items()}


def _page(
    plan: Plan,
    results: Results,
    about: dict[str, Any],
    rounds: int,
    measured: dict[str, Any] | None,
    checks: list[Check],
) -> list[str]:
    notes = list(plan.notes)
    if (best := best_torch(results)) is not None:
        notes.append(f"Best torch: {best}.")
    if plan.busy is not None:
        notes.append(plan.busy.sentence())
    lines = head_lines(about, rounds, notes)
    lines += table_lines(results, BASE, shared=not plan.detector.on_gpu)
    if measured is not None:
        lines += ["", "### Memory and start-up", "", *memory_lines(measured)]
    return [*lines, "", "### Checks", "", *check_lines(checks)]


def _everything(
    plan: Plan,
    results: Results,
    about: dict[str, Any],
    rounds: int,
    measured: dict[str, Any] | None,
    checks: list[Check],
    agreed: dict[str, Parity],
) -> dict[str, Any]:
    rows = [
        {
            "pictures": row.kind,
            "name": row.name,
            "images": row.images,
            "rates": results.rates[row.key],
            "median": results.median(row.key),
            "ratios": results.ratios(row.key, BASE),
            "ratio": results.ratio(row.key, BASE),
            "limit": limit,
        }
        for row, limit in limits(results, shared=not plan.detector.on_gpu)
    ]
    return {
        "machine": about,
        "rounds": rounds,
        "models": {name: detector.sha256 for name, detector in plan.detectors.items()},
        "notes": plan.notes,
        "ratio_to": BASE,
        "rows": rows,
        "best_torch": best_torch(results),
        "compile_seconds": plan.compile_seconds,
        "gpu_busy_percent": plan.busy.percent if plan.busy is not None else None,
        "parity": {name: one._asdict() for name, one in agreed.items()},
        "memory": measured,
        "checks": [check.as_json() for check in checks],
    }


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
