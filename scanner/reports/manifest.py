"""The run manifest (``report.run.json``): how a report came to be."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.support.errors import ExitCode
from scanner.judgement.policy import Verdict
from scanner.judgement.tally import Tally
from scanner.reports.report import TOOL, RunEnd, RunFacts
from scanner.reports.row import SCHEMA_VERSION as REPORT_SCHEMA
from scanner.results import Declared, Status
from scanner.results.credentials import CredentialState
from scanner.results.identity import Identity, library_versions
from scanner.results.model import ModelFacts

MANIFEST_SCHEMA = 1
_BEGINNING = b'{\n  "manifest_schema":'


def looks_like_manifest(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a manifest of any schema, or the cut-off beginning of one."""
    return head.startswith(_BEGINNING) or _BEGINNING.startswith(head)


def manifest_path(report: Path) -> Path:
    """``report.csv`` → ``report.run.json``."""
    return report.with_name(report.stem + ".run.json")


def build_manifest(
    facts: RunFacts,
    end: RunEnd,
    *,
    options: Mapping[str, Any],
    configuration: Mapping[str, Any],
    finished: datetime,
    reports: Mapping[str, str],
) -> dict[str, Any]:
    """Plain values; ``reports`` maps a report's file name to its SHA-256."""
    model, tally = facts.model, end.tally
    identity = Identity.of(model)
    return {
        "manifest_schema": MANIFEST_SCHEMA,
        "report_schema": REPORT_SCHEMA,
        "tool": {"name": TOOL, "version": identity.tool},
        "libraries": library_versions(),
        "platform": platform.platform(),
        "model": {"file": model.file, "sha256": identity.model, **model.metadata.known()},
        "device": {"used": model.device, "provider": identity.provider, "fallback": model.fallback},
        "workers": facts.workers,
        "batch_size": facts.batch_size,
        "precision": identity.precision,
        "aggregation": "max_face" if model.of_faces else "single",
        **_of_frames(model),
        "c2pa": _of_credentials(model, tally),
        "policy": facts.policy.facts(),
        "inputs": list(facts.inputs),
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
            "declared": {word.value: tally.declared[word] for word in Declared},
            "error": dict(sorted(tally.errors.items())),
            "unscored_faces": dict(sorted(tally.unscored_faces.items())),
            "other_files": dict(sorted(tally.other_files.items())),
            "left_out_of_sarif": asdict(tally.left_out_of_sarif),
            "left_out": tally.left_out,
        },
        "scanignore": [{"path": path, "sha256": digest} for path, digest in sorted(tally.scanignore)],
        "started": facts.started.astimezone(UTC).isoformat(timespec="seconds"),
        "finished": finished.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round((finished - facts.started).total_seconds(), 3),
        "complete": end.code is not ExitCode.INCOMPLETE,
        "exit_code": int(end.code),
        "reports": dict(reports),
        "redacted": False,
    }


def _of_frames(model: ModelFacts) -> dict[str, Any]:
    """Only where films, or all frames of pictures, are looked into."""
    sampling, told = model.sampling, {}
    if sampling.video:
        told["video"] = {
            "bursts": sampling.bursts,
            "max_seconds": sampling.max_seconds,
            "aggregation": "max_track" if model.of_faces else "mean_logit",
        }
    if sampling.all_frames:
        told["frames"] = {"max_frames": sampling.max_frames, "aggregation": "max_finding"}
    return told


def _of_credentials(model: ModelFacts, tally: Tally) -> dict[str, Any]:
    """Whether C2PA manifests were checked, with what, and what came of it."""
    known = model.verification
    if known is None:
        return {"verified": False, "unverified": tally.unverified}
    trust = None
    if (given := known.trust_list) is not None:
        trust = {name: getattr(given, name) for name in ("file", "sha256", "modified", "certificates")}
    states = {state.value: tally.credentials[state] for state in CredentialState}
    return {"verified": True, "library": known.library, "trust_list": trust, "states": states}


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """As the file holds it: UTF-8 JSON; a byte of an option that is no UTF-8 stands as ``\\udcHH``."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
