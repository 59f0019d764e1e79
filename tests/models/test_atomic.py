"""Files are written whole or not at all, whatever ends the writing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.support.atomic import replacing
from models.support.errors import OutputError


@pytest.mark.parametrize("shared", [False, True])
def test_the_file_takes_the_name_at_the_end(shared: bool, tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("older")
    with replacing(target, shared=shared) as aside:
        aside.write_text("newer")
        assert target.read_text() == "older" and aside.parent == tmp_path
    assert target.read_text() == "newer" and [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("raised", [ValueError("planted"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_ends_the_block_the_older_file_stays_alone(raised: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("older")
    with pytest.raises(type(raised)), replacing(target) as aside:
        aside.write_text("half of")
        raise raised
    assert target.read_text() == "older" and [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with (
        pytest.raises(OutputError, match=r"a\.txt cannot be written: No space left"),
        replacing(target) as aside,
    ):
        aside.write_text("half of")
        raise OSError(28, os.strerror(28))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "no" / "a.txt") as aside:
        aside.write_text("text")


def test_a_killed_writer_leaves_the_older_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("older")
    program = (
        "import os, sys, pathlib; from models.support.atomic import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('half of'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, target]).returncode == -signal.SIGKILL
    assert target.read_text() == "older"
    with replacing(target) as aside:
        aside.write_text("newer")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"], "the next writer clears it away"
