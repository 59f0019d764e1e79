"""From candidates to pixels, in processes that may crash, hang or be killed without harm to the run.

``limits``: what one file may cost. ``decode``: one file, in whatever process. ``worker``: the process around it.
``pool``: the run's side. ``slab``: the memory through which pixels travel.

Names load on first use (PEP 562): a decoder, which needs no pool, starts sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanner.decoding.decode import Decoded as Decoded
    from scanner.decoding.limits import Limits as Limits
    from scanner.decoding.pool import DecodePool as DecodePool

_HOME = {"Decoded": "decode", "DecodePool": "pool", "Limits": "limits"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scanner.decoding' has no attribute {name!r}")
    return getattr(import_module(f"scanner.decoding.{_HOME[name]}"), name)
