"""The laws from bytes to pixels, side by side: a model names the one that it was trained with."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from models.contract import InputSpec
from models.preprocessing.seen import Law

LAWS = {1: "models.preprocessing.v1", 2: "models.preprocessing.v2"}
"""Modules by version, each with its ``LAW``; loaded when asked for, since not every law needs numpy.

A law is never changed: a report must be repeatable with last year's model.
"""

DISPLAY = 0
"""For people's eyes; not among the laws that a model may name."""
_DISPLAY_MODULE = "models.preprocessing.display"


def law_of(spec: InputSpec) -> Law:
    """Raises ``KeyError`` for a version that this release does not have; a model that names one is not loaded."""
    return _loaded(_DISPLAY_MODULE if spec.law == DISPLAY else LAWS[spec.law])


@cache
def _loaded(module: str) -> Law:
    law: Law = import_module(module).LAW
    return law
