"""The cache under whole scans: second ones, two at once, killed ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models.contract import InputSpec
from scanner import Detector, FileResult, Limits
from scanner.media.extract import open_candidate
from scanner.media.opener import Reading
from scanner.media.provenance import Origin
from scanner.memory.cache_store import FILE
from scanner.results import SETTLING_NS
from scanner.sandbox.work import Extracted


@pytest.fixture
def pictures(grey: Callable[..., Path]) -> list[Path]:
    """In ``in``: thirty greys, two copies and a broken one, old enough to be trusted."""
    made = [grey(f"in/{value}.png", value) for value in range(50, 230, 6)]
    shutil.copy(made[0], "in/copy-a.png")
    shutil.copy(made[1], "in/copy-b.png")
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    time.sleep(SETTLING_NS / 1e9 + 0.05)
    return made


def counts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("r.run.json").read_text())["counts"]
    return found


@pytest.mark.slow
def test_a_second_scan_infers_nothing_and_writes_the_same_bytes(
    scan: Any, pictures: list[Path], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    real = Detector.score
    monkeypatch.setattr(
        Detector, "score", lambda self, images: scored.append(len(images)) or real(self, images)
    )
    options = ("in", "--out", "r.csv", "--cache", "kept", "--max-errors", 1)
    assert scan(*options).code == 1
    first = Path("r.csv").read_bytes()
    assert sum(scored) <= 32 and counts()["cached"] <= 2
    scored.clear()
    run = scan(*options, "--threshold", "0.5")
    assert scored == [] and counts()["cached"] == 33 and "33 results from the cache" in run.err
    assert Path("r.csv").read_bytes() == first
    assert scan(*options, "--rehash").code == 1
    assert scored == [] and Path("r.csv").read_bytes() == first, "read again, and known by content"
    grey(pictures[4], 251)
    assert scan(*options).code == 1
    assert scored == [1] and counts()["cached"] == 32


@pytest.mark.slow
def test_after_an_upgrade_no_old_text_stands_beside_new_ones(
    scan: Any, grey: Any, rows_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of knowing a file: unread by its stamp, and as a copy by its content."""
    grey("in/a.png", 90)
    shutil.copy("in/a.png", "b.png")
    time.sleep(SETTLING_NS / 1e9 + 0.05)
    monkeypatch.setattr("scanner.media.still.origin", lambda *_: Origin("old words", None))
    options = ("in", "--out", "r.csv", "--cache", "kept", "--workers", 1)
    with in_this_process(monkeypatch):
        assert scan(*options).code == 0
        assert [row["provenance"] for row in rows_of(Path("r.csv"))] == ["old words"]
        monkeypatch.setattr("scanner.media.still.origin", lambda *_: Origin("new words", None))
        monkeypatch.setattr("scanner.results.identity.tool_version", lambda: "99.0")
        shutil.move("b.png", "in/b.png")
        assert scan(*options).code == 0
    assert [row["provenance"] for row in rows_of(Path("r.csv"))] == ["new words", "new words"]


@contextlib.contextmanager
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoding without processes, so that a test may change what it does."""

    def decode_here(self: object, candidates: Iterable[Any], *_: object) -> Iterator[Extracted]:
        for one in candidates:
            if isinstance(one, FileResult):
                yield Extracted(one)
            else:
                opened = open_candidate(one, Reading(Limits(), InputSpec()))
                yield Extracted(opened.result, opened.pictures)

    with monkeypatch.context() as patched:
        patched.setattr("scanner.sandbox.pool.DecodePool.decode", decode_here)
        yield


@pytest.mark.slow
def test_a_stricter_threshold_is_applied_to_cached_results(scan: Any, pictures: list[Path]) -> None:
    assert scan("in", "--out", "r.csv", "--cache", "kept", "--max-errors", 1).code == 1
    assert scan("in", "--out", "r.csv", "--cache", "kept", "--max-errors", 1, "--threshold", "1").code == 0


@pytest.mark.slow
def test_the_cache_is_no_place_to_scan(scan: Any, pictures: list[Path]) -> None:
    for _ in range(2):
        assert scan(".", "--out", "r.csv", "--cache", "in/kept", "--max-errors", 1).code == 1
        assert counts()["files"] == 33 and ".sqlite" not in counts()["other_files"]


@pytest.mark.slow
def test_two_scans_at_once_share_a_cache(here: Path, process: Any, pictures: list[Path], scan: Any) -> None:
    scan("in", "--out", "alone.csv")
    names = ("a.csv", "b.csv", "c.csv")
    running = [process("in", "--out", name, "--cache", "kept", "-q", "--max-errors", 1) for name in names]
    assert [one.wait(60) for one in running] == [1, 1, 1]
    assert {Path(name).read_bytes() for name in names} == {Path("alone.csv").read_bytes()}
    for one in running:
        assert one.stderr.read() == b""
        one.stdout.close(), one.stderr.close()
    assert scan("in", "--out", "r.csv", "--cache", "kept").code == 2 and counts()["cached"] == 33


@pytest.mark.slow
def test_kills_while_it_is_written_leave_it_right(
    here: Path, process: Any, scan: Any, grey: Any, tmp_path: Path
) -> None:
    for number in range(300):
        grey(f"many/{number:03}.png", number % 250)
    time.sleep(SETTLING_NS / 1e9 + 0.05)
    scan("many", "--out", "alone.csv", "-q")
    code = (
        "import scanner.memory.cache as cache\n"
        "cache._WRITE_ENTRIES = 3\n"  # writing all the time
        "from scanner.cli import main; main()"
    )
    journal = Path("x.csv.journal")
    moments = random.Random("cache")
    for _ in range(6):
        with process("many", "--out", "x.csv", "--restart", "--cache", "kept", "-q", code=code) as running:
            until = time.monotonic() + 30
            while not (journal.exists() and journal.read_bytes().count(b"\n") > 9) and running.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.1))
            running.send_signal(signal.SIGKILL)
            running.wait(30)
        for name in ("x.csv.journal", "x.csv.partial"):
            Path(name).unlink(missing_ok=True)
    run = scan("many", "--out", "r.csv", "--cache", "kept")
    assert "damaged" not in run.err and Path("r.csv").read_bytes() == Path("alone.csv").read_bytes()
    assert counts()["cached"] > 0
    assert sorted(os.listdir("kept")) == [FILE]
