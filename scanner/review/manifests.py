"""The run manifest beside a report: which model gave the scores, and whether the report is still the one of the run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scanner.media import Limits
from scanner.reports.manifest import looks_like_manifest, manifest_path
from scanner.results.sampling import BURSTS, MAX_FRAMES, Sampling

UNTOLD = Sampling(archives=True, documents=True)
"""Without a manifest: what was looked into is plain from the names of members; frames of films cannot be guessed."""


@dataclass(frozen=True)
class Origin:
    """What a review needs of it."""

    sha256: str | None = None
    """Of the manifest; ``None`` where there is none."""
    redacted: bool = False
    remark: str = ""
    """What the reviewer must know, or nothing."""
    sampling: Sampling = UNTOLD
    """Which frames of files with several were looked at."""
    limits: Limits = Limits()  # noqa: RUF009 - never changed
    """Of each file."""


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
    asked = content.get("options")
    redacted, sampling, limits = content.get("redacted") is True, _sampling(asked), _limits(asked)
    reports = content.get("reports")
    said = reports.get(report.name) if isinstance(reports, dict) else None
    remark = ""
    if said is None:
        remark = f"{path.name} does not name {report.name}: it may be of another scan"
    elif said != report_sha256:
        remark = f"{report.name} was CHANGED since the scan: its manifest has another SHA-256"
    return Origin(digest, redacted, remark, sampling, limits)


def _sampling(options: Any) -> Sampling:
    """As the scan was told; what a manifest of another version says otherwise is not followed."""
    asked = options if isinstance(options, dict) else {}
    bursts, most, seconds = (asked.get(name) for name in ("video_bursts", "max_frames", "max_video_seconds"))
    return Sampling(
        video=asked.get("video") == "sample",
        bursts=bursts if isinstance(bursts, int) else BURSTS,
        max_seconds=float(seconds) if isinstance(seconds, int | float) else None,
        all_frames=asked.get("frames") == "all",
        max_frames=most if isinstance(most, int) else MAX_FRAMES,
        archives=asked.get("archives") is True,
        documents=asked.get("documents") is True,
    )


def _limits(options: Any) -> Limits:
    """Likewise: what the scan could read, a review can."""
    told = options.get("limits") if isinstance(options, dict) else None
    if not isinstance(told, dict):
        return Limits()
    known: dict[str, Any] = {name: told.get(name) for name in asdict(Limits())}
    good: dict[str, Any] = {
        name: value for name, value in known.items() if type(value) in (int, float) and value > 0
    }
    try:
        return Limits(**good)
    except ValueError:
        return Limits()
