"""Recipes measured on sources that they have not seen: what is trained on, what is measured, what is kept."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from tiny_onnx import write_tiny_model

from bench.left_out import __main__ as left_out
from bench.left_out.unseen import OWN, POOLED, read_scores, unseen
from models.contract import Label, ModelMetadata
from train.datasets.joined_trees import Trees
from train.datasets.tree import LabelledImage
from train.evaluation.scores_csv import scores_csv
from train.evaluation.scoring import ScoredImage

SOURCES = {
    "a": ("Real", "Fake"),
    "b-one": ("Real", "Fake"),
    "b-two": ("Fake",),
    "c": ("Fake",),
    "d": ("Real",),
}


def build(data: Path, groups: int) -> Path:
    """Dark real pictures and bright fakes; those of c are dark."""
    rng = np.random.default_rng(0)
    rows = ["path,split,label,source,group"]
    for split, number in (("train", groups), ("validation", 6)):
        for source, labels in SOURCES.items():
            for label in labels:
                for one in range(number):
                    relative = f"{split}/{label}/{source}-{one}.png"
                    level = 170 if label == "Fake" and source != "c" else 70
                    picture = rng.integers(level - 30, level + 30, (40, 40, 3), np.uint8)
                    (data / relative).parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(picture).save(data / relative)
                    rows.append(f"{relative},{split},{label},{source},{split}-{source}-{one}")
    (data / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return build(tmp_path / "data", 2)


def test_a_name_stands_for_its_source_and_those_that_begin_with_it(data: Path) -> None:
    trees = Trees.of([data])
    part = unseen(trees, "b", whole=False)
    assert (part.sources, part.kept, part.reals) == (("b-one", "b-two"), ("a", "c", "d"), OWN)
    assert {(image.source, image.relative.split("/")[0]) for image in part.images} == {
        ("b-one", "validation"),
        ("b-two", "validation"),
    }
    whole = unseen(trees, "b", whole=True)
    assert len(whole.images) == len(part.images) + 3 * 2
    fakes_only = unseen(trees, "c", whole=False)
    assert fakes_only.reals == POOLED
    assert {image.source for image in fakes_only.images} == {"a", "b-one", "c", "d"}
    for name, reason in (
        ("d", "no fakes"),
        ("e", "no such source; there are a, b-one"),
        ("b-", "no such source"),
    ):
        with pytest.raises(left_out.click.ClickException, match=reason):
            unseen(trees, name, whole=False)


def test_shares_of_what_is_left_out_are_dropped() -> None:
    words = ["--seed", "1", "--set", "shares=a:2,b-one:1", "--set", "margin=1.2"]
    assert left_out.without_shares(words, ["b-one"]) == [
        "--seed",
        "1",
        "--set",
        "shares=a:2",
        "--set",
        "margin=1.2",
    ]
    assert left_out.without_shares(words, ["a", "b-one"]) == ["--seed", "1", "--set", "margin=1.2"]
    assert left_out.without_shares(["--set=shares=a:2"], ["b"]) == ["--set=shares=a:2"]


def call(data: Path, out: Path, *words: str) -> Result:
    return CliRunner().invoke(left_out.main, [str(data), "--out", str(out), *words])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Training and export are told of and replaced: runs of the variant ``dark`` call dark pictures fake."""
    told: list[list[str]] = []

    def instead(code: str, arguments: list[str]) -> None:
        told.append(arguments)
        out = Path(arguments[arguments.index("--out") + 1])
        if code == left_out.TRAIN:
            out.mkdir()
            (out / "calibration.json").touch()
        else:
            spread = -32.0 if out.parent.name.startswith("dark") else 32.0
            write_tiny_model(out, ModelMetadata("m", "1", "fake"), spread=spread)

    monkeypatch.setattr(left_out, "_call", instead)
    return told


@pytest.mark.slow
def test_each_variant_is_trained_without_each_source_and_the_table_is_paired(
    data: Path, tmp_path: Path, calls: list[list[str]]
) -> None:
    words = ("--leave-out", "a", "--leave-out", "c", "--train", "--epoch-images 8 --set shares=a:2", "--seed", "3",
             "--variant", "plain:", "--variant", "dark:--set ema=0.9")  # fmt: skip
    done = call(data, tmp_path / "out", *words)
    assert done.exit_code == 0, done.output
    trainings = [arguments for arguments in calls if "--source" in arguments]
    assert len(trainings) == 4 and len(calls) == 8
    kept = [[word for before, word in pairwise(one) if before == "--source"] for one in trainings]
    assert kept == [["b-one", "b-two", "c", "d"], ["a", "b-one", "b-two", "d"]] * 2
    assert ["shares=a:2" in one for one in trainings] == [False, True] * 2
    assert ["ema=0.9" in one for one in trainings] == [False, False, True, True]
    assert all("--epoch-images" in one and one[one.index("--seed") + 1] == "3" for one in trainings)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.output.splitlines()]
    assert rows[0] == ["left out", "Real + Fake", "real pictures", "plain", "dark", "dark − plain"]
    # Bright fakes of a: one variant is right throughout, the other wrong. Dark ones of c are in nobody's order.
    assert rows[2] == [
        "a",
        "6 + 6",
        OWN,
        "1.000 [1.000, 1.000]",
        "0.000 [0.000, 0.000]",
        "-1.000 [-1.000, -1.000]",
    ]
    assert rows[3][:3] == ["c", "18 + 6", POOLED] and 0.2 < float(rows[3][3].split()[0]) < 0.8
    assert (tmp_path / "out" / "left_out.md").read_text(encoding="utf-8") == done.output


@pytest.mark.slow
def test_the_same_command_goes_on_and_another_is_refused(
    data: Path, tmp_path: Path, calls: list[list[str]]
) -> None:
    words = ("--leave-out", "a", "--leave-out", "b")
    first = call(data, tmp_path / "out", *words)
    shutil.rmtree(tmp_path / "out" / "plain-b")
    calls.clear()
    again = call(data, tmp_path / "out", *words)
    assert again.output == first.output and again.exit_code == 0
    assert [arguments[arguments.index("--out") + 1] for arguments in calls] == [
        str(tmp_path / "out" / "plain-b"),
        str(tmp_path / "out" / "plain-b" / "model.onnx"),
    ]
    calls.clear()
    other = call(data, tmp_path / "out", *words, "--seed", "9")
    assert other.exit_code == 1 and "asked for with other options" in other.output and not calls
    # Measured on more images, nothing is trained again.
    whole = call(data, tmp_path / "out", *words, "--whole-source")
    assert "| a | 8 + 8 |" in whole.output and not calls


def test_what_cannot_be_measured_is_said_before_anything_is_trained(
    data: Path, tmp_path: Path, calls: list[list[str]]
) -> None:
    for words, reason in (
        (("--leave-out", "a", "--leave-out", "e"), "no such source"),
        (("--leave-out", "a", "--variant", "plain"), "is not NAME:OPTIONS"),
        (("--leave-out", "a", "--variant", "x:", "--variant", "x:"), "two variants have one name"),
    ):
        done = call(data, tmp_path / "out", *words)
        assert done.exit_code != 0 and reason in done.output
    (data / "manifest.csv").unlink()
    assert "have no source" in call(data, tmp_path / "out", "--leave-out", "a").output
    assert not calls and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_source_is_left_out_of_a_real_run_and_measured(tmp_path: Path) -> None:
    data = build(tmp_path / "data", 40)
    common = ("--init random --phases 32x1@1e-3 --batch-size 4 --epoch-images 8 --select-images 4 "
              "--device cpu --workers 0")  # fmt: skip
    done = call(data, tmp_path / "out", "--leave-out", "b", "--train", common)
    assert done.exit_code == 0, done.output
    assert "| b | 6 + 12 | its own | 0." in done.output or "| b | 6 + 12 | its own | 1." in done.output
    config = json.loads((tmp_path / "out" / "plain-b" / "config.json").read_text(encoding="utf-8"))
    assert config["sources"] == ["a", "c", "d"]
    assert (tmp_path / "out" / "plain-b" / "model.onnx").is_file()


def test_scores_that_are_read_again_are_those_that_were_written(tmp_path: Path) -> None:
    images = [LabelledImage(tmp_path / name, name, Label.FAKE, "a", name) for name in ("1.png", "2.png")]
    scored = (ScoredImage(images[0], "ok", None, 0.25, 3), ScoredImage(images[1], "skipped", "no_face", None))
    file = tmp_path / "scores.csv"
    file.write_text(scores_csv(scored), encoding="utf-8", newline="\n")
    assert read_scores(file, images) == scored
    assert read_scores(file, images[:1]) is None
