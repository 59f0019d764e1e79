"""Every format holds every file, is read by the tools it is made for, and lets no file name steer a reader."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from memory_sink import MemorySink
from pyarrow import parquet
from run_facts import run_facts

from models.support.dependencies import MissingExtra
from models.support.errors import ExitCode, OutputError
from scanner import FileResult, Finding, Policy, Status, cli, encode_path
from scanner.judgement.judging import Judged
from scanner.judgement.policy import FailOn, Gate
from scanner.judgement.tally import Tally
from scanner.reports import parquet as parquet_report
from scanner.reports import spool
from scanner.reports.formats import FORMATS, SUFFIXES, format_of
from scanner.reports.report import ReportContext, RunEnd
from scanner.reports.row import COLUMNS
from scanner.results import ErrorCode, Region

HOSTILE = (
    "<script>alert(1)</script>.jpg", "</script><img src=x onerror=alert(1)>.png", "<!--.png", "a&b\"c'd.png", "]]>.png",
    "caf\udce9.png", "tab\there.png", "new\nline.png", "\x1b[31mred.png", "\x01.png",
    "\ufffe.png", "https:evil.png", "=cmd.png", "a b%20c#d?e.png", "\u202egnp.exe", "日本.png",
)  # fmt: skip


def result(name: str, prob_fake: float | None = 0.25, **facts: Any) -> FileResult:
    known: dict[str, Any] = {
        "format": "PNG", "width": 12, "height": 10, "bytes": 321,
        "sha256": hashlib.sha256(repr(name).encode()).hexdigest(), "frames": 1,
    }  # fmt: skip
    if prob_fake is None:
        return FileResult(encode_path(name), **facts)
    return FileResult(encode_path(name), Status.OK, findings=(Finding(1.5, prob_fake),), **known | facts)


MIXED = [
    result("a.png", 0.9),
    result("in/b.png", 0.6),
    result("in/c.png", 0.1),
    result("in/d.png", None, status=Status.ERROR, error=ErrorCode.CORRUPT_IMAGE, detail="cut < off", bytes=7),
    result("/abs/e.mp4", None, status=Status.SKIPPED, error=ErrorCode.UNSUPPORTED_MEDIA, bytes=9),
    *(result(f"odd/{name}", 0.95) for name in HOSTILE),
]


ONE_THRESHOLD = Policy(0.7, 0.5, "option")


def written(
    format_: str,
    results: list[FileResult],
    fail_on: FailOn = FailOn.FAKE,
    policy: Policy = ONE_THRESHOLD,
) -> bytes:
    gate = Gate(fail_on)
    facts = run_facts(policy, gate, model="<m>")
    sink, tally = MemorySink(), Tally()
    report = FORMATS[format_].make(sink, ReportContext(facts))
    report.begin()
    for one in results:
        verdict = policy.verdict(one)
        report.add(Judged(one, verdict))
        tally.statuses[one.status] += 1
        if verdict is not None:
            tally.verdicts[verdict] += 1
        if one.error is not None:
            tally.errors[one.error] += 1
    code = gate.exit_code(tally.errors, tally.verdicts)
    report.end(RunEnd(tally, code, 1.5))
    return sink.data


def names_in(format_: str, data: bytes) -> list[str]:
    match format_:
        case "csv" | "findings":
            return [row["path"] for row in csv.DictReader(io.StringIO(data.decode(), newline=""))]
        case "jsonl":
            return [json.loads(line)["path"] for line in data.splitlines()]
        case "parquet":
            return list(parquet.read_table(io.BytesIO(data))["path"].to_pylist())
        case "junit":
            return [case.get("file", "") for case in ElementTree.fromstring(data).iter("testcase")]
        case "html":
            rows = re.search(rb'<script type="application/json" id="rows">(.*?)</script>', data, re.DOTALL)
            assert rows
            return [row[0] for row in json.loads(rows[1])]
        case "sarif":
            run = json.loads(data)["runs"][0]
            found = [*run["results"], *run["invocations"][0]["toolExecutionNotifications"]]
            return [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in found]


@pytest.mark.parametrize("format_", [one for one in FORMATS if one != "sarif"])
def test_every_file_is_in_every_format(format_: str) -> None:
    # The one about scores holds the files that have some.
    expected = [one.path for one in MIXED if one.findings or format_ != "findings"]
    if format_ == "junit":  # XML has no way to say these characters
        expected = [re.sub("[\x01\t\n\x1b\ufffe]", "\ufffd", name) for name in expected]
    assert names_in(format_, written(format_, MIXED)) == expected


@pytest.mark.parametrize("format_", FORMATS)
def test_no_file_at_all_is_a_whole_report(format_: str) -> None:
    data = written(format_, [])
    assert names_in(format_, data) == [] and FORMATS[format_].looks_like(data[:256])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_report_is_known_by_its_beginning_even_cut_off(format_: str) -> None:
    data, ours = written(format_, MIXED), FORMATS[format_].looks_like
    for length in (0, 1, 3, 30, 200):
        assert ours(data[:length])
    assert ours(data[:256] + data[256:][-65536:])
    for foreign in (
        b"evidence",
        b"<!doctype html>\n<html>",
        b'<?xml version="1.0"?><x/>',
        b"{}",
        b"PAR1...PAR1",
    ):
        assert not ours(foreign)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_says_the_format(suffix: str) -> None:
    assert format_of(Path("a.b" + suffix)) is format_of(Path("A" + suffix.upper())) is SUFFIXES[suffix]


def test_the_command_offers_every_format() -> None:
    (option,) = (parameter for parameter in cli.scan.params if parameter.name == "format")
    assert list(option.type.choices) == list(FORMATS)


def test_another_suffix_is_refused_and_a_stream_is_csv() -> None:
    for name in ("a.txt", "csv", "a.json", "a"):
        with pytest.raises(OutputError, match="no report format has this suffix"):
            format_of(Path(name))
    assert format_of(None) == format_of(Path("/dev/null")) == "csv"


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


def test_html_shows_names_and_runs_none_of_them() -> None:
    page = written("html", MIXED).decode("utf-8")
    scripts = re.findall(r"<script[^>]*>", page)
    assert scripts == ['<script type="application/json" id="rows">', "<script>"]
    assert page.count("</script>") == 2 and page.count("<!--") == 1
    assert "default-src 'none'" in page and "'unsafe-inline'; script-src 'sha256-" in page
    assert "http://" not in page and "https://" not in page.replace("https:evil", "")
    shown = re.findall(r"<figcaption><span class=\"fake\">0\.9\d+</span> (.*?)</figcaption>", page, re.DOTALL)
    assert {html.unescape(name) for name in shown} >= {encode_path(f"odd/{name}") for name in HOSTILE}
    assert "&lt;m&gt; 1" in page and "<m>" not in page
    assert "not complete" in page and '<div class="fake"><b>17</b>fake</div>' in page


def test_thumbnails_are_of_the_files_that_were_scored(
    tmp_path: Path, scan: Callable[..., Any], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in (200, 220, 240):
        grey(f"in/{value}.png", value)
    run = scan("in", "--out", "r.html", "--out", "r.csv")
    page = Path("r.html").read_text(encoding="utf-8")
    assert run.code == 1 and page.count('src="data:image/jpeg;base64,') == 3
    assert "shows pictures of people" in page
    assert scan("in", "--out", "r.html", "--no-thumbnails").code == 1
    page = Path("r.html").read_text(encoding="utf-8")
    assert "data:image" not in page.replace("img-src data:", "") and "pictures of people" not in page
    assert Path("r.run.json").exists() and "240.png" in page


def test_one_scan_writes_several_reports_and_hashes_each(
    tmp_path: Path, scan: Callable[..., Any], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 240)
    Path("sub").mkdir()
    outs = ("--out", "r.csv", "--out", "sub/r.sarif", "--out", "odd")
    run = scan("in", *outs, "--format", "csv", "--format", "sarif", "--format", "junit")
    assert run.code == 1 and "report: r.csv, sub/r.sarif, odd (how it was made: r.run.json)" in run.err
    hashes = json.loads(Path("r.run.json").read_text())["reports"]
    assert hashes == {
        name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("r.csv", "sub/r.sarif", "odd")
    }
    assert scan("in", "--out", "-", "--out", "r.csv", "-q").rows[0]["path"] == "in/a.png"


def test_a_report_that_cannot_be_opened_leaves_the_others_as_they_were(
    tmp_path: Path, scan: Callable[..., Any], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 240)
    assert scan("in", "--out", "r.csv").code == 1
    before = Path("r.csv").read_bytes()
    Path("r.html").write_text("<html>my page</html>")
    run = scan("in", "--out", "r.csv", "--out", "r.html")
    assert run.code == 2 and "r.html exists and was not written by an earlier scan" in run.err
    assert Path("r.csv").read_bytes() == before and Path("r.html").read_text() == "<html>my page</html>"


def test_a_full_folder_for_temporary_files_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    spooled = spool.Spool()
    monkeypatch.setattr(spooled, "_file", Full())
    with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
        spooled.write(b"x")


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
