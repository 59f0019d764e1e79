"""The run manifest beside a report: which model gave the scores, and whether the report is still the one of the run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from scanner.reports.manifest import looks_like_manifest, manifest_path


@dataclass(frozen=True)
class Origin:
    """What a review needs of it."""

    sha256: str | None = None
    """Of the manifest; ``None`` where there is none."""
    redacted: bool = False
    remark: str = ""
    """What the reviewer must know, or nothing."""


def origin_of(report: Path, report_sha256: str) -> Origin:
    """Of the manifest that a scan puts beside its report."""
    path = manifest_path(report)
    try:
        data = path.read_bytes()
        content = json.loads(data) if looks_like_manifest(data[:256]) else None
    except OSError as error:
        return Origin(remark=f"no run manifest ({path.name}: {error.strerror}): decisions will name none")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return Origin(remark=f"{path.name} is no run manifest: decisions will name none")
    digest = hashlib.sha256(data).hexdigest()
    redacted = content.get("redacted") is True
    reports = content.get("reports")
    said = reports.get(report.name) if isinstance(reports, dict) else None
    if said is None:
        return Origin(digest, redacted, f"{path.name} does not name {report.name}: it may be of another scan")
    if said != report_sha256:
        return Origin(
            digest, redacted, f"{report.name} was CHANGED since the scan: its manifest has another SHA-256"
        )
    return Origin(digest, redacted)
