"""What the tests of config are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from config_files import Run

from models.support.errors import run_command
from scanner import cli


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, the root of a repository, where configuration counts."""
    monkeypatch.setenv("SCAN_NO_CONFIG", "")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bare(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Run]:
    """``scan`` in this process with these arguments and no others."""

    def run(*arguments: object) -> Run:
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            run_command(cli.scan, [str(argument) for argument in arguments])
        assert isinstance(left.value.code, int)
        return Run(left.value.code, *(text.decode() for text in capsysbinary.readouterr()))

    return run


@pytest.fixture
def explain(bare: Any) -> Callable[..., dict[str, tuple[str, list[str]]]]:
    """The rows of ``scan --explain-config``."""

    def run(*arguments: object) -> dict[str, tuple[str, list[str]]]:
        done = bare("--explain-config", *arguments)
        assert (done.code, done.err) == (0, "")
        return done.rows

    return run


@pytest.fixture
def refused(bare: Any) -> Callable[..., str]:
    """What ``scan --explain-config`` says when it exits with 2."""

    def run(*arguments: object) -> str:
        done = bare("--explain-config", *arguments)
        assert (done.code, done.out) == (2, "") and "Traceback" not in done.err
        return str(done.err)

    return run
