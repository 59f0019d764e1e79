"""Facts of a row that are no single value, in words for the page's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_LINES = 20


def listed(lines: Sequence[str]) -> str:
    """One below the other, the first :data:`MOST_LINES`; how many more there are is said."""
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"and {more:,} more"] if more > 0 else [])])


def when(record: Mapping[str, Any]) -> str:
    """Behind what is said of a finding or a face; empty where it has no time."""
    return "" if record.get("time") is None else f" at {record['time']:.2f} s"


def words_of(name: str, value: Any) -> str | None:
    """``None`` for a fact without words of its own, or in another shape than this version writes."""
    if name not in _WORDS:
        return None
    try:
        return _WORDS[name](value)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _coverage(value: Mapping[str, Any]) -> str:
    lines = [_count(value["parts"], "part"), f"{_count(value['pictures'], 'picture')} scored"]
    if "frames_asked" in value:
        lines.append(f"{value['frames_got']:,} of {_count(value['frames_asked'], 'frame')} read")
    lines += [f"part {number}: {code}" for number, code in value["failed"]]
    return listed(lines)


def _unscored_faces(value: Sequence[Mapping[str, Any]]) -> str:
    """The largest first, as they stand in the row."""
    return listed([_unscored_face(one) for one in value])


def _unscored_face(face: Mapping[str, Any]) -> str:
    return f"{face['reason']}, {face['side']:,} pixels{when(face)}"


def _c2pa(value: Mapping[str, Any]) -> str:
    lines = []
    for name, told in value.items():
        if told not in (None, []):
            lines.append(f"{name}: {told if isinstance(told, str) else ', '.join(told)}")
    return listed(lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "coverage": _coverage,
    "unscored_faces": _unscored_faces,
    "c2pa": _c2pa,
}
"""By the names of the JSON Lines report."""
