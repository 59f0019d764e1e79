"""The page in a real browser, by keyboard alone. The same is tested over HTTP, where there is no Chromium."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browser
from PIL import Image
from review_process import Running, reviewing
from review_reports import HOSTILE, png, write_files, write_report

pytestmark = pytest.mark.slow
KEYS = {"f": "fake", "r": "false_alarm", "u": "unsure"}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    (tmp_path / "downloads").mkdir()
    with browser(tmp_path / "downloads") as found:
        yield found


def begin(page: Browser, running: Running) -> None:
    page.open(running.client.url)
    page.wait("document.body && document.body.dataset.place !== undefined && !document.body.dataset.busy")


def press(page: Browser, key: str) -> None:
    page.press(key)
    page.wait("!document.body.dataset.busy")


def text(page: Browser, id_: str) -> str:
    return str(page.value(f"document.getElementById('{id_}').innerText"))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "report.decisions.jsonl").read_text().splitlines()]


def downloaded(folder: Path, name: str) -> Path:
    until = time.monotonic() + 20
    while not (folder / "downloads" / name).exists():
        assert time.monotonic() < until, (
            f"{name} was not downloaded: {list((folder / 'downloads').iterdir())}"
        )
        time.sleep(0.05)
    return folder / "downloads" / name


def test_fifty_decisions_a_reload_undo_and_the_exports(tmp_path: Path, page: Browser) -> None:
    rows = write_files(tmp_path, {f"{n:02}.png": (n + 1) / 70 for n in range(60)})
    write_report(tmp_path, rows)
    keys = [("f", "r", "u")[n % 3] for n in range(50)]
    with reviewing(tmp_path) as running:
        begin(page, running)
        for key in keys[:25]:
            press(page, key)
        assert page.value("document.body.dataset.decided") == "25"
        begin(page, running)  # loaded again: it goes on where it was
        assert page.value("document.body.dataset.place") == "25"
        for key in keys[25:]:
            press(page, key)
        assert [one["decision"] for one in lines(tmp_path)] == [KEYS[key] for key in keys]
        assert [one["sha256"] for one in lines(tmp_path)] == [one["sha256"] for one in rows[::-1]][:50]
        press(page, "z")
        assert page.value("document.body.dataset.place") == "49" and "Not decided" in text(page, "decision")
        press(page, "r")
        press(page, "ArrowLeft")
        press(page, "ArrowLeft")
        assert page.value("document.body.dataset.place") == "48" and "confirmed fake" in text(
            page, "decision"
        )
        page.press("n")
        page.wait("document.getElementById('writing').open")
        page.write("fur <b>")
        page.press("Enter", control=True)
        page.wait("!document.body.dataset.busy && document.getElementById('note').innerText")
        assert text(page, "note") == "Note: fur <b>"
        press(page, "e")
        assert page.value("document.body.dataset.place") == "50"
        page.press("x")
        page.wait("document.getElementById('exports').open && document.activeElement.id === 'first'")
        page.wait("document.getElementById('summary').innerText.includes('decided: 50')")
        for name in ("report.decisions.csv", "report.baseline.csv", "report.labels.csv"):
            page.press("Enter")
            with downloaded(tmp_path, name).open(newline="") as stream:
                exported = list(csv.DictReader(stream))
            assert len(exported) == {"report.decisions.csv": 50}.get(name, len(exported)) > 10
            page.press("Tab")
        page.press("Escape")
        page.wait("!document.getElementById('exports').open")
        local = page.requested()
        assert local and all(url.startswith((running.client.url, "about:", "chrome")) for url in local)
    assert [one["decision"] for one in lines(tmp_path)][50:] == ["undo", "false_alarm", "note"]


def test_a_blind_page_shows_no_score_before_the_decision(tmp_path: Path, page: Browser) -> None:
    write_report(tmp_path, write_files(tmp_path, {f"{n}.png": 0.2 + n / 20 for n in range(12)}))
    with reviewing(tmp_path, "--blind") as running:
        begin(page, running)
        for _ in range(5):
            assert "hidden until you decide" in text(page, "score")
            shown = page.value("document.documentElement.outerHTML")
            assert "prob_fake" not in shown and "inconclusive" not in shown
            press(page, "f")
        press(page, "ArrowLeft")
        press(page, "ArrowLeft") if "hidden" in text(page, "score") else None
        assert "prob_fake 0." in text(page, "score")
    assert all(one["blind"] for one in lines(tmp_path))


def test_hostile_names_are_shown_and_not_run(tmp_path: Path, page: Browser) -> None:
    rows = write_files(tmp_path, {name: 0.9 - n / 100 for n, name in enumerate(HOSTILE)})
    rows[0]["caption"] = "<script>alert(2)</script>"
    write_report(tmp_path, rows)
    with reviewing(tmp_path) as running:
        begin(page, running)
        for n, row in enumerate(rows):
            assert page.value("document.querySelector('#names li').textContent") == row["path"]
            page.wait("document.getElementById('image').naturalWidth === 40")
            if n + 1 < len(rows):
                press(page, "ArrowRight")
        press(page, "f")
        assert page.value("document.scripts.length") == 1
    kinds = {one["method"] for one in page.events}
    assert "Page.javascriptDialogOpening" not in kinds and "Runtime.exceptionThrown" not in kinds
    problems = [one["params"]["entry"]["text"] for one in page.events if one["method"] == "Log.entryAdded"]
    assert problems == []


def test_boxes_and_heat_map_lie_on_the_picture(tmp_path: Path, page: Browser) -> None:
    rows: list[Any] = write_files(tmp_path, {"a.png": 0.9})
    other = {
        "logit": 0.1,
        "prob_fake": 0.4,
        "region": [0.5, 0.5, 1.0, 1.0],
        "frame": 0,
        "time": None,
        "face": 0.8,
    }
    rows[0]["findings"] = [rows[0]["findings"][0] | {"region": [0.1, 0.2, 0.6, 0.9], "face": 0.9}, other]
    rows[0]["faces"] = 2
    write_report(tmp_path, rows)
    (maps := tmp_path / "maps").mkdir()
    (maps / f"{rows[0]['sha256']}-1.png").write_bytes(png(77))
    with reviewing(tmp_path, "--heatmaps", "maps") as running:
        begin(page, running)
        boxes = page.value(
            "[...document.querySelectorAll('.box')].map(b => [b.className, b.title, b.style.left])"
        )
        assert boxes == [
            ["box decides fake", "face 1: 0.900000", "10%"],
            ["box", "face 2: 0.400000", "50%"],
        ]
        page.wait("document.getElementById('image').naturalWidth === 40")
        assert page.value("[image.clientWidth, image.clientHeight]") == [120, 90], (
            "small pictures are enlarged"
        )
        assert text(page, "scale") == "enlarged 3 times"
        assert page.value("document.getElementById('heat').hidden")
        press(page, "h")
        page.wait(
            "!document.getElementById('heat').hidden && document.getElementById('heat').naturalWidth === 40"
        )
        assert "not where the picture was changed" in text(page, "legend")
        press(page, "b")
        assert page.value("document.querySelectorAll('.box').length") == 0


def test_a_dead_server_is_told(tmp_path: Path, page: Browser) -> None:
    write_report(tmp_path, write_files(tmp_path, {"a.png": 0.9, "b.png": 0.8}))
    with reviewing(tmp_path) as running:
        begin(page, running)
        press(page, "f")
        running.process.kill()
        running.process.wait()
        press(page, "r")
        assert "does not answer" in text(page, "problem")
    assert len(lines(tmp_path)) == 1


def test_from_a_scan_to_a_clean_scan(
    tmp_path: Path, page: Browser, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real scans around a review by keyboard: the exported baseline makes the second exit with 0."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for number, value in enumerate((40, 50, 190, 200)):
        Image.new("RGB", (30, 20), (value, value, value)).save(tmp_path / "in" / f"{number}.png")
    assert shell("in", "--out", "report.jsonl").code == 1
    with reviewing(tmp_path) as running:
        begin(page, running)
        for _ in range(4):
            press(page, "r")
        page.press("x")
        page.wait("document.getElementById('exports').open && document.activeElement.id === 'first'")
        page.press("Tab")
        page.press("Enter")
        accepted = downloaded(tmp_path, "report.baseline.csv")
    assert shell("in", "--out", "again.csv", "--baseline", accepted).code == 0
