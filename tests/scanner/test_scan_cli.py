"""The command's options and what they do, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scanner import cli
from scanner.reports.row import COLUMNS

HEADER = (",".join(COLUMNS) + "\n").encode()


def paths(rows: list[dict[str, str]]) -> list[str]:
    return [row["path"] for row in rows]


def test_a_folder_is_scanned_into_a_report_and_a_manifest(here: Path, scan: Any, rows_of: Any) -> None:
    run = scan("in", "--out", "report.csv")
    assert run.code == 1 and run.out == b""
    rows = rows_of(here / "report.csv")
    assert paths(rows) == ["in/dark.png", "in/light.jpg", "in/sub/deep.png"]
    assert [row["verdict"] for row in rows] == ["real", "fake", "fake"]
    assert {path.name for path in here.iterdir()} == {"in", "report.csv", "report.run.json"}


def test_standard_output_holds_the_report_and_nothing_else(here: Path, scan: Any, model: Path) -> None:
    run = scan("in", "--out", "-", "--device", "auto")
    assert run.code == 1
    assert run.out.startswith(HEADER) and run.out.count(b"\n") == 4
    assert [*here.iterdir()] == [here / "in"]
    to_file = scan("in", "--out", "r.csv")
    assert (to_file.code, (here / "r.csv").read_bytes()) == (1, run.out)


def test_no_recursive_stays_in_the_folder(here: Path, scan: Any) -> None:
    assert paths(scan("in", "--no-recursive", "--out", "-").rows) == ["in/dark.png", "in/light.jpg"]


def test_files_and_globs_are_operands_too(here: Path, scan: Any) -> None:
    assert paths(scan("in/light.jpg", "in/*.png", "--out", "-").rows) == ["in/light.jpg", "in/dark.png"]


def test_a_file_reached_twice_is_scanned_once_at_its_first_place(here: Path, scan: Any) -> None:
    run = scan("in/sub", "in", "./in/dark.png", "--out", "-")
    assert paths(run.rows) == ["in/sub/deep.png", "in/dark.png", "in/light.jpg"]


def test_patterns_pick_and_leave_out(here: Path, scan: Any) -> None:
    only = scan("in", "--include", "*.png", "--include", "*.gif", "--exclude", "sub", "--out", "-")
    assert paths(only.rows) == ["in/dark.png"]


@pytest.mark.parametrize(("end", "options"), [("\n", []), ("\0", ["-0"])])
def test_a_list_of_files_is_scanned_in_its_order(here: Path, scan: Any, end: str, options: list[str]) -> None:
    Path("list").write_text(end.join(["in/sub/deep.png", "in/gone.png", "in/dark.png"]))
    run = scan("in/light.jpg", "--files-from", "list", *options, "--out", "-")
    assert paths(run.rows) == ["in/light.jpg", "in/sub/deep.png", "in/gone.png", "in/dark.png"]
    assert run.rows[2]["error"] == "not_found"


def test_a_list_with_the_other_separator_is_refused_with_the_remedy(here: Path, scan: Any) -> None:
    Path("list").write_bytes(b"in/dark.png\0in/light.jpg\0")
    run = scan("--files-from", "list", "--out", "report.csv")
    assert run.code == 2 and "add -0" in run.err and not Path("report.csv").exists()


def test_a_named_text_file_has_a_row_and_a_found_one_is_listed(here: Path, scan: Any) -> None:
    Path("in/notes.txt").write_text("a note")
    named = scan("in/notes.txt", "--out", "-")
    assert [(row["path"], row["error"]) for row in named.rows] == [("in/notes.txt", "not_an_image")]
    found = scan("in", "--out", "report.csv", "--list-skipped")
    assert "no row: in/notes.txt (.txt)" in found.err.splitlines()
    assert json.loads(Path("report.run.json").read_text())["counts"]["other_files"] == {".txt": 1}


@pytest.mark.parametrize(
    ("options", "verdicts"),
    [
        ([], ["real", "inconclusive", "fake", "fake"]),
        (["--threshold", "fpr1"], ["real", "inconclusive", "inconclusive", "fake"]),
        (["--threshold", "fpr5"], ["real", "fake", "fake", "fake"]),
        (["--threshold", "0.95"], ["real", "inconclusive", "inconclusive", "inconclusive"]),
        (["--threshold", "0.1"], ["real", "fake", "fake", "fake"]),
    ],
)
def test_a_threshold_is_a_number_or_one_of_the_models(
    options: list[str], verdicts: list[str], tmp_path: Path, scan: Any, calibrated: Path, grey: Any
) -> None:
    # Probabilities 0.02, 0.65, 0.73 and 0.90.
    files = [grey(tmp_path / f"{value}.png", value) for value in (10, 148, 160, 200)]
    run = scan(*files, "--out", "-", "--model", calibrated, *options)
    assert [row["verdict"] for row in run.rows] == verdicts


@pytest.mark.parametrize("threshold", ["fpr1", "1.5", "-0.1", "nan", "high"])
def test_a_threshold_that_is_none_is_refused(here: Path, scan: Any, threshold: str) -> None:
    run = scan("in", "--out", "report.csv", "--threshold", threshold)
    assert run.code == 2 and f"--threshold {threshold}" in run.err and not Path("report.csv").exists()


def test_fail_on_and_exit_zero_decide_between_0_and_1(here: Path, scan: Any, calibrated: Path) -> None:
    options = ("--out", "-", "--model", calibrated)
    assert scan("in", *options).code == 1
    assert scan("in", *options, "--fail-on", "never").code == 0
    assert scan("in", *options, "--exit-zero").code == 0
    assert scan("in/dark.png", *options, "--fail-on", "inconclusive").code == 0
    assert scan("in", *options, "--threshold", "1", "--fail-on", "fake").code == 0
    assert scan("in", *options, "--threshold", "1", "--fail-on", "inconclusive").code == 1


@pytest.mark.slow
def test_errors_beyond_max_errors_outrank_findings(here: Path, scan: Any) -> None:
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    beyond = scan("in", "--out", "report.csv")
    assert beyond.code == 2 and "--max-errors allows 0" in beyond.err
    assert len(Path("report.csv").read_text().splitlines()) == 5
    assert scan("in", "--out", "-", "--exit-zero").code == 2
    assert scan("in", "--out", "-", "--max-errors", 1).code == 1
    assert scan("in", "--out", "-", "--max-errors", 1, "--exit-zero").code == 0


def test_strict_counts_skipped_media_as_errors(here: Path, scan: Any) -> None:
    Path("in/film.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2")
    loose, strict = scan("in", "--out", "-"), scan("in", "--out", "-", "--strict")
    assert (loose.code, strict.code) == (1, 2)
    assert loose.out == strict.out and b"in/film.mp4,skipped,,,unsupported_media" in loose.out


def test_nothing_to_scan_is_an_error_unless_allowed(here: Path, scan: Any) -> None:
    Path("empty").mkdir()
    Path("empty/readme.txt").touch()
    refused = scan("empty", "--out", "report.csv")
    assert refused.code == 2 and "--allow-empty" in refused.err and "1 other files" in refused.err
    assert not Path("report.csv").exists() and not Path("report.csv.partial").exists()
    assert scan("empty", "--out", "report.csv", "--allow-empty").code == 0
    assert Path("report.csv").read_bytes() == HEADER
    assert json.loads(Path("report.run.json").read_text())["complete"] is True


def test_an_uncalibrated_model_is_said_once_a_run(here: Path, scan: Any, calibrated: Path) -> None:
    assert scan("in", "--out", "-").err.count("not calibrated") == 1
    assert "not calibrated" not in scan("in", "--out", "-", "--model", calibrated).err


def test_quiet_says_nothing_but_errors(here: Path, scan: Any) -> None:
    assert scan("in", "--out", "-", "-q").err == ""
    Path("in/broken.jpg").touch()
    err = scan("in", "--out", "-", "-q").err
    assert "the audit is not complete" in err and len(err.splitlines()) == 1


def test_verbose_and_the_log_say_why_a_file_failed(here: Path, scan: Any) -> None:
    Path("in/broken.jpg").touch()
    plain = scan("in", "--out", "-", "--log-file", "scan.log")
    assert "broken.jpg" not in plain.err
    assert "WARNING in/broken.jpg: empty_file (the file has no bytes)" in Path("scan.log").read_text()
    assert "in/broken.jpg: empty_file (the file has no bytes)" in scan("in", "--out", "-", "-v").err
    before = Path("scan.log").read_text()
    scan("in", "--out", "-", "--log-file", "scan.log")
    assert Path("scan.log").read_text().startswith(before)


def test_every_option_reads_its_environment_variable(
    here: Path, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCAN_OUT", "nowhere/r.csv")  # a file that every scan would write over
    monkeypatch.setenv("SCAN_THRESHOLD", "0.99")
    monkeypatch.setenv("SCAN_RECURSIVE", "0")
    monkeypatch.setenv("SCAN_INCLUDE", "*.jpg *.gif")
    monkeypatch.setenv("SCAN_QUIET", "1")
    run = scan("in", "--out", "-")
    assert (run.code, run.err) == (0, "")
    assert [(row["path"], row["verdict"]) for row in run.rows] == [("in/light.jpg", "real")]
    flags = {p.name for p in cli.scan.params if p.param_type_name == "option"}
    silent = {p.name for p in cli.scan.params if getattr(p, "allow_from_autoenv", True) is False}
    assert silent == {"version", "outs", "verify", "files", "explain_config"} and len(flags) > 20


@pytest.mark.parametrize("variable", ["SCAN_VERSION", "SCAN_HELP"])
def test_a_variable_that_means_something_else_stops_no_scan(
    here: Path, scan: Any, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    assert len(scan("in", "--out", "-").rows) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "r.csv"], "name something to scan"),
        (["in"], "--out"),
        (["in", "--out", ""], "--out is empty"),
        (["in", "--out", "r.csv", "--colour"], "--colour"),
        (["in", "--out", "r.csv", "-0"], "-0"),
        (["in", "--out", "r.csv", "-q", "-v"], "contradict"),
        (["in", "--out", "r.csv", "--batch-size", "0"], "--batch-size"),
        (["in", "--out", "r.csv", "--workers", "0"], "--workers"),
        (["in", "--out", "r.csv", "--max-errors", "-1"], "--max-errors"),
        (["in", "--out", "r.csv", "--fail-on", "real"], "--fail-on"),
        (["in", "--out", "r.csv", "--device", "tpu"], "--device tpu"),
        (["in", "--out", "r.csv", "--device", "cuda:²"], "--device cuda:²"),
        (["--files-from", "no-list", "--out", "r.csv"], "no-list"),
        (["in", "--out", "no/r.csv"], "no/r.csv cannot be written: the folder no does not exist"),
        (["in", "--out", "r.csv", "--manifest", "no/m.json"], "the folder no does not exist"),
        (["in", "--out", "r.csv", "--log-file", "no/scan.log"], "the folder no does not exist"),
        (["in", "--out", "in"], "in is a folder"),
        (["in", "--out", "r.doc"], "r.doc: no report format has this suffix"),
        (["in", "--out", "r"], "or say --format"),
        (["in", "--out", "r", "--format", "pdf"], "--format"),
        (["in", "--out", "r.csv", "--out", "r.html", "--format", "csv"], "--format is given 1 times for 2"),
        (["in", "--out", "-", "--out", "-"], "standard output can take one report"),
        (["in", "--out", "r.csv", "--out", "./r.csv"], "--out and --out name the same file"),
        (["in", "--out", "r.csv", "--manifest", "r.csv"], "--out and --manifest name the same file"),
        (["in", "--out", "r.csv", "--log-file", "./r.csv"], "--out and --log-file name the same file"),
    ],
)
def test_bad_usage_is_2_before_the_model_is_loaded(
    arguments: list[str], words: str, here: Path, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(content: bytes, device: object, **_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("scanner.inference.detector.open_session", load)
    before = sorted(here.rglob("*"))
    run = scan(*arguments)
    assert run.code == 2 and words in run.err and "Traceback" not in run.err
    assert sorted(here.rglob("*")) == before


def test_version_names_libraries_providers_and_the_shipped_model(
    scan: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import weights

    missing = scan("--version")
    sha256 = weights.sha256_file(model)
    (tmp_path / "w.onnx").write_bytes(model.read_bytes())
    card = {"file": "w.onnx", "sha256": sha256, "name": "bright", "version": "3", "license": "CC-BY-4.0"}
    (tmp_path / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr(weights, "WEIGHTS_DIR", tmp_path.parent)
    monkeypatch.setattr(weights, "DEFAULT", tmp_path.name)
    run = scan("--version")
    assert run.code == missing.code == 0
    text = run.out.decode()
    for words in ("deepfake-scanner 0.", "onnxruntime", "pillow", "numpy", "CPUExecutionProvider", sha256, "bright 3",
                  "CC-BY-4.0"):  # fmt: skip
        assert words in text
    (tmp_path / "w.onnx").write_bytes(b"something else")
    assert "have been altered" in scan("--version").out.decode()
