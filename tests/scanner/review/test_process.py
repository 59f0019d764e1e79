"""The command itself: killed and started again, exported, and what the exports are good for."""

from __future__ import annotations

import json
import os
import signal
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from review_process import Client, reviewing, run
from review_reports import row, write_files, write_report


@pytest.mark.slow
def test_a_server_that_is_killed_loses_no_decision(tmp_path: Path) -> None:
    """It is killed while decisions pour in; whatever was answered stands in the file."""
    write_report(tmp_path, write_files(tmp_path, {f"{n}.png": n / 400 for n in range(400)}))
    kept: list[str] = []

    def pour(client: Client) -> None:
        place = client.ask("begin").json()["place"]
        try:
            while len(kept) < 10_000:
                sha256 = client.item(place)["sha256"]
                body = {"place": place, "sha256": sha256, "decision": "fake"}
                place = client.ask("decide", body).json()["place"]
                kept.append(sha256)
        except (OSError, ValueError):
            return  # it is gone

    for number in range(3):
        with reviewing(tmp_path) as running:
            before = len(kept)
            thread = threading.Thread(target=pour, args=(running.client,))
            thread.start()
            while len(kept) < before + 15 and thread.is_alive():
                thread.join(0.01)
            running.process.send_signal(signal.SIGKILL)
            thread.join()
        data = (tmp_path / "report.decisions.jsonl").read_bytes()
        written = [json.loads(line)["sha256"] for line in data.splitlines() if line.endswith(b"}")]
        # The last one may have been written and not answered.
        assert set(kept) <= set(written) and len(written) <= len(kept) + number + 1
        assert len(kept) >= before + 15
    with reviewing(tmp_path) as running:
        assert running.client.item(0)["decided"] == len(set(written))


@pytest.mark.slow
def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    write_report(tmp_path, write_files(tmp_path, {"a.png": 0.9}))
    with reviewing(tmp_path) as running:
        running.client.item(0)
        running.process.send_signal(signal.SIGINT)
        _, said = running.process.communicate(timeout=30)
        assert running.process.returncode == 0 and "decisions are in report.decisions.jsonl" in said


@pytest.mark.slow
def test_what_was_decided_is_a_baseline_and_labels_that_are_measured(
    tmp_path: Path, model: Path, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``scan``, a review, ``scan --baseline`` (exit 0), ``scan-evaluate``: of bright pictures one is a false alarm."""
    monkeypatch.chdir(tmp_path)
    for number, value in enumerate((30, 40, 50, 60, 180, 190, 200, 210)):
        path = tmp_path / "in" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), (value, value, value)).save(path)
    assert shell("in", "--out", "report.jsonl").code == 1
    with reviewing(tmp_path) as running:
        for place in range(8):
            name = running.client.item(place)["names"][0]
            running.client.decide(place, "fake" if name in ("in/6.png", "in/7.png") else "false_alarm")
    words = ["--baseline", "baseline.csv", "--labels", "labels.csv", "--csv", "table.csv", "--summary"]
    done = run(tmp_path, "report.jsonl", *words)
    assert done.returncode == 0, done.stderr
    assert "decided: 8" in done.stdout and "which ones were looked at decides its rates" in done.stderr
    for name in ("in/6.png", "in/7.png"):
        Path(name).rename(tmp_path / Path(name).name)
    assert shell("in", "--out", "again.csv").code == 1
    assert shell("in", "--out", "again.csv", "--baseline", "baseline.csv").code == 0
    for name in ("in/6.png", "in/7.png"):
        (tmp_path / Path(name).name).rename(name)
    from click.testing import CliRunner

    from train.evaluation.cli import evaluate

    result = CliRunner().invoke(
        evaluate, ["in", "--labels", "labels.csv", "--out", "e", "--model", str(model), "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    overall = json.loads(Path("e/evaluation.json").read_text())["overall"]
    assert overall["confusion"] == {"tp": 2, "fp": 2, "tn": 4, "fn": 0}
    assert overall["metrics"]["fpr"]["value"] == pytest.approx(1 / 3) and "FPR at threshold" in result.output


@pytest.mark.slow
def test_what_was_accepted_passes_although_it_says_that_it_is_generated(
    tmp_path: Path, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flagged or not, beside others or in an archive; ``declared`` of the report goes into the baseline."""
    monkeypatch.chdir(tmp_path)
    says = PngImagePlugin.PngInfo()
    says.add_text("parameters", "Steps: 20, Sampler: Euler a, Seed: 1")
    for name, value in (("bright", 200), ("dark", 30), ("member", 40)):
        Image.new("RGB", (30, 20), (value, value, value)).save(f"{name}.png", pnginfo=says)
    Path("in").mkdir()
    for name in ("bright.png", "dark.png"):
        Path(name).rename(f"in/{name}")
    with zipfile.ZipFile("in/a.zip", "w") as archive:
        archive.write("member.png")
    options = ("in", "--archives", "--fail-on", "declared")
    assert shell(*options, "--out", "report.jsonl").code == 1
    with reviewing(tmp_path) as running:
        for place in range(2):
            running.client.decide(place, "false_alarm")
        half = running.client.ask("export?kind=baseline").body
        running.client.decide(2, "false_alarm")
        whole = running.client.ask("export?kind=baseline").body
    for name, data, code in (("half.csv", half, 1), ("whole.csv", whole, 0)):
        Path(name).write_bytes(data)
        assert shell(*options, "--out", "again.csv", "--baseline", name).code == code, name


def test_nothing_to_review_is_no_failure(tmp_path: Path) -> None:
    write_report(tmp_path, [row("a.png", "aa" * 32, None)])
    done = run(tmp_path, "report.jsonl")
    assert done.returncode == 0 and "nothing to review" in done.stderr
    assert os.listdir(tmp_path) == ["report.jsonl", "report.run.json"] or len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report.jsonl", "--sample", "1"], "--sample 1 is too small"),
        (["missing.jsonl"], "cannot be read"),
        (["report.jsonl", "--summary"], "the decisions report.decisions.jsonl cannot be read"),
        (["report.jsonl", "--decisions", "a", "--decisions", "b"], "name one --decisions"),
        (["report.jsonl", "--decisions", "report.run.json"], "holds no decisions of a review"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    write_report(tmp_path, write_files(tmp_path, {"a.png": 0.9, "b.png": 0.1}))
    done = run(tmp_path, *words)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
