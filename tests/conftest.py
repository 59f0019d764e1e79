"""The tests' own environment: nothing that a developer or a CI service has set may reach them."""

from __future__ import annotations

import os

OURS = "SCAN_"
COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
"""CI services force them, and tests compare what is said."""


def pytest_configure() -> None:
    """Before anything is collected; children of the tests inherit it.

    Without SCAN_NO_CONFIG, a section in this repository's own setup.cfg would be read wherever tests run in it.
    """
    for name in [name for name in os.environ if name.startswith(OURS) or name in COLOURS]:
        del os.environ[name]
    os.environ["SCAN_NO_CONFIG"] = "1"
