"""``scores.csv``: what the scanner said of each image of the tree."""

from __future__ import annotations

from collections.abc import Sequence

from models.contract import PROB_DECIMALS
from train.evaluation.scoring import ScoredImage
from train.evaluation.subject import as_text

SCORES_COLUMNS = ("path", "label", "source", "group", "prob_fake", "status", "error", "faces")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def scores_csv(scored: Sequence[ScoredImage]) -> str:
    """One row per image in the tree's order, UTF-8, RFC 4180; empty = no value, and no cell is a formula."""
    import pandas as pd

    rows = [
        (
            printed_path(one),
            one.image.label.title,
            _harmless(one.image.source),
            _harmless(one.image.group),
            "" if one.prob_fake is None else f"{one.prob_fake:.{PROB_DECIMALS}f}",
            one.status,
            one.error or "",
            "" if one.prob_fake is None else str(one.faces),
        )
        for one in scored
    ]
    text: str = pd.DataFrame(rows, columns=list(SCORES_COLUMNS)).to_csv(index=False, lineterminator="\n")
    return text


def printed_path(one: ScoredImage) -> str:
    """An image's path below the tree, written as a report writes paths."""
    from scanner import encode_path

    return encode_path(one.image.relative)


def _harmless(name: str | None) -> str:
    """A manifest's text as a cell that no spreadsheet takes for a formula."""
    text = as_text(name or "")
    return f"\\x{ord(text[0]):02x}{text[1:]}" if text.startswith(_FORMULA_STARTS) else text
