"""``--fail-on declared``, and how each report shows what a file says of itself."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from metadata_files import A1111, PHOTO, SAYS, png_texts
from pyarrow import parquet

from models.support.errors import ExitCode
from scanner.reports.row import COLUMNS

OUTS = ("r.csv", "r.jsonl", "r.parquet", "r.sarif", "r.xml", "r.html")


@pytest.fixture
def folder(inside: Path) -> Path:
    """Dark pictures, none of which the model flags; the last cannot be decoded and says what it is."""
    generated = png_texts(parameters=A1111)()
    (inside / "a generated.png").write_bytes(generated)
    (inside / "b edited.jpg").write_bytes(SAYS["edited"]["Photoshop"].in_format("JPEG"))
    (inside / "c camera.webp").write_bytes(PHOTO.in_format("WEBP"))
    (inside / "d plain.png").write_bytes(png_texts(Title="x")())
    (inside / "e cut.png").write_bytes(generated[:-30])
    return inside


@pytest.fixture
def run(folder: Path, scan: Callable[..., Any], model: Path) -> Callable[..., Any]:
    outs = [word for name in OUTS for word in ("--out", name)]

    def run(*options: Any) -> Any:
        return scan("in", *outs, "--model", model, "--max-errors", 1, *options)

    return run


def test_a_file_that_says_so_fails_the_scan_whatever_its_score(run: Any, rows_of: Any) -> None:
    assert run().code == ExitCode.OK
    assert run("--fail-on", "declared").code == ExitCode.FINDINGS
    assert run("--fail-on", "declared", "--exit-zero").code == ExitCode.OK
    rows = rows_of(Path("r.csv"))
    assert [row["declared"] for row in rows] == ["generated", "edited", "camera", "", "generated"]
    assert [row["status"] for row in rows][-1] == "error"
    assert {row["verdict"] for row in rows} == {"real", ""}


def test_edits_and_cameras_fail_nothing(run: Any, folder: Path) -> None:
    (folder / "a generated.png").unlink()
    (folder / "e cut.png").unlink()
    assert run("--fail-on", "declared").code == ExitCode.OK


def test_a_fake_fails_it_too(run: Any, folder: Path, grey: Any) -> None:
    for name in ("a generated.png", "e cut.png"):
        (folder / name).unlink()
    grey(folder / "fake.png", 250)
    assert run("--fail-on", "declared").code == ExitCode.FINDINGS


def test_what_the_baseline_had_declared_is_known(run: Any, scan: Any, model: Path, rows_of: Any) -> None:
    run()
    Path("r.csv").rename("known.csv")
    assert run("--fail-on", "declared", "--baseline", "known.csv").code == ExitCode.OK
    assert [row["baseline"] for row in rows_of(Path("r.csv"))] == ["known", "", "", "", "known"]
    # A finding only where it is asked for.
    run("--baseline", "known.csv")
    assert {row["baseline"] for row in rows_of(Path("r.csv"))} == {""}
    # Of a report without the column, nothing is known.
    lines = Path("known.csv").read_text().splitlines()
    newer = len(COLUMNS) - COLUMNS.index("declared")
    Path("old.csv").write_text("\n".join(line.rsplit(",", newer)[0] for line in lines) + "\n")
    assert run("--fail-on", "declared", "--baseline", "old.csv").code == ExitCode.FINDINGS


def test_every_report_says_it(run: Any) -> None:
    run("--fail-on", "declared")
    words = ["generated", "edited", "camera", None, "generated"]
    assert [json.loads(line)["declared"] for line in Path("r.jsonl").read_text().splitlines()] == words
    assert parquet.read_table(io.BytesIO(Path("r.parquet").read_bytes()))["declared"].to_pylist() == words
    page = Path("r.html").read_text()
    assert page.count("the file says of itself: ") == 3
    assert "<b>2</b>say of themselves: generated" in page
    assert json.loads(Path("r.run.json").read_text())["counts"]["declared"] == {
        "generated": 2,
        "edited": 1,
        "camera": 1,
    }


def test_sarif_has_a_rule_of_its_own(run: Any) -> None:
    run("--fail-on", "declared")
    (entry,) = json.loads(Path("r.sarif").read_text())["runs"]
    rules = [rule["id"] for rule in entry["tool"]["driver"]["rules"]]
    results = entry["results"]
    assert rules == ["fake", "inconclusive", "declared-generated"]
    assert [rules[one["ruleIndex"]] for one in results] == [one["ruleId"] for one in results]
    assert [one["ruleId"] for one in results] == ["declared-generated"] * 2
    assert results[0]["properties"] == {"provenance": "png_text=parameters", "declared": "generated"}
    assert results[0]["message"]["text"].startswith("not flagged: prob_fake 0.")
    assert results[0]["message"]["text"].endswith(", says of itself: generated (png_text=parameters)")
    # The one that cannot be decoded has no rank, and is told of as unread, too.
    assert "rank" not in results[1]
    assert [note["descriptor"]["id"] for note in entry["invocations"][0]["toolExecutionNotifications"]] == [
        "corrupt_image"
    ]
    run()
    (entry,) = json.loads(Path("r.sarif").read_text())["runs"]
    assert len(entry["tool"]["driver"]["rules"]) == 2 and entry["results"] == []


def test_junit_counts_it_as_a_failure(run: Any) -> None:
    run("--fail-on", "declared")
    suites = ElementTree.parse("r.xml").getroot()
    assert (suites.get("failures"), suites.get("errors"), suites.get("skipped")) == ("1", "1", "0")
    (failure,) = suites.iter("failure")
    assert failure.get("type") == "declared generated"
    assert failure.get("message") == "says of itself: generated (png_text=parameters)"


def test_a_skipped_picture_that_says_so_is_a_failure_and_no_skip(
    inside: Path, scan: Callable[..., Any], faces_model: Path
) -> None:
    (inside / "no face.png").write_bytes(png_texts(workflow="{}")())
    options = ("in", "--out", "r.csv", "--out", "r.xml", "--model", faces_model)
    assert scan(*options).code == ExitCode.OK
    assert ElementTree.parse("r.xml").getroot().get("skipped") == "1"
    assert scan(*options, "--fail-on", "declared").code == ExitCode.FINDINGS
    suites = ElementTree.parse("r.xml").getroot()
    assert (suites.get("failures"), suites.get("skipped")) == ("1", "0")


def test_the_summary_counts_them(run: Any) -> None:
    assert "what files say of themselves: 2 generated, 1 edited, 1 camera" in run().err
