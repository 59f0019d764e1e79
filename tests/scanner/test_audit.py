"""One run as a whole: what is kept, replaced and said when something goes wrong on the way."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.support.errors import ExitCode, OutputError
from scanner import Detector, Policy, Status, Verdict
from scanner.audit import Audit, Interrupted, NoCandidates, Scoring
from scanner.judgement.judging import Judging
from scanner.judgement.tally import Tally
from scanner.media import Limits
from scanner.memory import Memories
from scanner.reports import sinks
from scanner.reports.formats import Target
from scanner.reports.reporting import Reporting
from scanner.reports.row import COLUMNS
from scanner.sources import Candidate, MediaKind
from scanner.terminal.speaker import Speaker

HEADER = (",".join(COLUMNS) + "\n").encode()
OLD_REPORT = HEADER + b"old.png,ok,0.100000,real,,PNG,1,1,1,,,1,,,,\n"
OLD_MANIFEST = b'{\n  "manifest_schema": 1,\n  "old": true\n}\n'


class Recording:
    """A progress that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.closed = False

    def begin(self) -> None:
        self.calls.append("begin")

    def total(self, files: int) -> None:
        self.calls.append(files)

    def member(self) -> None:
        return

    def file(self, status: Status, verdict: Verdict | None) -> None:
        self.calls.append((status, verdict))

    def hide(self) -> None:
        raise AssertionError("an audit only speaks through its speaker")

    def close(self) -> None:
        self.closed = True


class Listening(Speaker):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(Recording())
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def older(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(OLD_REPORT)
    (tmp_path / "r.run.json").write_bytes(OLD_MANIFEST)


@pytest.fixture
def audit(detector: Detector, tmp_path: Path) -> Callable[..., Audit]:
    """An audit of given candidates into ``r.csv``; ``said`` and ``progress`` tell what it did."""

    def make(candidates: Any, **changes: Any) -> Audit:
        speaker = Listening()
        settings: dict[str, Any] = {
            "tally": Tally(),
            "scoring": Scoring(detector, Limits(), workers=1, batch_size=1),
            "judging": Judging(Policy(0.5, 0.5, "option")),
            "memories": Memories(),
            "reporting": Reporting([Target(tmp_path / "r.csv", "csv")], tmp_path / "r.run.json"),
            "speaker": speaker,
            "inputs": ["in"],
        }
        made = Audit(candidates, **settings | changes)
        made.said = speaker.said  # type: ignore[attr-defined]
        return made

    return make


def candidates(*paths: Path) -> Iterator[Candidate]:
    for path in paths:
        yield Candidate(str(path), path.name, MediaKind.IMAGE, explicit=True)


def test_results_are_counted_reported_and_told_to_the_progress(
    audit: Any, grey: Any, tmp_path: Path, rows_of: Any
) -> None:
    run = audit(candidates(grey(tmp_path / "a.png", 250), tmp_path / "no.png", grey(tmp_path / "b.png", 9)))
    assert run.run() is ExitCode.INCOMPLETE
    assert run.tally.statuses == Counter({Status.OK: 2, Status.ERROR: 1})
    assert run.tally.verdicts == Counter({Verdict.FAKE: 1, Verdict.REAL: 1})
    calls = run.progress.calls
    assert calls[0] == "begin" and run.progress.closed
    assert [call for call in calls if isinstance(call, tuple)] == [
        (Status.OK, Verdict.FAKE), (Status.ERROR, None), (Status.OK, Verdict.REAL),
    ]  # fmt: skip
    assert [call for call in calls if isinstance(call, int)] == [3], "once the walk has ended"
    assert [row["path"] for row in rows_of(tmp_path / "r.csv")] == ["a.png", "no.png", "b.png"]
    assert run.said[-1] == f"report: {tmp_path}/r.csv (how it was made: {tmp_path}/r.run.json)"


def test_without_candidates_nothing_is_touched(audit: Any, older: None, tmp_path: Path) -> None:
    run = audit(iter(()))
    with pytest.raises(NoCandidates):
        run.run()
    assert run.progress.closed and (tmp_path / "r.csv").read_bytes() == OLD_REPORT
    assert not (tmp_path / "r.csv.partial").exists()


@pytest.mark.parametrize(
    ("planted", "raised"),
    [
        (KeyboardInterrupt(), Interrupted),
        (OutputError("planted"), OutputError),
        (ZeroDivisionError("planted"), ZeroDivisionError),
    ],
)
def test_whatever_ends_a_run_the_rows_are_kept_and_older_outputs_stay(
    planted: BaseException,
    raised: type[BaseException],
    audit: Any,
    older: None,
    grey: Any,
    tmp_path: Path,
) -> None:
    path = grey(tmp_path / "a.png", 40)

    def broken() -> Iterator[Candidate]:
        yield from candidates(*[path] * 90)
        raise planted

    run = audit(broken())
    with pytest.raises(raised) as caught:
        run.run()
    assert run.progress.closed
    kept = (tmp_path / "r.csv.partial").read_bytes()
    assert kept.startswith(HEADER + b"a.png,ok,") and kept.count(b"\n") - 1 == run.tally.files > 10
    assert (tmp_path / "r.csv").read_bytes() == OLD_REPORT
    assert (tmp_path / "r.run.json").read_bytes() == OLD_MANIFEST
    if raised is Interrupted:
        assert "the rows so far are in" in str(caught.value) and "r.csv.partial" in str(caught.value)
    elif raised is OutputError:
        assert "r.csv.partial" in run.said[-1]


@pytest.mark.parametrize("failing", ["r.csv", "r.run.json"])
def test_a_report_and_its_manifest_appear_together_or_not_at_all(
    failing: str, audit: Any, older: None, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sinks.FileSink.write if failing == "r.run.json" else sinks.FileSink.commit

    def full(self: sinks.FileSink, *data: bytes) -> None:
        if self.name == failing:
            raise OutputError(f"{failing}: no space")
        real(self, *data)

    monkeypatch.setattr(sinks.FileSink, "write" if failing == "r.run.json" else "commit", full)
    with pytest.raises(OutputError, match="no space"):
        audit(candidates(grey(tmp_path / "a.png", 40))).run()
    assert (tmp_path / "r.csv").read_bytes() == OLD_REPORT
    assert (tmp_path / "r.run.json").read_bytes() == OLD_MANIFEST
    assert not (tmp_path / "r.run.json.partial").exists()
    assert (tmp_path / "r.csv.partial").read_bytes().count(b"\n") == 2


def test_a_report_that_cannot_be_written_on_leaves_no_thread_at_work(
    audit: Any, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = grey(tmp_path / "a.png", 40)
    before = threading.active_count()
    real = sinks.FileSink.write

    def full(self: sinks.FileSink, data: bytes) -> None:
        if not data.startswith(b"path,"):
            raise OutputError("no space")
        real(self, data)

    monkeypatch.setattr(sinks.FileSink, "write", full)
    # While the error is alive, so are the frames that it came through.
    with pytest.raises(OutputError) as caught:
        audit(candidates(*[path] * 90)).run()
    assert threading.active_count() == before and caught.value.args


def test_a_failing_device_is_2_and_keeps_the_rows_before_it(
    scan: Any, make_model: Any, older: None, grey: Any, tmp_path: Path
) -> None:
    for i in range(30):
        grey(tmp_path / "in" / f"{i:02}.png", 250 if i == 20 else 100)
    model = make_model(logit="crash if bright")
    run = scan(tmp_path / "in", "--out", tmp_path / "r.csv", "--model", model, "--log-file", tmp_path / "log")
    assert run.code == 2 and "try a smaller --batch-size or --device cpu" in run.err
    assert "stopped after 20 files" in run.err and "Traceback" not in run.err
    assert (tmp_path / "r.csv.partial").read_bytes().count(b"\n") == 21
    assert (tmp_path / "r.csv").read_bytes() == OLD_REPORT
    assert "try a smaller --batch-size" in (tmp_path / "log").read_text()


def test_a_model_without_a_number_for_one_file_costs_that_row_alone(
    scan: Any, make_model: Any, grey: Any, tmp_path: Path
) -> None:
    files = [grey(tmp_path / f"{value}.png", value) for value in (90, 230, 120)]
    run = scan(*files, "--out", "-", "--model", make_model(logit="nan if bright"))
    assert run.code == 2
    assert [row["error"] for row in run.rows] == ["", "inference_failed", ""]
    assert run.rows[1]["prob_fake"] == run.rows[1]["verdict"] == run.rows[1]["model"] == ""


def test_a_streamed_report_has_a_manifest_only_if_one_is_named(scan: Any, grey: Any, tmp_path: Path) -> None:
    picture = grey(tmp_path / "in" / "a.png", 40)
    before = sorted(tmp_path.rglob("*"))
    scan(picture, "--out", "-")
    assert sorted(tmp_path.rglob("*")) == before
    run = scan(picture, "--out", "-", "--manifest", tmp_path / "m.json")
    manifest = json.loads((tmp_path / "m.json").read_text())
    assert manifest["reports"] == {"-": hashlib.sha256(run.out).hexdigest()}


def test_the_manifest_holds_the_names_that_are_no_text(scan: Any, grey: Any, tmp_path: Path) -> None:
    picture = grey(tmp_path / "a.png", 40)
    wild = picture.rename(picture.with_name("caf\udce9.png"))
    arguments = (wild, "--out", tmp_path / "r.csv", "--exclude", b"\xff*")
    assert scan(*arguments).code == 0
    manifest = json.loads((tmp_path / "r.run.json").read_text(encoding="utf-8"))
    assert manifest["inputs"] == [f"{tmp_path}/caf\\xe9.png"]
    assert manifest["options"]["exclude"] == ["\udcff*"]


@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_model_that_cannot_run_is_2_and_one_sentence(
    content: bytes | None, scan: Any, grey: Any, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "m.onnx").write_bytes(content)
    run = scan(grey(tmp_path / "a.png", 9), "--out", tmp_path / "r.csv", "--model", tmp_path / "m.onnx", "-q")
    (line,) = run.err.splitlines()
    assert run.code == 2 and line.startswith("error: ") and "m.onnx" in line
    assert not (tmp_path / "r.csv").exists()


def test_two_onnxruntimes_are_2_with_the_remedy(
    scan: Any, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name.startswith("onnxruntime") else real(name)
    )
    run = scan(grey(tmp_path / "a.png", 9), "--out", tmp_path / "r.csv")
    assert run.code == 2 and "pip uninstall -y onnxruntime onnxruntime-gpu" in run.err
    assert not (tmp_path / "r.csv").exists()
