"""The report formats by name, without their code: the command line offers them before anything else is loaded."""

from __future__ import annotations

SUFFIXES = {
    "csv": (".csv",),
    "findings": (".findings.csv",),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "sarif": (".sarif", ".sarif.json"),
    "junit": (".xml",),
    "html": (".html", ".htm"),
}
"""By the word of ``--format``; a format's first suffix is the one that help texts show. Of two that a name ends in, the
longer one counts."""

_SPELLED = {"junit": "JUnit"}


def shown_suffixes() -> str:
    """For help texts: ``.csv, .jsonl, …``, and the format's name where its suffix does not say it."""
    return ", ".join(_shown(name, suffixes[0]) for name, suffixes in SUFFIXES.items())


def _shown(name: str, suffix: str) -> str:
    return suffix if name in suffix else f"{suffix} ({_SPELLED.get(name, name)})"
