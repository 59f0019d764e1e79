"""Floors: what was measured beside what was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A measured value and its bound."""

    name: str
    value: float
    bound: float
    unit: str = "×"
    at_least: bool = True
    """Otherwise at most."""

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "at_least" if self.at_least else "at_most": self.bound,
            "unit": self.unit,
            "met": self.met,
        }


def check_lines(checks: Iterable[Check]) -> list[str]:
    """A Markdown table."""
    lines = ["| check | measured | asked for | |", "|---|---|---|---|"]
    for check in checks:
        unit = check.unit if check.unit == "×" else f" {check.unit}".rstrip()
        sign = "≥" if check.at_least else "≤"
        verdict = "met" if check.met else "not met"
        lines.append(f"| {check.name} | {check.value:.3g}{unit} | {sign} {check.bound:g}{unit} | {verdict} |")
    return lines
