"""The results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.speed.measure import Results, Row, limits


def table_lines(results: Results, base: str, *, shared: bool) -> list[str]:
    """One table for each kind of picture; every ratio is to ``base``."""
    lines: list[str] = []
    kind = None
    for row, limit in limits(results, shared=shared):
        if row.kind != kind:
            kind = row.kind
            lines += ["", f"### {kind}", ""]
            lines += ["| row | images a round | images/s | range | ratio | range | what limits it |"]
            lines += ["|---|--:|--:|--:|--:|--:|---|"]
        lines.append(_line(results, row, base, limit))
    return [
        *lines,
        "",
        f"Rates and ratios are medians over the rounds; a ratio is to “{base}” in the same round.",
    ]


def _line(results: Results, row: Row, base: str, limit: str) -> str:
    rates, ratios = results.rates[row.key], results.ratios(row.key, base)
    cells = [
        row.name,
        f"{row.images}",
        f"{results.median(row.key):.1f}",
        f"{min(rates):.1f}–{max(rates):.1f}",
        f"{results.ratio(row.key, base):.2f}",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        limit,
    ]
    return f"| {' | '.join(cells)} |"


def head_lines(machine: Mapping[str, Any], rounds: int, notes: Iterable[str]) -> list[str]:
    """What the figures belong to, and what is not among them."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = f"{machine['gpu']}, " if machine["gpu"] else ""
    return [
        f"{where}{machine['cores']} cores of {machine['cpu']}, {machine['provider']}, rounds: {rounds}; {versions}; "
        f"load before the start {machine['load_before']:.1f}.",
        *(f"\n{note}" for note in notes),
    ]
