"""The HTML page shows names and runs none of them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from written_reports import HOSTILE, MIXED, written

from scanner import encode_path


def test_html_shows_names_and_runs_none_of_them() -> None:
    page = written("html", MIXED).decode("utf-8")
    scripts = re.findall(r"<script[^>]*>", page)
    assert scripts == ['<script type="application/json" id="rows">', "<script>"]
    assert page.count("</script>") == 2 and page.count("<!--") == 1
    assert "default-src 'none'" in page and "'unsafe-inline'; script-src 'sha256-" in page
    assert "http://" not in page and "https://" not in page.replace("https:evil", "")
    shown = re.findall(r"<figcaption><span class=\"fake\">0\.9\d+</span> (.*?)</figcaption>", page, re.DOTALL)
    names = {html.unescape(name.replace("<wbr>", "")) for name in shown}
    assert names >= {encode_path(f"odd/{name}") for name in HOSTILE}
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
