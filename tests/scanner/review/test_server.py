"""The review's server: for its own page and nobody else, and never with a file's own bytes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from review_process import Client, reviewing, run
from review_reports import HOSTILE, png, row, write_files, write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    rows = write_files(folder, {f"in/{n}.png": n / 10 for n in range(10)})
    gone, changed, copied = rows[9], rows[8], rows[7]
    (folder / gone["path"]).unlink()
    (folder / changed["path"]).write_bytes(png(99))
    rows += [row("in/copy.png", copied["sha256"], 0.7), row("in/broken.png", "cc" * 32, None)]
    write_report(folder, rows)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    with reviewing(folder) as running:
        yield running.client


def test_the_most_suspicious_comes_first_and_copies_come_once(client: Client) -> None:
    begin = client.ask("begin").json()
    assert (begin["total"], begin["rows"], begin["place"]) == (10, 12, 0) and begin["remark"] == ""
    items = [client.item(place) for place in range(10)]
    assert [one["score"] for one in items] == [f"{n / 10:.6f}" for n in reversed(range(10))]
    assert items[2]["names"] == ["in/7.png", "in/copy.png"]
    assert client.ask("item?place=10").status == 400


def test_a_picture_is_made_anew_from_its_pixels(client: Client, folder: Path) -> None:
    reply = client.ask("picture?place=3")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "image/jpeg")
    shown, own = Image.open(io.BytesIO(reply.body)), Image.open(folder / "in/6.png")
    assert shown.size == own.size == (40, 30)
    ours, theirs = shown.convert("RGB").getpixel((5, 5)), own.getpixel((5, 5))
    assert isinstance(ours, tuple) and isinstance(theirs, tuple)
    assert all(abs(one - other) < 8 for one, other in zip(ours, theirs, strict=True))


def test_what_is_gone_or_changed_says_so(client: Client) -> None:
    assert client.item(0)["picture"]["problem"].startswith("missing: ")
    assert client.ask("picture?place=0").status == 404
    now = hashlib.sha256(png(99)).hexdigest()
    assert client.item(1)["picture"]["problem"] == f"changed since the scan: its SHA-256 is now {now}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("what", ["", "item?place=0", "picture?place=3", "export?kind=csv"])
def test_others_get_nothing(headers: dict[str, str], what: str, client: Client) -> None:
    reply = client.ask(what, headers=headers)
    assert reply.status == 403 and json.loads(reply.body) == {"problem": "forbidden"}


def test_a_change_must_come_from_the_page(client: Client, folder: Path) -> None:
    body = {"place": 0, "sha256": client.item(0)["sha256"], "decision": "fake"}
    for origin in (
        "",
        "http://evil.example",
        "null",
        f"http://{client.host}.evil.example",
        f"https://{client.host}",
    ):
        assert client.ask("decide", body, {"Origin": origin}).status == 403
    assert client.ask("decide", body, {"Content-Type": "text/plain"}).status == 400
    for wrong in (
        {},
        [],
        {"place": 0},
        body | {"decision": "undo"},
        body | {"decision": "x"},
        body | {"note": 1},
    ):
        assert client.ask("decide", wrong).status == 400
    assert client.ask("decide", body | {"sha256": "aa" * 32}).status == 409
    assert client.ask("decide", body | {"note": "x" * 5000}).status == 409
    assert (folder / "report.decisions.jsonl").read_bytes() == b""


def test_without_the_secret_there_is_nothing(client: Client) -> None:
    token = client.path.strip("/")
    for path in (
        "/",
        "//",
        f"/{token[:-1]}/",
        f"/{token}x/",
        f"/{token.lower()}/",
    ):
        assert client.ask("", path=path).status == 403
    assert client.ask("../../setup.cfg").status == 400 and client.ask("review.html").status == 400


def test_the_page_may_load_nothing_from_elsewhere(client: Client) -> None:
    page = client.ask("")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer" and page.headers["Cache-Control"] == "no-store"
    for file in ("", "review.js", "review.css", "icon.svg"):
        reply = client.ask(file)
        assert reply.status == 200 and b"//" not in reply.body.replace(b"// ", b"").replace(
            b"http://www.w3.org/2000/svg", b""
        )


def test_a_blind_page_is_told_nothing_of_the_score(folder: Path) -> None:
    with reviewing(folder, "--blind", "--decisions", "blind.jsonl") as running:
        client = running.client
        items = [client.item(place) for place in range(10)]
        assert all(one["hidden"] and one["score"] is None and one["verdict"] is None for one in items)
        names = [one["names"][0] for one in items]
        assert names != sorted(names) and names != sorted(names, reverse=True)
        told = {name for one in items for name, _ in one["facts"]}
        assert told == {"format", "width", "height", "bytes", "frames"}
        assert "prob_fake" not in json.dumps(items) and "logit" not in json.dumps(items)
        client.decide(4, "fake")
        seen = client.item(4)
        assert not seen["hidden"] and seen["score"] is not None
        client.ask("undo", {})
        assert client.item(4)["hidden"]
        client.decide(4, "false_alarm")
    lines = [json.loads(line) for line in (folder / "blind.jsonl").read_text().splitlines()]
    assert [one["blind"] for one in lines] == [True, False, False], "the score had been seen"


def test_hostile_names_reach_the_page_as_text(tmp_path: Path) -> None:
    rows = write_files(tmp_path, {name: 0.9 - number / 100 for number, name in enumerate(HOSTILE)})
    rows[0]["some_new_fact"] = {"html": "<b>&", "half": "\ud800"}
    write_report(tmp_path, rows)
    with reviewing(tmp_path) as running:
        items = [running.client.item(place) for place in range(len(HOSTILE))]
    assert [one["names"] for one in items] == [[each["path"]] for each in rows]
    assert not any(one["picture"]["problem"] for one in items)
    assert dict(items[0]["facts"])["some_new_fact"].startswith('{"html": "<b>&"')


def test_a_redacted_report_says_why_nothing_can_be_shown(tmp_path: Path) -> None:
    write_report(tmp_path, write_files(tmp_path, {"file-0000001.png": 0.9}), redacted=True)
    with reviewing(tmp_path) as running:
        assert "names in this report are redacted" in running.client.item(0)["picture"]["problem"]
        running.client.decide(0, "unsure")
        assert running.client.ask("export?kind=labels").status == 409


def test_a_report_that_is_not_its_manifests_is_said(tmp_path: Path) -> None:
    report = write_report(tmp_path, write_files(tmp_path, {"a.png": 0.9}))
    report.write_bytes(report.read_bytes().replace(b"0.9", b"0.8"))
    with reviewing(tmp_path) as running:
        assert "was CHANGED since the scan" in running.client.ask("begin").json()["remark"]


def test_a_heat_map_is_shown_decoded_and_never_before_a_blind_decision(tmp_path: Path) -> None:
    rows: list[Any] = write_files(tmp_path, {"a.png": 0.9, "b.png": 0.8})
    write_report(tmp_path, rows)
    (maps := tmp_path / "maps").mkdir()
    (maps / f"{rows[0]['sha256']}-1.png").write_bytes(png(77))
    with reviewing(tmp_path, "--heatmaps", "maps") as running:
        assert [running.client.item(n)["heat"] for n in range(2)] == [True, False]
        assert Image.open(io.BytesIO(running.client.ask("heatmap?place=0").body)).format == "JPEG"
        assert running.client.ask("heatmap?place=1").status == 404
    with reviewing(tmp_path, "--heatmaps", "maps", "--blind") as running:
        assert [running.client.ask(f"heatmap?place={n}").status for n in range(2)] == [404, 404]


def test_two_reviews_do_not_share_a_file(folder: Path) -> None:
    with reviewing(folder, "--decisions", "shared.jsonl"):
        other = run(folder, "report.jsonl", "--reviewer", "ben", "--decisions", "shared.jsonl")
    assert other.returncode == 2 and "is open in another review" in other.stderr
