"""The cache: the same bytes in the same context are scored once, and nothing wrong ever comes out of it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from cached_scans import settled

from models.support.errors import OutputError
from scanner import Detector, FileResult, Finding, Limits, Status
from scanner.memory.cache import Cache
from scanner.memory.cache_store import FILE, Store
from scanner.results import ErrorCode, Stamp
from scanner.results.identity import Identity
from scanner.sources import Candidate

MIB = 1 << 20


@pytest.fixture
def open_cache(tmp_path: Path) -> Callable[..., Cache]:
    def make(context: str = "one", *, limits: Limits | None = None, rehash: bool = False) -> Cache:
        return Cache(tmp_path / "cache", context, limits or Limits(), rehash=rehash, max_bytes=MIB)

    return make


def result_of(candidate: Candidate, prob_fake: float = 0.75, **facts: Any) -> FileResult:
    stamp = Stamp.of(Path(candidate.path).stat())
    known: dict[str, Any] = {"sha256": "ab" * 32, "bytes": 1, "width": 3, "height": 2, "stamp": stamp}
    return FileResult(candidate.name, Status.OK, findings=(Finding(1.5, prob_fake),), **known | facts)


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
            ErrorCode.ENCRYPTED,
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
        for start in range(0, 3000, 200):
            cache = Cache(tmp_path / "cache", "one", Limits(), rehash=False, max_bytes=400_000)
            for number in range(start, start + 200):  # fewer than it holds
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
