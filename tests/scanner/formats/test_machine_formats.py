"""JSON Lines, Parquet, SARIF and JUnit are read by the tools they are made for."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from pyarrow import parquet
from written_reports import MIXED, result, written

from models.support.dependencies import MissingExtra
from models.support.errors import ExitCode
from scanner import Finding, Policy
from scanner.judgement.policy import FailOn
from scanner.reports import parquet as parquet_report
from scanner.reports.row import COLUMNS
from scanner.results import Region


def test_json_lines_carry_everything() -> None:
    lines = [json.loads(line) for line in written("jsonl", MIXED).splitlines()]
    assert set(lines[0]) == {*COLUMNS, "schema", "detail", "findings"}
    assert lines[0]["findings"] == [
        {"logit": 1.5, "prob_fake": 0.9, "region": [0.0, 0.0, 1.0, 1.0], "frame": 0, "time": None}
    ]
    assert (lines[0]["verdict"], lines[1]["verdict"], lines[2]["verdict"]) == ("fake", "inconclusive", "real")
    assert (lines[3]["error"], lines[3]["detail"], lines[3]["prob_fake"]) == (
        "corrupt_image",
        "cut < off",
        None,
    )


def test_parquet_has_types_and_knows_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_report, "ROWS_AT_ONCE", 4)
    table = parquet.read_table(io.BytesIO(written("parquet", MIXED)))
    frame = table.to_pandas()
    assert tuple(frame.columns) == (*COLUMNS, "findings") and len(frame) == len(MIXED)
    kinds = {name: str(frame[name].dtype) for name in ("status", "prob_fake", "verdict", "frames", "bytes")}
    assert (kinds["prob_fake"], kinds["status"], kinds["verdict"]) == ("float64", "category", "category")
    assert frame["prob_fake"].isna().tolist()[:5] == [False, False, False, True, True]
    assert table.schema.metadata[b"model"] == b"ab" * 32 and b"1.2.3" in table.schema.metadata[b"tool"]


_FIRST = Finding(0.5, 0.2, Region(0.0, 0.1, 0.25, 0.6), face=0.8)


_SECOND = Finding(1.5, 0.9, Region(0.5, 0.0, 1.0, 1.0), face=0.9)


TWO_FACES = replace(result("two.png"), faces=2, findings=(_FIRST, _SECOND))


def test_parquet_lists_the_findings_as_json_lines_do() -> None:
    tables = [
        parquet.read_table(io.BytesIO(written("parquet", [TWO_FACES, *MIXED[:4]])))["findings"].to_pylist(),
        [json.loads(line)["findings"] for line in written("jsonl", [TWO_FACES, *MIXED[:4]]).splitlines()],
    ]
    assert tables[0][0] == [{**one, "track": None} for one in tables[1][0]] and len(tables[0][0]) == 2
    assert tables[0][1] == [{**one, "face": None, "track": None} for one in tables[1][1]], (
        "no face was looked for"
    )
    assert tables[0][4] == tables[1][4] == [], "a file that could not be read has none"


def test_sarif_and_junit_say_which_face_decides() -> None:
    (found,) = json.loads(written("sarif", [TWO_FACES]))["runs"][0]["results"]
    where = "0.5000 0.0000 1.0000 1.0000"
    assert found["properties"] == {"faces": 2, "where": where}
    assert found["message"]["text"] == "fake: prob_fake 0.900000 (threshold 0.7), face 2 of 2"
    (failure,) = ElementTree.fromstring(written("junit", [TWO_FACES])).iter("failure")
    assert failure.text == f"fake: prob_fake 0.900000, from 0.7 up; face 2 of 2, at {where}"
    (whole,) = json.loads(written("sarif", [MIXED[0]]))["runs"][0]["results"]
    assert "properties" not in whole and "face" not in whole["message"]["text"]


def test_without_pyarrow_a_parquet_report_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"needs pyarrow: pip install .*deepfake-scanner\[parquet\]"):
        written("parquet", [])


def test_a_pyarrow_that_is_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('libarrow.so.2500: cannot open')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"pyarrow, which is installed and cannot be loaded .*libarrow"):
        written("parquet", [])


@pytest.mark.parametrize(
    ("fail_on", "failures"), [(FailOn.FAKE, 17), (FailOn.INCONCLUSIVE, 18), (FailOn.NEVER, 0)]
)
def test_junit_is_what_ci_servers_count(fail_on: FailOn, failures: int) -> None:
    data = written("junit", MIXED, fail_on)
    suites = JUnitXml.fromstring(data)
    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == (len(MIXED), failures, 1, 1)
    cases = ElementTree.fromstring(data).findall("testsuite/testcase")
    assert sum(case.find("failure") is not None for case in cases) == failures
    assert cases[3].find("error").attrib == {"type": "corrupt_image", "message": "corrupt_image: cut < off"}
    assert cases[4].find("skipped").get("message") == "unsupported_media"
    if failures:
        assert cases[0].find("failure").get("message") == "fake: prob_fake 0.900000, from 0.7 up"
    reasons = [reason for case in cases for reason in case if reason.tag in ("failure", "error", "skipped")]
    assert len(reasons) == failures + 2
    # GitLab shows the content, and nothing where there is none.
    assert all(reason.text and reason.text == reason.get("message") for reason in reasons)


@given(st.lists(st.text(min_size=1).filter(lambda name: "\x00" not in name), max_size=5))
def test_any_name_is_valid_xml(names: list[str]) -> None:
    try:
        results = [result(name, 0.9) for name in names]
    except UnicodeEncodeError:
        return  # names no file
    root = ElementTree.fromstring(written("junit", results))
    assert len(list(root.iter("failure"))) == len(results)


@pytest.mark.parametrize(
    ("fail_on", "rules"),
    [(FailOn.FAKE, {"fake": 17}), (FailOn.INCONCLUSIVE, {"fake": 17, "inconclusive": 1}), (FailOn.NEVER, {})],
)
def test_sarif_has_what_matches_and_what_could_not_be_read(fail_on: FailOn, rules: dict[str, int]) -> None:
    log = json.loads(written("sarif", MIXED, fail_on))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    known = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    counted: dict[str, int] = {}
    for one in run["results"]:
        assert known[one["ruleIndex"]] == one["ruleId"] and 0 <= one["rank"] <= 100
        assert one["level"] == {"fake": "error", "inconclusive": "warning"}[one["ruleId"]]
        assert re.fullmatch("[0-9a-f]{64}", one["partialFingerprints"]["sha256/v1"])
        assert one["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1}
        counted[one["ruleId"]] = counted.get(one["ruleId"], 0) + 1
    assert counted == rules
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, ExitCode.INCOMPLETE)
    notes = [(note["level"], note["descriptor"]["id"]) for note in invocation["toolExecutionNotifications"]]
    assert notes == [("error", "corrupt_image"), ("note", "unsupported_media")]
    clean = json.loads(written("sarif", MIXED[:3]))["runs"][0]["invocations"][0]
    assert (clean["executionSuccessful"], clean["exitCode"]) == (True, 1)


def test_the_threshold_of_several_faces_decides_and_is_named() -> None:
    policy = Policy(0.7, 0.5, "model default", (0.7, 0.8, 0.95))
    portrait, group, crowd = (
        replace(result(f"{faces}.png"), faces=faces, findings=(Finding(0.0, 0.9),) * faces)
        for faces in (1, 2, 9)
    )
    results = [portrait, group, crowd]

    def text(format_: str) -> str:
        return written(format_, results, FailOn.INCONCLUSIVE, policy).decode()

    rows = list(csv.DictReader(io.StringIO(text("csv"))))
    assert [row["verdict"] for row in rows] == ["fake", "fake", "inconclusive"]
    by_printed = [policy.threshold_of(int(row["faces"])) for row in rows]
    assert [float(row["prob_fake"]) >= at for row, at in zip(rows, by_printed, strict=True)] == [
        True,
        True,
        False,
    ]
    run = json.loads(text("sarif"))["runs"][0]
    assert {one["message"]["text"].rpartition("prob_fake ")[2] for one in run["results"]} == {
        f"0.900000 (threshold {at:g})" for at in by_printed
    }
    assert [one["level"] for one in run["results"]].count("error") == 2
    assert run["properties"]["thresholds_by_faces"] == [0.7, 0.8, 0.95]
    limits = re.findall(r'message="\w+: prob_fake 0.900000, from ([\d.]+) up"', text("junit"))
    assert limits == ["0.7", "0.8", "0.5"]
    assert "threshold 0.7 (model default, for one face)" in text("html")
