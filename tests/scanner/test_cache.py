"""The cache: the same bytes in the same context are scored once, and nothing wrong ever comes out of it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from models.contract import InputSpec
from models.support.errors import OutputError
from scanner import Detector, FileResult, Finding, Limits, Status, encode_path
from scanner.media.extract import open_candidate
from scanner.media.opener import Reading
from scanner.memory import Cache
from scanner.memory.cache_store import FILE, Store
from scanner.results import SETTLING_NS, ErrorCode, Stamp
from scanner.results.identity import Identity
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate, MediaKind

MIB = 1 << 20


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def open_cache(tmp_path: Path) -> Callable[..., Cache]:
    def make(context: str = "one", *, limits: Limits | None = None, rehash: bool = False) -> Cache:
        return Cache(tmp_path / "cache", context, limits or Limits(), rehash=rehash, max_bytes=MIB)

    return make


def settled(path: Path, content: bytes = b"x") -> Candidate:
    """A file that was last changed a minute ago, as far as its own times tell; so a stamp can be made of it."""
    path.write_bytes(content)
    return Candidate(str(path), encode_path(str(path)), MediaKind.IMAGE, explicit=False)


def result_of(candidate: Candidate, prob_fake: float = 0.75, **facts: Any) -> FileResult:
    stamp = Stamp.of(Path(candidate.path).stat())
    known: dict[str, Any] = {"sha256": "ab" * 32, "bytes": 1, "width": 3, "height": 2, "stamp": stamp}
    return FileResult(candidate.name, Status.OK, findings=(Finding(1.5, prob_fake),), **known | facts)


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a test count as settled at once."""
    monkeypatch.setattr("scanner.results.result.SETTLING_NS", -1)


@pytest.mark.usefixtures("old")
class TestOneCache:
    def test_an_unchanged_file_is_known_without_being_read(self, open_cache: Any, tmp_path: Path) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        assert cache.recall(candidate) is None
        cache.add(result_of(candidate))
        cache.close()
        Path(candidate.path).chmod(0)  # changes the time of the entry
        assert open_cache().recall(candidate) is None
        cache = open_cache()
        again = result_of(candidate)
        cache.add(again)
        cache.close()
        cache = open_cache()
        found = cache.recall(candidate)
        assert found == again and found.stamp == again.stamp and not found.recalled and cache.hits == 1

    def test_what_is_known_is_not_written_again(
        self, open_cache: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(result_of(candidate))
        cache.close()
        cache, written = open_cache(), []
        monkeypatch.setattr(Store, "add", lambda self, entries: written.extend(entries))
        cache.add(cache.recall(candidate))
        cache.close()
        assert written == []

    def test_a_copy_is_known_by_its_content_and_keeps_its_name(self, open_cache: Any, tmp_path: Path) -> None:
        a, b = settled(tmp_path / "a.png"), settled(tmp_path / "b.png")
        cache = open_cache()
        cache.add(result_of(a))
        cache.close()
        cache = open_cache()
        assert cache.recall(b) is None
        facts = FileResult(b.name, Status.OK, sha256="ab" * 32)
        found = cache.recognise(facts)
        assert found.path == b.name and found.prob_fake == 0.75
        assert cache.recognise(replace(facts, sha256="cd" * 32)) is None

    def test_another_context_knows_nothing(self, open_cache: Any, tmp_path: Path) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache("one")
        cache.add(result_of(candidate))
        cache.close()
        assert open_cache("two").recall(candidate) is None
        assert open_cache("one").recall(candidate) is not None

    def test_rehash_reads_everything(self, open_cache: Any, tmp_path: Path) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(result_of(candidate))
        cache.close()
        assert open_cache(rehash=True).recall(candidate) is None

    def test_other_limits_are_obeyed(self, open_cache: Any, tmp_path: Path) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(result_of(candidate))
        cache.close()
        assert open_cache(limits=Limits(max_pixels=5)).recall(candidate) is None
        assert open_cache(limits=Limits(max_pixels=6)).recall(candidate) is not None

    @pytest.mark.parametrize("error", ErrorCode)
    def test_only_what_the_bytes_decide_is_kept(
        self, open_cache: Any, tmp_path: Path, error: ErrorCode
    ) -> None:
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(replace(result_of(candidate), status=error.status, error=error, findings=()))
        cache.close()
        kept = {
            ErrorCode.EMPTY_FILE,
            ErrorCode.NOT_AN_IMAGE,
            ErrorCode.CORRUPT_IMAGE,
            ErrorCode.UNSUPPORTED_MODE,
            ErrorCode.UNSUPPORTED_FORMAT,
            ErrorCode.UNSUPPORTED_MEDIA,
            ErrorCode.NO_FACE,
            ErrorCode.FACE_TOO_SMALL,
        }
        assert (open_cache().recall(candidate) is not None) == (error in kept)

    @pytest.mark.slow
    def test_a_flipped_bit_in_the_file_is_never_a_result(self, open_cache: Any, tmp_path: Path) -> None:
        candidates = [settled(tmp_path / f"{number}.png") for number in range(40)]
        cache = open_cache()
        for number, candidate in enumerate(candidates):
            cache.add(result_of(candidate, sha256=f"{number:064x}", prob_fake=number / 40))
        cache.close()
        file = tmp_path / "cache" / FILE
        whole, rng = file.read_bytes(), random.Random(5)
        known = 0
        for _ in range(60):
            damaged = bytearray(whole)
            for _ in range(rng.choice((1, 3, 40))):
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            shutil.rmtree(tmp_path / "cache")
            (tmp_path / "cache").mkdir()
            file.write_bytes(damaged)
            cache = open_cache()
            for number, candidate in enumerate(candidates):
                found = cache.recall(candidate)
                assert found is None or found.prob_fake == number / 40
                known += found is not None
            cache.close()
        assert known > 100, "most of it is still good"

    @pytest.mark.parametrize(
        "content", [b"", b"no database at all, but long enough to be one" * 40, b"SQLite format 3\0"]
    )
    def test_what_is_no_database_is_made_anew_with_a_warning(
        self, open_cache: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
    ) -> None:
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / FILE).write_bytes(content)
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(result_of(candidate))
        cache.close()
        assert open_cache().recall(candidate) is not None
        assert ("is damaged" in caplog.text) == bool(content)

    def test_another_schema_is_made_anew(self, open_cache: Any, tmp_path: Path) -> None:
        open_cache().close()
        with sqlite3.connect(tmp_path / "cache" / FILE) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        candidate = settled(tmp_path / "a.png")
        cache = open_cache()
        cache.add(result_of(candidate))
        cache.close()
        assert open_cache().recall(candidate) is not None

    @pytest.mark.slow
    def test_its_size_is_bounded_and_what_was_used_last_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = iter(range(10**9, 10**10, 100_000))
        monkeypatch.setattr("scanner.memory.cache_store.time.time", lambda: next(clock))
        candidates = []
        for start in range(0, 3000, 500):
            cache = Cache(tmp_path / "cache", "one", Limits(), rehash=False, max_bytes=400_000)
            for number in range(start, start + 500):
                candidates.append(settled(tmp_path / f"{number}.png"))
                cache.add(result_of(candidates[-1], sha256=f"{number:064x}"))
            cache.close()
        assert (tmp_path / "cache" / FILE).stat().st_size <= 400_000
        cache = Cache(tmp_path / "cache", "one", Limits(), rehash=False, max_bytes=400_000)
        known = [cache.recall(candidate) is not None for candidate in candidates]
        assert all(known[-200:]) and not any(known[:500])


def test_a_file_that_changed_a_moment_ago_is_not_trusted(open_cache: Any, tmp_path: Path) -> None:
    candidate = settled(tmp_path / "a.png")
    cache = open_cache()
    cache.add(result_of(candidate))
    cache.close()
    assert open_cache().recall(candidate) is None


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"):
        Store(tmp_path / "file" / "cache", max_bytes=MIB, warn=print)
    (tmp_path / "cache" / FILE).mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot be used"):
        Store(tmp_path / "cache", max_bytes=MIB, warn=print)


@pytest.mark.parametrize(
    "change",
    [
        "model",
        "device",
        "provider",
        "precision",
        "runtime",
        "pillow",
        "numpy",
        "codec",
        "tool",
        "code",
        "record",
    ],
)
def test_the_context_is_everything_that_makes_a_result(
    detector: Detector, calibrated: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = Identity.of(detector.facts).key()
    assert before == Identity.of(Detector.load(detector.path, "cpu").facts).key()
    facts = detector.facts
    if change == "model":
        facts = Detector.load(calibrated, "cpu").facts
    elif change == "precision":
        facts = replace(facts, metadata=replace(facts.metadata, precision="int8"))
    elif change == "runtime":
        # A patch release may compute otherwise, too.
        monkeypatch.setattr("onnxruntime.__version__", f"{onnxruntime.__version__}.1")
        facts = Detector.load(detector.path, "cpu").facts
    elif change == "pillow":
        monkeypatch.setattr("PIL.__version__", "99.0")
    elif change == "numpy":
        monkeypatch.setattr("numpy.__version__", "99.0")
    elif change == "codec":
        monkeypatch.setattr("PIL.features.version", lambda name: "99")
    elif change == "tool":
        monkeypatch.setattr("scanner.results.identity.tool_version", lambda: "99.0")
    elif change == "code":
        monkeypatch.setattr("scanner.results.identity.code_fingerprint", lambda: "99")
    elif change == "record":
        monkeypatch.setattr("scanner.results.identity.RECORD_VERSION", 99)
    else:
        facts = replace(facts, **{change: "another"})
    assert Identity.of(facts).key() != before


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
    monkeypatch.setattr("scanner.media.still.provenance", lambda data: "old words")
    options = ("in", "--out", "r.csv", "--cache", "kept", "--workers", 1)
    with in_this_process(monkeypatch):
        assert scan(*options).code == 0
        assert [row["provenance"] for row in rows_of(Path("r.csv"))] == ["old words"]
        monkeypatch.setattr("scanner.media.still.provenance", lambda data: "new words")
        monkeypatch.setattr("scanner.results.identity.tool_version", lambda: "99.0")
        shutil.move("b.png", "in/b.png")
        assert scan(*options).code == 0
    assert [row["provenance"] for row in rows_of(Path("r.csv"))] == ["new words", "new words"]


@contextlib.contextmanager
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoding without processes, so that a test may change what it does."""

    def decode_here(self: object, candidates: Iterable[Any]) -> Iterator[Extracted]:
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
