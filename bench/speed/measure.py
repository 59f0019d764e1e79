"""Rows that take turns: each is warmed, then every round runs each of them once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import click


@dataclass(frozen=True)
class Row:
    """Something that is timed."""

    kind: str
    """Which pictures."""
    name: str
    images: int
    """In each round."""
    run: Callable[[int], int]
    """Does so many images, and says how many scores, or decoded pictures, came of them."""
    warm: int
    """Images before the first round."""
    limit: str = ""
    """What holds it up, where its parts do not tell."""
    parts: tuple[tuple[str, ...], ...] = ()
    """Keys of the rows that do a part of its work alone; of several ways to do a part, the fastest counts."""
    plotted: bool = False
    watch: AbstractContextManager[object] = field(default_factory=nullcontext)
    """Entered around each timed run."""

    @property
    def key(self) -> str:
        return key(self.kind, self.name)


def key(kind: str, name: str) -> str:
    """What a row is called among all others."""
    return f"{kind}: {name}"


@dataclass
class Results:
    """Images per second of every row, round by round."""

    rows: list[Row]
    rates: dict[str, list[float]] = field(default_factory=dict)

    def __contains__(self, row: str) -> bool:
        return row in self.rates

    def median(self, row: str) -> float:
        return statistics.median(self.rates[row])

    def ratios(self, row: str, base: str) -> list[float]:
        """Of each round: the two ran within minutes of each other, and what the machine does changes slower."""
        return [ours / theirs for ours, theirs in zip(self.rates[row], self.rates[base], strict=True)]

    def ratio(self, row: str, base: str) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios(row, base))

    def best(self, rows: Iterable[str]) -> str | None:
        """The fastest of those rows that were measured."""
        return max((row for row in rows if row in self), key=self.median, default=None)


def measure(rows: list[Row], rounds: int, say: Callable[[str], None]) -> Results:
    """Raises :class:`click.ClickException` for a row that left images out."""
    doubles = {row.key for row in rows if sum(other.key == row.key for other in rows) > 1}
    if doubles:
        raise click.ClickException(f"two rows have the same name: {', '.join(sorted(doubles))}")
    for row in rows:
        say(f"warming {row.key}")
        _checked(row, row.warm)
    results = Results(rows, {row.key: [] for row in rows})
    for number in range(rounds):
        begun = time.perf_counter()
        for row in rows:
            results.rates[row.key].append(_rate(row))
        say(f"round {number + 1} of {rounds}: {time.perf_counter() - begun:.0f} s")
    return results


def _rate(row: Row) -> float:
    with row.watch:
        start = time.perf_counter()
        _checked(row, row.images)
        return row.images / (time.perf_counter() - start)


def _checked(row: Row, images: int) -> None:
    done = row.run(images)
    if done != images:
        raise click.ClickException(f"{row.key}: {done} of {images} images were done")


def limits(results: Results, *, shared: bool) -> Iterator[tuple[Row, str]]:
    """What holds each row up. ``shared``: its parts use the same cores, one after the other."""
    for row in results.rows:
        parts = [part for ways in row.parts if (part := results.best(ways)) is not None]
        if not parts:
            yield row, row.limit
            continue
        slowest = min(parts, key=results.median)
        text = f"{slowest.partition(': ')[2]} ({100 * results.ratio(row.key, slowest):.0f} % of it)"
        if shared and len(parts) > 1:
            # What would be left if each image went through all parts on one core, and nothing else took time.
            together = [
                1 / sum(1 / rate for rate in rates)
                for rates in zip(*(results.rates[part] for part in parts), strict=True)
            ]
            kept = statistics.median(
                ours / bound for ours, bound in zip(results.rates[row.key], together, strict=True)
            )
            text += f"; {100 * kept:.0f} % of its parts in turn on the same cores"
        yield row, f"{text}; {row.limit}" if row.limit else text
