"""What the tests of decode pool are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from decoded_files import WICKED
from PIL import Image

from scanner.results.names import encode_path
from scanner.sandbox import launch
from scanner.sources import Candidate, MediaKind


@pytest.fixture
def wicked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders in which a file's name says what decoding it does."""
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", WICKED + "serve(**"))


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Candidate]]:
    def make(*names: str) -> list[Candidate]:
        made = []
        for number, name in enumerate(names):
            path = tmp_path / f"{number:03}-{name}.png"
            Image.new("RGB", (9, 7), (number % 256, 10, 20)).save(path)
            made.append(Candidate(str(path), encode_path(str(path)), MediaKind.IMAGE, explicit=False))
        return made

    return make
