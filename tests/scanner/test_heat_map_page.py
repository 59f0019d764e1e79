"""Heat maps on the HTML page."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from browser import browser
from cam_onnx import with_cam
from tiny_onnx import write_tiny_model

from models.contract import ModelMetadata
from scanner import FileResult, Finding, Policy, Status
from scanner.heat_maps.colours import WORDS
from scanner.reports.html_faces import figure
from scanner.reports.html_heat_maps import has_heat_maps
from scanner.results import Region
from scanner.results.heat_map import HeatMap
from scanner.results.preview import Preview

POLICY = Policy(0.7, 0.5, "option")
MAP = HeatMap(((1.0, -2.0), (0.0, 30.0)))
BOTH = Preview("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,BBBB")


def two_faces(first: HeatMap | None, second: HeatMap | None) -> FileResult:
    findings = (
        Finding(0.0, 0.2, Region(0.0, 0.25, 0.5, 0.5), face=0.9, heat_map=first),
        Finding(0.0, 0.9, Region(0.5, 0.25, 1.0, 0.75), face=0.9, heat_map=second),
    )
    return FileResult("a.png", Status.OK, faces=2, findings=findings)


def test_each_face_has_its_own_and_the_deciding_one_a_second() -> None:
    page = "".join(figure(two_faces(MAP, MAP), BOTH, POLICY))
    places = re.findall(r'class="heat" aria-hidden="true" style="([^"]*?);--cells', page)
    assert places == [
        "left:0.00%;top:25.00%;width:50.00%;height:25.00%",
        "left:50.00%;top:25.00%;width:50.00%;height:50.00%",
        "left:0.00%;top:0.00%;width:100.00%;height:100.00%",
    ]
    assert page.count("--columns:2;--rows:2") == 3


def test_a_figure_without_one_is_as_before() -> None:
    plain = "".join(figure(two_faces(None, None), BOTH, POLICY))
    assert "heat" not in plain and "over" not in plain
    assert not has_heat_maps([two_faces(None, None)]) and has_heat_maps([two_faces(None, MAP)])


def test_one_that_is_missing_is_said_as_text() -> None:
    gone = HeatMap(None, "the file has changed since it was scored, or is gone")
    page = "".join(figure(two_faces(None, gone), BOTH, POLICY))
    assert "no heat map: the file has changed" in page and 'class="heat"' not in page


@pytest.mark.slow
def test_the_key_shows_and_hides_them_in_a_browser(
    tmp_path: Path, scan: Any, inside: Path, grey: Any
) -> None:
    model = with_cam(write_tiny_model(tmp_path / "m.onnx", ModelMetadata("bright", "3", "fake")))
    grey(inside / "h.png", 240)
    scan("in", "--out", "r.html", "--model", model, "--heatmaps", "maps", "--exit-zero", "-q")
    scan("in", "--out", "plain.html", "--model", model, "--exit-zero", "-q")
    page, plain = (Path(name).read_text(encoding="utf-8") for name in ("r.html", "plain.html"))
    assert WORDS.replace("'", "&#x27;") in page and "heat" not in plain
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in page
    seen = "getComputedStyle(document.querySelector('.heat')).display"
    with browser(tmp_path) as one:
        one.open((tmp_path / "r.html").as_uri())
        one.wait("!!document.querySelector('.heat') && !!document.querySelector('#files td')")
        shown = [one.value(seen)]
        for key in ("h", "h"):
            one.press(key)
            shown.append(one.value(seen))
        one.value("document.getElementById('search').focus()")
        one.press("h")
        shown.append(one.value(seen))
        assert shown == ["none", "block", "none", "none"]
        assert one.value("document.getElementById('search').value") == "h"
        size = "(q => [q.width, q.height])(document.querySelector('{}').getBoundingClientRect())"
        one.value("document.getElementById('heat').click()")
        assert one.value(size.format(".heat")) == one.value(size.format("img.judged"))
        errors = [e for e in one.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        assert errors == []
