"""The report from synthetic scores: nothing dropped, no NaN, no cell that a spreadsheet computes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from models.contract import Label, ModelMetadata, Threshold
from models.support.errors import Failure, OutputError
from scanner import ErrorCode, FileResult, Finding, Status
from train.datasets.tree import LabelledImage
from train.evaluation.protocol import ChosenThreshold, choose_threshold, evaluate
from train.evaluation.report import write_evaluation
from train.evaluation.report_json import as_json
from train.evaluation.report_markdown import as_markdown
from train.evaluation.scores_csv import scores_csv
from train.evaluation.scoring import ScoredImage, score, scored
from train.evaluation.subject import Subject

SUBJECT = Subject(
    model_file="m.onnx",
    model_sha256="ab" * 32,
    model_name="tiny",
    model_version="7",
    calibrated=False,
    data="faces",
    split="validation",
    manifest=None,
    device="cpu",
    provider="CPUExecutionProvider",
)
HALF = ChosenThreshold(0.5, "--threshold")


def one(
    name: str, label: Label, prob: float | None, *, source: str | None = None, group: str | None = None
) -> ScoredImage:
    relative = f"validation/{label.title}/{name}"
    image = LabelledImage(Path("/data", relative), relative, label, source, group)
    if prob is None:
        return ScoredImage(image, "error", "corrupt_image", None)
    return ScoredImage(image, "ok", None, prob)


@pytest.fixture
def images() -> list[ScoredImage]:
    real, fake = Label.REAL, Label.FAKE
    return [
        one("a.jpg", fake, 0.9, source="swap", group="g1"),
        one("b.jpg", fake, 0.4, source="swap", group="g2"),
        one("c.jpg", fake, None, source="swap", group="g2"),
        one("d.jpg", fake, 0.7, source="gan"),
        one("e.jpg", real, 0.1, source="swap", group="g1"),
        one("f.jpg", real, 0.6, source="swap", group="g2"),
        one("g.jpg", real, 0.2),
    ]


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} in JSON")


def test_json_counts_everything_and_measures_what_was_scored(images) -> None:
    text = as_json(SUBJECT, evaluate(images, HALF, resamples=40, seed=1))
    document = json.loads(text, parse_constant=no_constant)
    overall = document["overall"]
    assert overall["images"] == {
        "scored": 6, "real": 3, "fake": 3, "not_scored": 1, "not_scored_by_error": {"corrupt_image": 1},
    }  # fmt: skip
    # Two groups of the manifest and two images without one.
    assert overall["groups"] == 4
    assert overall["confusion"] == {"tp": 2, "fp": 1, "tn": 2, "fn": 1}
    auc = overall["metrics"]["roc_auc"]
    assert auc["value"] == pytest.approx(8 / 9)
    assert auc["interval"][0] <= auc["value"] <= auc["interval"][1]
    assert document["not_scored"] == [
        {"path": "validation/Fake/c.jpg", "label": "Fake", "status": "error", "error": "corrupt_image"}
    ]
    assert document["threshold"] == {"value": 0.5, "origin": "--threshold"}
    assert (document["schema"], document["model"]["sha256"]) == (1, "ab" * 32)
    assert document["versions"]["scikit-learn"]


def test_each_source_is_measured_alone_and_what_it_cannot_say_is_null(images) -> None:
    document = json.loads(as_json(SUBJECT, evaluate(images, HALF, resamples=20)), parse_constant=no_constant)
    assert list(document["by_source"]) == ["gan", "swap"]
    gan, swap = document["by_source"]["gan"], document["by_source"]["swap"]
    assert gan["metrics"]["roc_auc"] == {"value": None, "interval": None, "undefined_resamples": None}
    assert gan["metrics"]["recall"]["value"] == 1.0
    assert swap["metrics"]["roc_auc"]["value"] == pytest.approx(3 / 4)
    assert swap["images"]["not_scored_by_error"] == {"corrupt_image": 1}


def test_the_table_says_figures_intervals_and_missing_images(images) -> None:
    text = as_markdown(SUBJECT, evaluate(images, HALF, resamples=40))
    assert "**Could not be scored: 1** (corrupt_image 1)" in text
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    cells = [cell.strip() for cell in rows["ROC-AUC"].strip("|").split("|")]
    assert cells[1].startswith("0.889 [")
    assert cells[2] == "undefined"
    assert "3 + 3" in rows["Images (Real + Fake)"]
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


def test_many_sources_are_split_into_tables_that_lose_none() -> None:
    scores = [one(f"{i}.jpg", Label(i % 2), i / 20, source=f"source {i // 2}") for i in range(20)]
    text = as_markdown(SUBJECT, evaluate(scores, HALF, resamples=0))
    assert all(f" source {i} " in text for i in range(10))
    assert text.count("ROC-AUC") == 3
    assert "bootstrap" not in text


def test_scores_csv_has_every_image_in_order(images) -> None:
    table = pd.read_csv(io.StringIO(scores_csv(images)))
    assert list(table.columns) == [
        "path",
        "label",
        "source",
        "group",
        "prob_fake",
        "status",
        "error",
        "faces",
    ]
    assert table["path"].tolist() == [image.image.relative for image in images]
    assert table["prob_fake"].isna().tolist() == [image.prob_fake is None for image in images]
    assert table.loc[2, ["status", "error"]].tolist() == ["error", "corrupt_image"]


def test_no_cell_of_the_scores_is_a_formula_and_odd_names_are_valid_text() -> None:
    odd = one("x,\udcff\n.jpg", Label.REAL, 0.25, source="=1+1", group="@g\udcfe")
    text = scores_csv([replace(odd, image=replace(odd.image, relative="=x\udcff.jpg"))])
    text.encode("utf-8")
    table = pd.read_csv(io.StringIO(text))
    assert table.iloc[0, :5].tolist() == ["./=x\\xff.jpg", "Real", "\\x3d1+1", "\\x40g\\xfe", 0.25]
    as_json(SUBJECT, evaluate([odd], HALF, resamples=0)).encode("utf-8")
    as_markdown(SUBJECT, evaluate([odd], HALF, resamples=0)).encode("utf-8")


@pytest.mark.slow
def test_all_files_are_written_whole_and_no_other(images, tmp_path: Path) -> None:
    evaluation = evaluate(images, HALF, resamples=10)
    names = {path.name for path in write_evaluation(tmp_path, SUBJECT, evaluation, images)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert names >= {"evaluation.json", "evaluation.md", "evaluation.html", "scores.csv", "roc.png"}
    before = (tmp_path / "evaluation.json").read_bytes()
    write_evaluation(tmp_path, SUBJECT, evaluation, images)
    assert (tmp_path / "evaluation.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_sentence(images, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone.roc\.png cannot be written: No such file"):
        write_evaluation(tmp_path / "gone", SUBJECT, evaluate(images, HALF, resamples=0), images)


def test_nothing_scored_still_makes_a_report() -> None:
    evaluation = evaluate([one("a.jpg", Label.FAKE, None)], HALF, resamples=10)
    document = json.loads(as_json(SUBJECT, evaluation), parse_constant=no_constant)
    assert document["overall"]["images"]["not_scored"] == 1
    assert document["overall"]["metrics"]["accuracy"]["value"] is None


def test_the_probability_is_the_one_that_a_report_prints() -> None:
    image = one("a.jpg", Label.FAKE, 0.0).image
    finding = Finding(logit=0.0, prob_fake=0.12345678)
    result = FileResult("a.jpg", Status.OK, findings=(finding,))
    assert scored(image, result) == ScoredImage(image, "ok", None, 0.123457)
    failed = FileResult("a.jpg", Status.ERROR, error=ErrorCode.EMPTY_FILE)
    assert scored(image, failed) == ScoredImage(image, "error", "empty_file", None)


@pytest.mark.parametrize("order", [(1, 0), (0,), (0, 1, 1)])
def test_a_score_on_the_wrong_file_or_a_lost_one_stops_the_evaluation(order, monkeypatch) -> None:
    images = [one("a.jpg", Label.FAKE, 0.5).image, one("b.jpg", Label.FAKE, 0.5).image]
    results = [FileResult(str(image.path), Status.OK, findings=(Finding(0.0, 0.5),)) for image in images]
    monkeypatch.setattr("scanner.scan_files", lambda *args, **kwargs: iter(results), raising=False)
    assert [item.image for item in score(images, None)] == images
    monkeypatch.setattr(
        "scanner.scan_files", lambda *args, **kwargs: (results[i] for i in order), raising=False
    )
    with pytest.raises((RuntimeError, ValueError)):
        list(score(images, None))


def test_the_threshold_is_the_users_or_the_models() -> None:
    bare = ModelMetadata("m", "1", "fake")
    tuned = replace(bare, thresholds={"fpr1": Threshold(0.9), "default": Threshold(0.7)})
    assert choose_threshold(None, bare) == ChosenThreshold(0.5, "uncalibrated default")
    assert choose_threshold(None, tuned) == ChosenThreshold(0.7, "model default")
    assert choose_threshold("fpr1", tuned) == ChosenThreshold(0.9, "fpr1")
    assert choose_threshold("0.25", tuned) == ChosenThreshold(0.25, "option")


@pytest.mark.parametrize("asked", ["fpr1", "1.5", "-0.1", "nan", "half"])
def test_a_threshold_that_is_none_is_refused(asked: str) -> None:
    with pytest.raises(Failure, match="--threshold"):
        choose_threshold(asked, ModelMetadata("m", "1", "fake"))


def test_an_image_of_several_faces_is_flagged_at_their_threshold(images: list[ScoredImage]) -> None:
    by_faces = ChosenThreshold(0.5, "model default", (0.5, 0.8))
    several = [replace(image, faces=3) for image in images]
    assert evaluate(images, by_faces).overall.confusion == evaluate(images, HALF).overall.confusion
    raised = evaluate(several, by_faces).overall
    assert raised.confusion == evaluate(images, ChosenThreshold(0.8, "option")).overall.confusion
    assert raised.intervals == evaluate(images, ChosenThreshold(0.8, "option")).overall.intervals
    document = json.loads(as_json(SUBJECT, evaluate(several, by_faces)))
    assert document["threshold"] == {"value": 0.5, "origin": "model default", "by_faces": [0.5, 0.8]}
    assert "prob_fake ≥ 0.5 (model default, for one face)" in as_markdown(
        SUBJECT, evaluate(several, by_faces)
    )


def test_scores_csv_has_the_number_of_faces(images: list[ScoredImage]) -> None:
    table = pd.read_csv(io.StringIO(scores_csv([replace(image, faces=3) for image in images])))
    assert (table["faces"].dropna() == 3).all() and (table["faces"].isna() == table["prob_fake"].isna()).all()


def test_sources_that_were_left_out_are_told_everywhere() -> None:
    scores = [0.1, 0.2, 0.3, 0.9]
    reals = [one(f"{name}{p}.jpg", Label.REAL, p, source=name) for name in ("=a|b", "c") for p in scores]
    evaluation = evaluate(reals, HALF, resamples=20)
    document = json.loads(as_json(SUBJECT, evaluation))["held_out_sources"]
    assert document["rate"] == 0.05 and document["by_source"]["c"]["chosen_on"] == 4
    assert (document["by_source"]["c"]["flagged"], document["by_source"]["c"]["threshold"]) == (0, 0.900001)
    text = as_markdown(SUBJECT, evaluation)
    assert "## False positives on a source that had no part in the threshold" in text
    assert "| =a\\|b " in text and "at most 0.0%" in text
    alone = evaluate(reals[:4], HALF, resamples=0)
    assert json.loads(as_json(SUBJECT, alone))["held_out_sources"] is None
    assert "no part in the threshold" not in as_markdown(SUBJECT, alone)
