"""What the tests of parts are given."""

from __future__ import annotations

from collections.abc import Iterator

import film_strip
import pytest

from scanner.media import openers
from scanner.sandbox import launch


@pytest.fixture(autouse=True)
def films(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Film strips are a kind of media, here and in decoders."""
    monkeypatch.setattr(openers, "OPENERS", [film_strip.FilmOpener(), *openers.OPENERS])
    program = launch.PROGRAM.replace("serve(**", film_strip.PROGRAM + "serve(**")
    monkeypatch.setattr(launch, "PROGRAM", program)
    yield
