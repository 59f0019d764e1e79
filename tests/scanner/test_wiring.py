"""What is settled before a run begins, and in which order."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from models.support.errors import OutputError
from models.support.machine import usable_cores
from scanner import Detector, cli, wiring
from scanner.judgement.baseline import BaselineError
from scanner.media import Limits
from scanner.options import Options
from scanner.outputs import Outputs
from scanner.terminal.progress import NullProgress
from scanner.terminal.speaker import Speaker


def options(*argv: object) -> Options:
    return Options(**cli.scan.make_context("scan", [str(word) for word in argv]).params)


@pytest.fixture
def loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: Any) -> Detector:
        raise AssertionError("the model is loaded last")

    monkeypatch.setattr(Detector, "load", load)


def test_outputs_that_cannot_be_end_a_run_before_the_model_is_loaded(
    here: Path, loads_no_model: None
) -> None:
    with pytest.raises(OutputError):
        wiring.run(options("in", "--out", "gone/r.csv"), configuration={})


def test_a_baseline_that_is_none_ends_a_run_before_anything_is_written(
    here: Path, loads_no_model: None
) -> None:
    Path("known.csv").write_text("no report")
    with pytest.raises(BaselineError):
        wiring.run(
            options("in", "--out", "r.csv", "--baseline", "known.csv", "--log-file", "scan.log"),
            configuration={},
        )
    assert {path.name for path in here.iterdir()} == {"in", "known.csv"}


def test_the_note_on_configuration_files_is_said_unless_quiet(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("in", "--out", "r.csv", "--model", model, "--device", "cpu")
    wiring.run(options(*argv), configuration={}, note="note: a file")
    assert capsys.readouterr().err.startswith("note: a file\n")
    wiring.run(options(*argv, "-q"), configuration={}, note="note: a file")
    assert capsys.readouterr().err == ""


def test_building_looks_at_no_file_and_records_the_limits_with_their_defaults(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = options("missing", "--out", "-", "--model", model, "--device", "cpu", "--max-bytes", 99)
    outputs = Outputs.settle(chosen.outs, chosen.manifest, chosen.log_file)
    audit = wiring.build(chosen, outputs, Speaker(NullProgress()), baseline=None, configuration={})
    assert audit.scoring.limits == Limits(max_bytes=99)
    assert audit.reporting.options == {**chosen.recorded(), "limits": asdict(Limits(max_bytes=99))}
    assert (audit.scoring.workers, audit.scoring.batch_size) == (usable_cores(), 1)
    audit.memories.begin()
    assert not audit.memories.continues and audit.memories.recognise is None, "a stream, and no --cache"
