"""Several reviewers: what they agree on, which is what may be used, and what they differ about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from scanner.review.decisions import Choice
from scanner.review.ledger import Current, Ledger

Opinions = dict[str, dict[str, Current]]
"""By content, then by reviewer."""


def opinions(ledgers: Iterable[Ledger]) -> Opinions:
    """Of all files together; of one reviewer in two files, what was said last."""
    found: Opinions = {}
    for ledger in ledgers:
        for sha256, by_reviewer in ledger.decided().items():
            merged = found.setdefault(sha256, {})
            for reviewer, current in by_reviewer.items():
                if reviewer not in merged or merged[reviewer].last.time <= current.last.time:
                    merged[reviewer] = current
    return found


def agreed(by_reviewer: Mapping[str, Current]) -> Choice | None:
    """The decision of all who decided; ``None`` if they differ, in whatever way."""
    choices = {current.decision for current in by_reviewer.values()}
    return choices.pop() if len(choices) == 1 else None


def disagreements(all_opinions: Opinions) -> Opinions:
    """The contents that reviewers differ about."""
    return {sha256: said for sha256, said in all_opinions.items() if agreed(said) is None}


@dataclass(frozen=True)
class Pair:
    """Two reviewers, on the contents that both decided."""

    one: str
    other: str
    both: int
    same: int
    kappa: float | None
    """Cohen's (*Educational and Psychological Measurement* 20, 1960): agreement beyond what their shares of each
    decision give by chance; ``None`` where chance alone would give all of it."""


def pairs(all_opinions: Opinions) -> list[Pair]:
    """Every two reviewers who decided anything in common."""
    names = sorted({reviewer for said in all_opinions.values() for reviewer in said})
    found = []
    for one, other in combinations(names, 2):
        couples = [
            (said[one].decision, said[other].decision)
            for said in all_opinions.values()
            if one in said and other in said
        ]
        if couples:
            same = sum(first == second for first, second in couples)
            found.append(Pair(one, other, len(couples), same, _kappa(couples)))
    return found


def _kappa(couples: list[tuple[Choice | None, Choice | None]]) -> float | None:
    number = len(couples)
    observed = sum(first == second for first, second in couples) / number
    chance = sum(
        sum(first == choice for first, _ in couples) * sum(second == choice for _, second in couples)
        for choice in Choice
    ) / (number * number)
    return None if chance == 1 else (observed - chance) / (1 - chance)
