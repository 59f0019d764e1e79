"""Modules are loaded without garbage collections, and those go on afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models.support.loading import frozen


def test_what_lives_at_the_end_is_not_looked_through_and_what_comes_is() -> None:
    code = """
import gc
from models.support.loading import frozen
with frozen():
    assert not gc.isenabled()
    kept = [[number] for number in range(100)]
assert gc.isenabled() and gc.get_freeze_count() >= 100
assert not any(one is kept for one in gc.get_objects())
later = [1]
assert any(one is later for one in gc.get_objects())
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_import_that_fails_leaves_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("disable", "enable", "freeze"):
        monkeypatch.setattr(f"models.support.loading.gc.{name}", lambda name=name: calls.append(name))
    with pytest.raises(ImportError), frozen():
        raise ImportError
    assert calls == ["disable", "freeze", "enable"]
