"""Members of archives and documents in a review: shown, checked and exported as files are, and never as their bytes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from container_files import pdf, picture, put, seven_zipped, tarred, zipped
from PIL import Image
from review_process import Client, reviewing, run

pytestmark = pytest.mark.slow

SCAN = "from scanner.cli import main; main()"
INSIDE = ["--archives", "--documents", "--frames", "all"]
INNER = zipped([("deep.png", picture(130)), ("third.tar.gz", tarred([("deepest.png", picture(140))], "gz"))])
GREYS = {
    "in/a.zip!/dir/x.png": 110,
    "in/a.zip!/inner.zip!/deep.png": 130,
    "in/a.zip!/inner.zip!/third.tar.gz!/deepest.png": 140,
    "in/b.docx!/word/media/i.png": 150,
    "in/a.zip!/pages.tif": 230,
    "in/a.zip!/moves.gif": 240,
}
"""Of the picture that decides, by the member's name."""
SHOWN = {
    "in/a.zip!/pages.tif": "page 3 of 3",
    "in/a.zip!/moves.gif": "the frame at 2.50 s",
    "in/d.tar!/film.mp4": "the frame at ",
}


def frames(format_: str, bright: int, at: int, count: int) -> bytes:
    out = io.BytesIO()
    pages = [Image.new("L", (32, 24), bright if n == at else 20 + n) for n in range(count)]
    pages[0].save(out, format_, save_all=True, append_images=pages[1:], duration=100)
    return out.getvalue()


def archive(*more: tuple[str, bytes]) -> bytes:
    return zipped(
        [
            ("dir/x.png", picture(110)),
            ("inner.zip", INNER),
            ("pages.tif", frames("TIFF", 230, 2, 3)),
            ("moves.gif", frames("GIF", 240, 25, 40)),
            *more,
        ]
    )


def scan(folder: Path, model: Path, *options: str) -> None:
    words = [*options, "--out", "report.jsonl", "--model", str(model), "--device", "cpu", "--exit-zero", "-q"]
    subprocess.run([sys.executable, "-c", SCAN, *words], cwd=folder, check=True, timeout=120)


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory, model: Path) -> tuple[Path, dict[str, int]]:
    """A folder with its report, and of each picture the grey that is to be seen."""
    folder, greys, options = tmp_path_factory.mktemp("members"), dict(GREYS), list(INSIDE)
    put(folder / "in" / "a.zip", archive())
    put(folder / "in" / "b.docx", zipped([("word/media/i.png", picture(150))]))
    put(folder / "in" / "z.png", picture(110))
    if find_spec("pypdfium2"):
        put(folder / "in" / "c.pdf", pdf([("DCTDecode", picture(160, "JPEG"), 40, 30)]))
        greys["in/c.pdf!/page-1/image-1.jpg"] = 160
    if find_spec("av"):
        from films import write_greys

        film = write_greys(folder / "film.mp4", [*[40] * 60, *[220] * 60]).read_bytes()
        put(folder / "in" / "d.tar", tarred([("film.mp4", film)]))
        options += ["--video", "sample"]
        greys["in/d.tar!/film.mp4"] = 220
    scan(folder, model, "in", *options)
    return folder, greys


def items_of(client: Client) -> list[dict[str, Any]]:
    return [client.item(place) for place in range(client.ask("begin").json()["total"])]


def test_members_are_shown_however_deep_they_lie(greys: tuple[Path, dict[str, int]]) -> None:
    folder, expected = greys
    with reviewing(folder) as running:
        begin = running.client.ask("begin").json()
        rows = (folder / "report.jsonl").read_text().count('"error":"container"')
        assert begin["containers"] == rows == begin["rows"] - begin["statuses"]["ok"], "nothing was left out"
        found = {item["names"][0]: item for item in items_of(running.client)}
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name]["picture"]["problem"] == "", name
            shown = dict(found[name]["facts"]).get("shown", "")
            assert shown.startswith(SHOWN.get(name, "")) and bool(shown) == (name in SHOWN), name
            reply = running.client.ask(f"picture?place={found[name]['place']}")
            assert (reply.status, reply.headers["Content-Type"]) == (200, "image/jpeg"), reply.body
            pixel = Image.open(io.BytesIO(reply.body)).convert("L").getpixel((3, 3))
            assert isinstance(pixel, int) and abs(pixel - value) < 8, name


def test_blind_nothing_is_told_of_the_score_and_labels_are_of_files(
    greys: tuple[Path, dict[str, int]],
) -> None:
    folder, expected = greys
    with reviewing(folder, "--blind", "--decisions", "blind.jsonl") as running:
        items = items_of(running.client)
        assert not any(one["picture"]["problem"] for one in items)
        told = {name for one in items for name, _ in one["facts"]}
        assert told <= {"format", "width", "height", "bytes", "frames", "seconds", "shown"}
        assert "prob_fake" not in json.dumps(items) and "logit" not in json.dumps(items)
        for place in range(len(items)):
            running.client.decide(place, "fake")
        summary = "\n".join(running.client.ask("summary").json()["lines"])
    inside = len(expected) - 1
    assert f"not in the labels, since only containers hold them: {inside}" in summary
    done = run(folder, "report.jsonl", "--decisions", "blind.jsonl", "--labels", "labels.csv")
    assert f"note: {inside} pictures have no label, since only containers hold them" in done.stderr
    with (folder / "labels.csv").open(newline="") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == ["in/z.png"], "a copy of a member"


def test_what_is_gone_moved_or_changed_says_so(tmp_path: Path, model: Path) -> None:
    """Also while the page is open: what was listed of a container before is not believed."""
    put(tmp_path / "a.png", picture(130))
    kept = [("first.png", picture(240)), ("moved.png", picture(200))]
    files = [*kept, ("b.png", picture(190)), ("gone.png", picture(180)), ("twice.png", picture(170))]
    put(tmp_path / "a.zip", zipped([*files, ("twice.png", picture(160))]))
    put(tmp_path / "b.zip", zipped([("x.png", picture(150))]))
    put(tmp_path / "c.zip", zipped([("y.png", picture(140))]))
    scan(tmp_path, model, "a.png", "a.zip", "b.zip", "c.zip", "--archives")
    with reviewing(tmp_path) as running:
        assert running.client.item(0)["picture"]["problem"] == ""
        now = [("b.png", picture(7)), ("more.png", picture(8)), *reversed(kept)]
        put(tmp_path / "a.zip", zipped([*now, ("twice.png", picture(160)), ("twice.png", picture(9))]))
        (tmp_path / "b.zip").unlink()
        put(tmp_path / "c.zip", picture(140))
        put(tmp_path / "a.png", zipped([("inside.png", picture(130))]))
        told = [(item["names"][0], item["picture"]["problem"]) for item in items_of(running.client)]
    changed, gone = "changed since the scan: its SHA-256 is now ", "missing: its container no longer holds it"
    expected = [
        ("a.zip!/first.png", ""),
        ("a.zip!/moved.png", ""),
        ("a.zip!/b.png", changed),
        ("a.zip!/gone.png", gone),
        ("a.zip!/twice.png", changed),
        ("a.zip!/twice.png", ""),
        ("b.zip!/x.png", "missing: the file is no longer there"),
        ("c.zip!/y.png", gone),
        ("a.png", changed),
    ]
    assert [name for name, _ in told] == [name for name, _ in expected]
    for (name, problem), (_, beginning) in zip(told, expected, strict=True):
        assert problem.startswith(beginning) and bool(problem) == bool(beginning), (name, problem)


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without a manifest, documents and archives are looked into all the same."""
    pytest.importorskip("py7zr")
    inner = seven_zipped([("x.png", picture(200))])
    put(tmp_path / "a.zip", zipped([("inner.7z", inner)]))
    put(tmp_path / "b.docx", zipped([("word/media/i.png", picture(150))]))
    scan(tmp_path, model, "a.zip", "b.docx", *INSIDE)
    (tmp_path / "report.run.json").unlink()
    without = put(tmp_path / "without" / "py7zr.py", b"raise ModuleNotFoundError('no', name='py7zr')\n")
    monkeypatch.setenv("PYTHONPATH", str(without.parent))
    with reviewing(tmp_path) as running:
        problem, none = [item["picture"]["problem"] for item in items_of(running.client)]
    assert problem.startswith("cannot be shown: unsupported_media (") and none == ""
    assert 'pip install "deepfake-scanner[7z]"' in problem
