"""A review reads files under the limits of the scan, as its manifest tells them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from review_process import reviewing
from review_reports import write_files, write_report

from scanner import Limits
from scanner.review.manifests import origin_of


def told(folder: Path, limits: Any) -> Path:
    """A report whose manifest tells ``limits``."""
    report = write_report(folder, write_files(folder, {"a.png": 0.9}))
    path = folder / "report.run.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "options": {"limits": limits}}, indent=2))
    return report


def test_they_are_those_of_the_scan(tmp_path: Path) -> None:
    limits = Limits.of(max_bytes=1 << 40, max_pixels=10**9, max_faces=100, cpu_seconds=600.0, memory_mib=9000)
    assert origin_of(told(tmp_path, asdict(limits)), "").limits == limits


@pytest.mark.parametrize(
    "limits",
    [
        None,
        [],
        {},
        {"max_pixels": "all"},
        {"max_pixels": True},
        {"max_pixels": -1},
        {"max_faces": 10**9},
        {"x": 1},
    ],
)
def test_what_is_no_limit_is_not_followed(tmp_path: Path, limits: Any) -> None:
    assert origin_of(told(tmp_path, limits), "").limits == Limits()


@pytest.mark.slow
@pytest.mark.parametrize(("most", "problem"), [(1199, "cannot be shown: too_many_pixels"), (1200, "")])
def test_the_page_holds_them(tmp_path: Path, most: int, problem: str) -> None:
    told(tmp_path, {"max_pixels": most})
    with reviewing(tmp_path) as running:
        assert running.client.item(0)["picture"]["problem"] == problem
