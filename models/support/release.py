"""Which version of this project is running."""

from __future__ import annotations

import configparser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "deepfake-scanner"


def tool_version() -> str:
    """The installed version; of a checkout that runs without being installed, setup.cfg's with ``+checkout``.

    Training machines without a network run checkouts.
    """
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        parser = configparser.ConfigParser()
        parser.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
        return parser.get("metadata", "version", fallback="unknown") + "+checkout"
