"""The version is known with and without an installation."""

from __future__ import annotations

from importlib import metadata

import pytest

from models.support import release


def test_an_installation_has_its_own_version() -> None:
    assert release.tool_version() == metadata.version("deepfake-scanner")


def test_a_checkout_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = release.tool_version()

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert release.tool_version() == f"{installed}+checkout"
