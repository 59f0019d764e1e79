"""The tests' own environment: nothing that a developer has set for ``scan`` may reach them."""

from __future__ import annotations

import os


def pytest_configure() -> None:
    """Before anything is collected; children of the tests inherit it.

    Without SCAN_NO_CONFIG, a section in this repository's own setup.cfg would be read wherever tests run in it.
    """
    for name in [name for name in os.environ if name.startswith("SCAN_")]:
        del os.environ[name]
    os.environ["SCAN_NO_CONFIG"] = "1"
