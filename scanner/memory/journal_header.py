"""What two runs must share for the one to continue the other: everything that a row's facts depend on.

Threshold, verdicts, formats, workers and batch size are not among it: they are applied anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.support.errors import Failure
from scanner.media import Limits
from scanner.results.identity import Identity
from scanner.results.model import ModelFacts


class JournalMismatch(Failure):
    """The journal beside the report is another scan's."""


def build_header(model: ModelFacts, limits: Limits, selection: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values; ``selection`` is what the user asked to be scanned."""
    return {**Identity.of(model).facts(), "limits": asdict(limits), "selection": dict(selection)}


def check_same(journal: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raises :class:`JournalMismatch`, which names the first difference."""
    for place in [*ours, *(key for key in theirs if key not in ours)]:
        was, now = theirs.get(place), ours.get(place)
        if was != now:
            if isinstance(was, dict) and isinstance(now, dict):
                inner = next(key for key in [*now, *was] if was.get(key) != now.get(key))
                place, was, now = inner, was.get(inner), now.get(inner)
            raise JournalMismatch(
                f"{journal} belongs to a scan that was cut off and had another {place} "
                f"({_brief(was)}, now {_brief(now)}); repeat that command to continue it, or begin anew with --restart"
            )


def _brief(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
