"""The tests' own environment: nothing that a developer or a CI service has set may reach them."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The same examples each time, and a busy machine may take as long as it likes.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.load_profile("reproducible")

WORKER = "PYTEST_XDIST_WORKER"
if WORKER in os.environ:
    # Several tests run side by side: threads of one network would wait for those of another.
    os.environ["OMP_NUM_THREADS"] = "1"

OWN_PROCESS = "PYTEST_OWN_PROCESS"
OURS = "SCAN_"
SLOW_FIXTURES = {"exports", "lite", "run_checkpoint", "scratch_run", "seed_checkpoint", "two_phase_run"}
"""Whole networks, trained or exported: whoever asks for one first pays for it."""
COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
"""CI services force them, and tests compare what is said."""


def pytest_configure() -> None:
    """Before anything is collected; children of the tests inherit it.

    Without SCAN_NO_CONFIG, a section in this repository's own setup.cfg would be read wherever tests run in it.
    """
    for name in [name for name in os.environ if name.startswith(OURS) or name in COLOURS]:
        del os.environ[name]
    os.environ["SCAN_NO_CONFIG"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``own_process`` run where test_own_process.py starts them, and nowhere else; ``slow`` are also those
    that ask for a slow fixture. With ``-n`` one process runs what shares them, or else a file."""
    for item in items:
        shares = bool(SLOW_FIXTURES & set(getattr(item, "fixturenames", ())))
        if shares:
            item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.xdist_group(str(item.path.parent if shares else item.path)))
    inside = OWN_PROCESS in os.environ
    left = [item for item in items if (item.get_closest_marker("own_process") is not None) is not inside]
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
