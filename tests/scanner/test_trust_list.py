"""Checked manifests from the command line to the reports, and decoders that do not survive the check."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("c2pa")

from signed_files import Authority, flipped, root, signed

from models.support.errors import ExitCode
from scanner import Limits
from scanner.media.opener import Reading
from scanner.results import FileResult
from scanner.results.credentials import TrustList, Verification
from scanner.sandbox import launch
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate, MediaKind


@pytest.fixture
def folder(inside: Path) -> Path:
    """One of each state."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/m"
    files = {
        "a trusted.jpg": signed(),
        "b valid.png": signed("PNG", authority=Authority.new("Somebody else")),
        "c invalid.jpg": flipped(signed()),
        "d remote.jpg": signed(address=address),
    }
    for name, data in files.items():
        (inside / name).write_bytes(data)
    Path("roots.pem").write_text(f"a comment\n{root().pem}")
    return inside


@pytest.fixture
def run(folder: Path, scan: Callable[..., Any], model: Path) -> Callable[..., Any]:
    def run(*options: Any) -> Any:
        return scan("in", "--out", "r.csv", "--out", "r.jsonl", "--model", model, *options)

    return run


def states(rows: list[dict[str, str]]) -> list[str]:
    return [row["provenance"].partition(";")[0].partition("=")[2] for row in rows]


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("r.run.json").read_text())
    return found


def test_a_scan_with_a_trust_list(run: Any, rows_of: Any) -> None:
    assert run("--trust-list", "roots.pem", "--fail-on", "declared").code == ExitCode.FINDINGS
    rows = rows_of(Path("r.csv"))
    assert states(rows) == ["trusted", "valid", "invalid", "remote"]
    assert [row["declared"] for row in rows] == ["generated"] * 3 + [""]
    records = [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]
    assert [one.get("c2pa", {}).get("state") for one in records] == ["trusted", "valid", "invalid", None]
    assert records[0]["c2pa"]["signer"] == "Toy Press"
    assert records[2]["c2pa"]["failures"] == ["assertion.dataHash.mismatch"]
    facts = manifest()["c2pa"]
    assert (facts["verified"], facts["library"]) == (True, version("c2pa-python"))
    assert facts["trust_list"]["file"] == "roots.pem" and facts["trust_list"]["certificates"] == 1
    assert len(facts["trust_list"]["sha256"]) == 64 and facts["trust_list"]["modified"][:2] == "20"
    assert facts["states"] == {"trusted": 1, "valid": 1, "invalid": 1, "remote": 0, "unreadable": 0}


def test_without_a_list_nothing_is_trusted(run: Any, rows_of: Any) -> None:
    run()
    assert states(rows_of(Path("r.csv"))) == ["valid", "valid", "invalid", "remote"]
    assert manifest()["c2pa"]["trust_list"] is None


def test_a_redacted_manifest_does_not_name_the_list(run: Any) -> None:
    run("--trust-list", "roots.pem", "--redact-paths")
    assert "roots.pem" not in Path("r.run.json").read_text()


def test_another_list_is_another_scan(run: Any, rows_of: Any) -> None:
    run("--trust-list", "roots.pem", "--cache", "kept")
    run("--cache", "kept")
    assert states(rows_of(Path("r.csv"))) == ["valid", "valid", "invalid", "remote"]
    run("--cache", "kept")
    # What is intact today may have expired tomorrow; what is broken stays so.
    assert manifest()["counts"]["cached"] == 2


@pytest.mark.parametrize("content", [None, b"", b"no certificates", b"-----BEGIN CERTIFICATE-----"])
def test_a_list_that_is_none_is_refused(run: Any, content: bytes | None) -> None:
    if content is not None:
        Path("x.pem").write_bytes(content)
    done = run("--trust-list", "x.pem")
    assert done.code == ExitCode.INCOMPLETE and "the trust list x.pem " in done.err


def without(monkeypatch: pytest.MonkeyPatch, found: str | None) -> None:
    def installed(name: str) -> str:
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr("scanner.provenance_options.version", installed)


def test_without_the_library_it_is_said_once(run: Any, rows_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, None)
    done = run()
    assert [row["provenance"] for row in rows_of(Path("r.csv"))] == ["c2pa", "c2pa", "c2pa", "c2pa=remote"]
    assert (
        done.err.count('3 hold a C2PA manifest that was not checked: pip install "deepfake-scanner[c2pa]"')
        == 1
    )
    assert manifest()["c2pa"] == {"verified": False, "unverified": 3}


def test_another_release_is_not_trusted_to_stay_off_the_network(
    run: Any, rows_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "0.39.0")
    assert "c2pa-python 0.39.0 is installed; this release knows 0.38.x" in run().err
    assert rows_of(Path("r.csv"))[0]["provenance"] == "c2pa"
    assert run("--trust-list", "roots.pem").code == ExitCode.INCOMPLETE


WICKED = """
import os, time
from scanner.media.provenance import credentials
def check(data, pem=""):
    DEED
credentials.credentials = check
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "deed", ["os.abort()", "os.kill(os.getpid(), 9)", "while True: pass", "time.sleep(99)"]
)
def test_a_library_that_does_not_survive_costs_the_check_and_not_the_picture(
    deed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wicked = WICKED.replace("DEED", deed)
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", wicked + "serve(**"))
    paths = []
    for number, data in enumerate((signed(), signed("PNG"))):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(data)
    candidates = [Candidate(str(path), path.name, MediaKind.IMAGE, explicit=True) for path in paths]
    limits = Limits(cpu_seconds=1.0, stall_seconds=2.0)
    with DecodePool(1, Reading(limits, verification=Verification("0.38.1"))) as decoders:
        found = list(decoders.decode(candidates))
    assert [len(one.pictures) for one in found] == [1, 1]
    results: list[FileResult] = [one.result for one in found]
    assert [one.provenance for one in results] == ["c2pa=unreadable; c2pa_code=decoder.ended"] * 2
    assert all(one.credentials is not None and one.credentials.is_of_the_day for one in results)


@pytest.mark.slow
def test_the_check_stays_within_small_limits_and_a_long_list_reaches_the_decoders(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signed())
    pem = "".join(Authority.new(f"root {number}").pem for number in range(300)) + root().pem
    assert len(pem) > 128 << 10  # more than a command line's word may hold
    trust = TrustList("t.pem", "ab", "", 301, pem)
    candidate = Candidate(str(path), "a.jpg", MediaKind.IMAGE, explicit=True)
    limits = Limits(memory_bytes=64 << 20)
    with DecodePool(1, Reading(limits, verification=Verification("0.38.1", trust))) as decoders:
        (found,) = decoders.decode([candidate])
    assert found.result.provenance is not None and found.result.provenance.startswith("c2pa=trusted")
