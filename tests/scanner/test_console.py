"""Signals and the log: set up for a run, and gone after it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from pathlib import Path

import pytest

from models.support.errors import Failure, OutputError
from scanner.terminal.log import logging_to, looks_like_log, sigterm_interrupts

log = logging.getLogger("scanner")


def test_sigterm_interrupts_inside_and_means_what_it_did_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_than_the_main_one_sets_no_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with sigterm_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [before]


def test_stderr_gets_errors_and_the_file_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_to(tmp_path / "log", verbose=False):
        log.info("skipped")
        log.warning("failed")
        log.error("incomplete")
    assert capsys.readouterr().err == "ERROR: incomplete\n"
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "INFO skipped",
        "WARNING failed",
        "ERROR incomplete",
    ]
    with logging_to(None, verbose=True):
        log.info("skipped\x1b[2J")
    assert capsys.readouterr().err == "INFO: skipped\\x1b[2J\n"


def test_a_run_leaves_the_logger_and_its_file_as_they_were(tmp_path: Path) -> None:
    before = log.handlers[:], log.level, log.propagate
    with warnings.catch_warnings(action="error"), logging_to(tmp_path / "log", verbose=True):
        handlers = log.handlers[:]
    assert (log.handlers, log.level, log.propagate) == before
    assert all(handler.stream is None for handler in handlers if isinstance(handler, logging.FileHandler))


def test_a_log_is_appended_to_and_recognised(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with logging_to(tmp_path / "log", verbose=False):
            log.warning(word)
    content = (tmp_path / "log").read_bytes()
    assert b"first" in content and b"second" in content and looks_like_log(content)
    assert not looks_like_log(b"2024-05-01, what the witness said") and not looks_like_log(b"\x89PNG")


def test_the_reason_of_a_failure_ends_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failure), logging_to(tmp_path / "log", verbose=False):
        raise Failure("100 % of the device is gone")
    assert (tmp_path / "log").read_text().endswith("ERROR 100 % of the device is gone\n")
    assert capsys.readouterr().err == ""  # the command says it there


def test_names_that_are_no_text_do_not_break_the_log(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", verbose=False):
        log.warning("caf\udce9.png")
    assert "caf\\udce9.png" in (tmp_path / "log").read_text()


def test_a_log_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    words = "cannot be written: Is a directory"
    with pytest.raises(OutputError, match=words), logging_to(tmp_path, verbose=False):
        raise AssertionError("not reached")


def test_pillows_warnings_are_silenced_for_the_run_alone() -> None:
    before = warnings.filters[:]
    with logging_to(None, verbose=False):
        assert warnings.filters != before
    assert warnings.filters == before
