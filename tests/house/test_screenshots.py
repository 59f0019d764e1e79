"""The pictures of the documentation show what the commands show now, and fetch nothing."""

from __future__ import annotations

import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "img"
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
REMEDY = "run: python docs/make_screenshots.py"
CELL = 12.2
"""Width of a character in the drawing."""
PROBABILITY = re.compile(r"\b\d\.\d{6}\b")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    if sys.platform == "win32":
        pytest.skip("there are no pseudo-terminals on Windows")
    spec = importlib.util.spec_from_file_location("make_screenshots", ROOT / "docs" / "make_screenshots.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_of(svg: str) -> list[str]:
    """The lines of the terminal that is drawn."""
    lines: dict[float, str] = {}
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if text.get("class") != "scan-title":
            row, column = float(text.attrib["y"]), round(float(text.attrib["x"]) / CELL)
            lines[row] = lines.get(row, "").ljust(column) + (text.text or "").replace("\xa0", " ")
    return [line.rstrip() for _, line in sorted(lines.items()) if line.strip()]


def lasting(lines: list[str]) -> list[str]:
    """Those that depend on the samples and the weights alone, without their numbers' last digits."""
    wanted = re.compile(r"^\$|^  |^report:|^\d+%")
    spans = [re.sub(r"\|.*\| (\d+/\d+ files).*(\d+ fake, \d+ error)", r" \1 \2", line) for line in lines]
    return [PROBABILITY.sub("P", line) for line in spans if wanted.match(line) and line.strip()]


def external(svg: str) -> list[str]:
    """Whatever a reader would fetch, or run."""
    plain = re.sub(r"<!--.*?-->|xmlns(:\w+)?=\"[^\"]*\"", "", svg, flags=re.DOTALL)
    found = re.findall(
        r"(?:https?:)?//[\w.]+|data:|@import|@font-face|<script|<image|<foreignObject|\bon\w+=", plain
    )
    links = re.findall(r"(?:href|src)\s*=\s*[\"']([^\"']*)|url\(\s*[\"']?([^)\"']*)", plain)
    return found + [link for pair in links for link in pair if link and not link.startswith("#")]


@pytest.mark.slow
def test_the_picture_of_a_scan_is_what_a_scan_shows(maker: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    drawn = lines_of((IMAGES / "scan.svg").read_text(encoding="utf-8"))
    shown = [f"$ {maker.COMMAND}", *maker.shown_by(maker.COMMAND, tmp_path).split("\n")]
    shown = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in shown]
    assert lasting(drawn) == lasting(shown), REMEDY
    assert sum("samples/" in line for line in lasting(drawn)) == 5
    assert any("inconclusive" in line and "not flagged" in line for line in lasting(drawn))
    for was, now in zip(
        PROBABILITY.findall("".join(drawn)), PROBABILITY.findall("".join(shown)), strict=True
    ):
        # Another processor may move the last digits.
        assert float(was) == pytest.approx(float(now), abs=1e-3), REMEDY


def test_the_picture_shows_the_readmes_command(maker: ModuleType) -> None:
    assert f".venv/bin/{maker.COMMAND}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_fetches_nothing(path: Path) -> None:
    assert external(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    ['<image href="a.png"/>', "@font-face { src: url(x) }", "fill: url('https://example.org/a')", "//example.org/a",
     '<a xlink:href="b.svg">', "<script>", '<g onload="x">', "data:image/png;base64,"],
)  # fmt: skip
def test_the_search_finds_what_would_be_fetched(text: str) -> None:
    assert external(f'<svg xmlns="http://www.w3.org/2000/svg">{text}</svg>') != []


def test_a_drawing_has_the_words_and_colours_of_the_terminal_and_no_fonts(maker: ModuleType) -> None:
    svg = maker.drawn("scan x", "a \x1b[31m1 fake\x1b[0m & <b>\nréport")
    assert lines_of(svg) == ["$ scan x", "a 1 fake & <b>", "réport"]
    assert external(svg) == [] and "#cc555a" in svg
    ElementTree.fromstring(svg)


@pytest.mark.slow
def test_what_a_bar_wrote_over_is_not_shown(maker: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples" / "real")
    shown = maker.shown_by(maker.COMMAND, tmp_path)
    assert "\r" not in shown and shown.count("files [") == 1 and "100%|" in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "report.run.json", "samples"]


def test_pictures_are_small_and_used() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path in IMAGES.iterdir():
        assert path.stat().st_size <= 200_000, path.name
        assert f"img/{path.name})" in text, f"no page shows {path.name}"
