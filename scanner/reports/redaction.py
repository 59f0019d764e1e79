"""Reports and a manifest that can be shared without telling what files, folders and models are called.

It happens between results and reports: journal, cache, baseline, log and terminal know the true names. Whoever holds
the originals finds them by the number of the row or by their SHA-256.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from models.support.errors import OutputError
from scanner.options import NAMING_OPTIONS
from scanner.reports.formats import Target
from scanner.reports.report import RunFacts
from scanner.results import FileResult
from scanner.sources import MediaKind, SkipType, kind_by_suffix, suffix_of

REDACTED = "redacted"
"""Takes the place of each name that was given."""


def redacted_result(result: FileResult, number: int) -> FileResult:
    """For a report's row ``number``, from 1: ``file-0000123.jpg``, and no free text, which could quote the name.

    A suffix stays if it names a media format; any other is part of a name.
    """
    is_media = kind_by_suffix(result.path) is not MediaKind.UNKNOWN
    suffix = f".{suffix_of(result.path)}" if is_media else ""
    return replace(result, path=f"file-{number:07}{suffix}", detail="")


def redacted_facts(facts: RunFacts) -> RunFacts:
    """For reports that tell of the run."""
    inputs = [REDACTED] * len(facts.inputs)
    model = replace(facts.model, file=_model_name(facts.model.sha256))
    return replace(facts, inputs=inputs, model=model, redacted=True)


def redacted_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Of the reports the bare names stay: they are looked for beside the manifest."""
    counts, model = manifest["counts"], manifest["model"]
    options = dict(manifest["options"])
    options |= {name: _redacted(options[name]) for name in NAMING_OPTIONS if name in options}
    files = manifest["configuration"]["files"]
    named = {path: f"{REDACTED}-{number}" for number, path in enumerate(files, start=1)}
    came_from = manifest["configuration"]["from"]
    return {
        **manifest,
        "model": {**model, "file": _model_name(model["sha256"])},
        "inputs": _redacted(manifest["inputs"]),
        "c2pa": _without_name(manifest["c2pa"]),
        "options": options,
        "configuration": {
            "files": {named[path]: digest for path, digest in files.items()},
            "from": {name: named.get(origin, origin) for name, origin in came_from.items()},
        },
        "counts": {**counts, "other_files": _without_suffixes(counts["other_files"])},
        "scanignore": [{**file, "path": REDACTED} for file in manifest["scanignore"]],
        "reports": {PurePosixPath(name).name: digest for name, digest in manifest["reports"].items()},
        "redacted": True,
    }


def _without_name(c2pa: Mapping[str, Any]) -> dict[str, Any]:
    trust_list = c2pa.get("trust_list")
    return {**c2pa, "trust_list": {**trust_list, "file": REDACTED}} if trust_list else dict(c2pa)


def check_report_names(targets: Sequence[Target]) -> None:
    """Raises :class:`OutputError` for two reports that a redacted manifest could not tell apart."""
    names = Counter(target.path.name for target in targets if target.path is not None)
    name, count = next(iter(names.most_common(1)), ("", 0))
    if count > 1:
        raise OutputError(
            f"{count} reports are called {name}, and with --redact-paths the manifest names no folders; "
            "give them different names"
        )


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [REDACTED] * len(value)
    # A list of files on standard input has no name.
    return value if value in (None, "-") else REDACTED


def _model_name(sha256: str) -> str:
    return f"model-{sha256[:12]}.onnx"


def _without_suffixes(counts: Mapping[str, int]) -> dict[str, int]:
    """What follows the last dot of a name that no format is known by may be anything."""
    known = {type_.value for type_ in SkipType}
    merged: Counter[str] = Counter()
    for type_, count in counts.items():
        merged[type_ if type_ in known else SkipType.OTHER_SUFFIX.value] += count
    return dict(sorted(merged.items()))
