"""The run manifest (``report.run.json``): how a report came to be."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanner.inference.detector import Detector
from scanner.judgement.policy import Policy, Verdict
from scanner.reports.row import SCHEMA_VERSION as REPORT_SCHEMA
from scanner.reports.tally import Tally
from scanner.results import Status
from scanner.results.identity import Identity, library_versions

MANIFEST_SCHEMA = 1
_BEGINNING = b'{\n  "manifest_schema":'


def looks_like_manifest(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a manifest of any schema, or the cut-off beginning of one."""
    return head.startswith(_BEGINNING) or _BEGINNING.startswith(head)


def manifest_path(report: Path) -> Path:
    """``report.csv`` → ``report.run.json``."""
    return report.with_name(report.stem + ".run.json")


def build_manifest(
    detector: Detector,
    policy: Policy,
    tally: Tally,
    *,
    inputs: Sequence[str],
    options: Mapping[str, Any],
    configuration: Mapping[str, Any],
    workers: int,
    batch_size: int,
    started: datetime,
    finished: datetime,
    complete: bool,
    exit_code: int,
    reports: Mapping[str, str],
) -> dict[str, Any]:
    """Plain values; ``reports`` maps a report's file name to its SHA-256."""
    identity = Identity.of(detector)
    return {
        "manifest_schema": MANIFEST_SCHEMA,
        "report_schema": REPORT_SCHEMA,
        "tool": {"name": "deepfake-scanner", "version": identity.tool},
        "libraries": library_versions(),
        "platform": platform.platform(),
        "model": {"file": detector.path.name, "sha256": identity.model, **asdict(detector.metadata)},
        "device": {"used": detector.device, "provider": identity.provider, "fallback": detector.fallback},
        "workers": workers,
        "batch_size": batch_size,
        "precision": identity.precision,
        "aggregation": "single",
        "policy": asdict(policy),
        "inputs": list(inputs),
        "options": dict(options),
        "configuration": dict(configuration),
        "counts": {
            "files": tally.files,
            "recalled": tally.recalled,
            "cached": tally.cached,
            "status": {status.value: tally.statuses[status] for status in Status},
            "verdict": {verdict.value: tally.verdicts[verdict] for verdict in Verdict},
            "known": {
                verdict.value: tally.known[verdict] for verdict in (Verdict.FAKE, Verdict.INCONCLUSIVE)
            },
            "error": dict(sorted(tally.errors.items())),
            "other_files": dict(sorted(tally.other_files.items())),
            "left_out_of_sarif": asdict(tally.left_out_of_sarif),
            "left_out": tally.left_out,
        },
        "scanignore": [{"path": path, "sha256": digest} for path, digest in sorted(tally.scanignore)],
        "started": started.astimezone(UTC).isoformat(timespec="seconds"),
        "finished": finished.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "complete": complete,
        "exit_code": exit_code,
        "reports": dict(reports),
        "redacted": False,
    }


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """As the file holds it: UTF-8 JSON; a byte of an option that is no UTF-8 stands as ``\\udcHH``."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
