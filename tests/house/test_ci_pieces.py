"""The pieces for CI as they ship: the action's script with the runner's files, the hook by pre-commit itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ci_given import ACTION, commit, git, picture


@pytest.mark.slow
def test_two_fakes_that_are_added_fail_the_job_and_are_named(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "new" / "one.png", 250)
    picture(repository / "new" / "a|b <i>.png", 245)
    (repository / "notes.txt").write_text("other text\n")
    commit("fakes")
    step = action(changed_since=before)
    assert (step.code, step.exit_code) == (0, 1)
    assert step.outputs["files"] == step.outputs["fake"] == "2"
    assert "new/one.png" in step.summary and "a&#124;b &lt;i&gt;.png" in step.summary
    assert "known" not in step.summary and "| 2 | 2 | 0 | 0 | 0 | 0 |" in step.summary
    for name in ("report.csv", "report.sarif", "report.html", "report.run.json"):
        assert (repository / "deepfake-scan" / name).exists()


@pytest.mark.slow
def test_they_pass_with_a_baseline(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "new" / "one.png", 250)
    commit("fake")
    assert action(changed_since=before).exit_code == 1
    shutil.copy("deepfake-scan/report.csv", "known.csv")
    step = action(changed_since=before, baseline="known.csv")
    assert step.exit_code == 0 and "(known)" in step.summary and step.outputs["fake"] == "1"


@pytest.mark.slow
def test_a_text_and_deleted_pictures_pass(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / "old" / "known.png").unlink()
    (repository / "notes.txt").write_text("other text\n")
    (repository / "fake.txt").write_bytes(b"no picture")
    commit("no pictures")
    step = action(changed_since=before)
    assert step.exit_code == 0 and step.outputs["files"] == "0"


@pytest.mark.slow
def test_only_what_lies_below_paths_is_looked_at(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "assets" / "[x]" / "deep" / "a.PNG", 250)
    picture(repository / "elsewhere" / "b.png", 250)
    commit("fakes")
    assert action(changed_since=before, paths="assets").outputs["files"] == "1"
    assert action(changed_since=before, paths="assets/[x]\nelsewhere").outputs["files"] == "2"


@pytest.mark.slow
def test_what_is_left_out_of_a_change_is_told(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / ".scanignore").write_text("# not ours\nvendor/\n*.x.png\n")
    for name in ("vendor/a.png", "b.x.png", "new/c.png"):
        picture(repository / name, 250)
    commit("fakes, and a way to hide some")
    step = action(changed_since=before)
    assert step.exit_code == 1 and (step.outputs["files"], step.outputs["fake"]) == ("3", "1")
    assert "| new/c.png |" in step.summary and "| vendor/a.png |" not in step.summary
    assert "**Not looked at:** 2 changed pictures (.scanignore files: .scanignore)." in step.summary
    whole = action()
    assert "**Not looked at:** 1 ignored files, 1 ignored folders (.scanignore" in whole.summary
    assert "Not looked at" not in action(paths="new").summary


@pytest.mark.slow
def test_a_job_can_look_at_everything(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / ".scanignore").write_text("*\n")
    picture(repository / "new.png", 250)
    commit("a hidden fake")
    assert action(changed_since=before).exit_code == 0
    step = action(changed_since=before, scanignore="false")
    assert step.exit_code == 1 and step.outputs["fake"] == "1" and "Not looked at" not in step.summary


@pytest.mark.slow
def test_without_a_commit_everything_is_scanned(repository: Path, action: Any) -> None:
    step = action()
    assert step.exit_code == 1 and step.outputs["files"] == "2" and "known.png" in step.summary
    assert action(paths="dark.png\nnotes.txt").exit_code == 2, "named, and no picture"
    assert action(fail_on="never").exit_code == 0


@pytest.mark.slow
def test_a_scan_that_cannot_run_fails_the_job_and_says_so(repository: Path, action: Any) -> None:
    assert action().exit_code == 1
    step = action(threshold="nonsense")
    assert step.exit_code == 2 and "did not run to its end" in step.summary and step.outputs["report"] == ""
    step = action(changed_since="0" * 40)
    assert step.code != 0 and "is the commit checked out?" in step.err


@pytest.mark.slow
def test_modules_of_our_names_in_a_repository_are_not_run(
    repository: Path, action: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("models", "scanner", "click", "json", "deepfake_scanner_launcher"):
        (repository / f"{name}.py").write_text("raise SystemExit(0)\n")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    step = action(paths="old")
    assert step.exit_code == 1 and step.outputs["files"] == "1", step.err


def test_no_input_can_become_a_command() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


def test_the_last_step_ends_as_the_scan_did() -> None:
    last = ACTION["runs"]["steps"][-1]
    for code in (0, 1, 2):
        done = subprocess.run(["bash", "-c", last["run"]], env={"EXIT_CODE": str(code)}, check=False)
        assert done.returncode == code
    assert {"report", "files", "fake", "errors", "exit-code"} <= ACTION["outputs"].keys()


@pytest.mark.slow
def test_the_hook_stops_two_fakes_and_names_them(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    picture(repository / "new" / "two.png", 245)
    done = hook()
    assert done.returncode == 1 and "new/one.png,ok," in done.stdout and "new/two.png,ok," in done.stdout


@pytest.mark.slow
def test_the_hook_runs_no_module_of_the_repository(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    for name in ("models", "scanner", "click"):
        (repository / f"{name}.py").write_text("raise SystemExit(0)\n")
    done = hook(PYTHONPATH=str(repository))
    assert done.returncode == 1 and "new/one.png,ok," in done.stdout, done.stdout


@pytest.mark.slow
def test_the_hook_leaves_out_what_scanignore_names(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    (repository / ".scanignore").write_text("new/\n")
    assert hook().returncode == 0
    assert hook(SCAN_NO_SCANIGNORE="1").returncode == 1


@pytest.mark.slow
def test_the_hook_passes_with_a_baseline_with_texts_and_with_deleted_pictures(
    repository: Path, hook: Any, model: Path
) -> None:
    picture(repository / "new" / "one.png", 250)
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "new", "--out", "known.csv"]
    subprocess.run([*command, "--model", str(model)], check=False, capture_output=True)
    done = hook(SCAN_BASELINE="known.csv")
    assert done.returncode == 0, done.stdout
    commit("known fake")
    (repository / "notes.txt").write_text("other text\n")
    (repository / "old" / "known.png").unlink()
    done = hook()
    assert done.returncode == 0, done.stdout
