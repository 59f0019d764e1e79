"""Which version of this project is running."""

from __future__ import annotations

from pathlib import Path

DISTRIBUTION = "deepfake-scanner"


def tool_version() -> str:
    """The installed version; of a checkout that runs without being installed, setup.cfg's with ``+checkout``.

    Training machines without a network run checkouts.
    """
    # Decoders know the distribution's name alone, and these are a sixth of their start.
    import configparser
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        parser = configparser.ConfigParser()
        parser.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
        return parser.get("metadata", "version", fallback="unknown") + "+checkout"
