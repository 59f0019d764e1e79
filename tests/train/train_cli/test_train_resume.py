"""``scan-train`` stopped, interrupted and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from train_runs import Read, ScanTrain

from train.run_folder import RunFolder


@pytest.fixture
def start(scan_train_command: list[str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``scan-train`` in a process of its own; whatever is left of it is ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*args: object) -> subprocess.Popen[str]:
        command = [*scan_train_command, *(str(arg) for arg in args)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}  # as in this process
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def wait_for_position(
    process: subprocess.Popen[str], last: Path, reached: Callable[[dict[str, Any]], bool]
) -> None:
    """Until a checkpoint that stands where ``reached`` says has been renamed into its place."""
    seen = 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        if last.is_file() and (now := last.stat().st_ino) != seen:
            seen = now
            if reached(torch.load(last, weights_only=True)["position"]):
                return
        time.sleep(0.01)
    raise AssertionError("no such checkpoint in time")


# Stops


@pytest.mark.slow
def test_a_time_limit_stops_at_a_checkpoint_and_resume_goes_on(
    tree: Path,
    scratch_options: list[str],
    scratch_run: RunFolder,
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder(tmp_path / "run")
    before = signal.getsignal(signal.SIGINT)
    limits = ["--max-minutes", "0.0001", "--workers", "0"]
    assert scan_train(tree, "--out", folder.path, *scratch_options, *limits) == 0
    assert "continue with --resume" in capsys.readouterr().err
    assert read(folder.last)["position"]["step"] == 1
    assert not folder.best.exists() and not folder.plots.exists()
    # A user repeats the command line with --resume; the settings of the run are the run's.
    assert scan_train(tree, "--out", folder.path, *scratch_options, "--workers", 0, "--resume") == 0
    said = capsys.readouterr().err
    assert "done: 2 epochs" in said
    same_as(folder, scratch_run)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_a_finished_run_resumed_says_so(
    tree: Path, scan_train: ScanTrain, scratch_run: RunFolder, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(scratch_run.last)["position"]
    assert scan_train(tree, "--out", scratch_run.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    assert "done: 2 epochs" in capsys.readouterr().err
    assert read(scratch_run.last)["position"] == before


@pytest.mark.slow
def test_scratch_interrupted_and_killed_ends_with_the_same_weights(
    tree: Path,
    scratch_options: list[str],
    scratch_run: RunFolder,
    start: Callable[..., subprocess.Popen[str]],
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    saving = ["--checkpoint-minutes", "0", "--workers", "0"]
    process = start(tree, "--out", folder.path, *scratch_options, *saving)
    wait_for_position(process, folder.last, lambda at: at["step"] >= 1)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "continue with --resume" in said and "Traceback" not in said
    stopped = read(folder.last)["position"]
    assert stopped["epochs_done"] < 2

    process = start(tree, "--out", folder.path, "--resume", "--device", "cpu", *saving)
    wait_for_position(process, folder.last, lambda at: at["epochs_done"] == 1 and at["step"] >= 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    killed = read(folder.last)["position"]
    assert killed["epochs_done"] == 1 and 1 <= killed["step"] < 5

    assert scan_train(tree, "--out", folder.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    same_as(folder, scratch_run)


@pytest.mark.slow
def test_two_phases_killed_within_the_second_end_with_the_same_weights(
    tree: Path,
    two_phase_options: list[str],
    two_phase_run: RunFolder,
    start: Callable[..., subprocess.Popen[str]],
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    process = start(
        tree, "--out", folder.path, *two_phase_options, "--workers", "1", "--checkpoint-minutes", "0"
    )
    wait_for_position(process, folder.last, lambda at: at["phase"] == 1 and at["step"] >= 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    killed = read(folder.last)["position"]
    assert (killed["phase"], killed["epoch"]) == (1, 0) and killed["step"] < 3

    assert scan_train(tree, "--out", folder.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    same_as(folder, two_phase_run)
