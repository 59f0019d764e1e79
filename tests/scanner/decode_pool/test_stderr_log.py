"""Closing the log of decoders ends, whoever still holds its pipe."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from scanner.sandbox.stderr_log import StderrLog


def test_what_was_written_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scanner.sandbox")
    log = StderrLog()
    os.write(log.writer, b"one\ntwo\n")
    log.close()
    assert [record.getMessage() for record in caplog.records] == ["decoder: one", "decoder: two"]


def test_a_decoder_that_nobody_knows_of_does_not_hold_it_up() -> None:
    """As a Ctrl-C leaves one that comes while it is started."""
    log = StderrLog()
    held = os.dup(log.writer)
    closing = threading.Thread(target=log.close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()
    os.close(held)
