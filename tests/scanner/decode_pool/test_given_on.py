"""What was given on is held no longer by the pool."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from models.contract import InputSpec
from scanner.media.extract import open_candidate
from scanner.media.limits import Limits
from scanner.media.opener import Reading
from scanner.sandbox.work import Work
from scanner.sources import Candidate, MediaKind


def test_a_file_that_was_given_on_has_no_pictures_left(tmp_path: Path) -> None:
    """A file and its units know each other: pixels would stay until Python looks for circles."""
    Image.new("RGB", (9, 7)).save(tmp_path / "a.png")
    candidate = Candidate(str(tmp_path / "a.png"), "a.png", MediaKind.IMAGE, explicit=True)
    opened = open_candidate(candidate, Reading(Limits(), InputSpec()))
    work = Work.of(0, candidate)
    work.opening.pictures += opened.pictures
    work.opened(opened, {})
    (given,) = work.ready()
    assert given.pictures == opened.pictures and len(given.pictures) == 1
    assert work.opening.pictures == [] and work.is_given
