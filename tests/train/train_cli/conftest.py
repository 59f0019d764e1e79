"""What the tests of train cli are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from train_runs import FILES, Differing, Read, metrics_of

from train.run_folder import RunFolder


@pytest.fixture
def same_as(read: Read, differing: Differing) -> Callable[[RunFolder, RunFolder], None]:
    """Two runs ended with the same weights, bit for bit, and tell the same story."""

    def check(one: RunFolder, other: RunFolder) -> None:
        for file in ("last.pt", "best.pt"):
            assert differing(read(one.path / file)["model"], read(other.path / file)["model"]) == []
        assert metrics_of(one) == metrics_of(other)
        assert one.select_scores.read_text() == other.select_scores.read_text()
        assert one.roles.read_text() == other.roles.read_text()
        assert {path.name for path in one.path.iterdir()} == FILES

    return check
