"""The options of ``scan``: one field each, and what is done with it beside scanning.

A new option is a field here and its declaration in :mod:`scanner.cli_options`. What the manifest records, what the
journal compares, what a redacted manifest hides and what configuration files may set derives from the fields.
Standard library only until something is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import not_
from pathlib import Path
from typing import Annotated, Any, BinaryIO, get_type_hints


@dataclass(frozen=True)
class Use:
    """What is done with an option's value."""

    recorded: str | None = None
    """Its key in the manifest's ``options``."""
    decides_rows: bool = False
    """Whether a scan continues another's journal only with the same value: it says which files have a row."""
    names_files: bool = False
    """Whether a redacted manifest hides the value."""
    limit: str | None = None
    """The argument of :meth:`scanner.media.Limits.of`; the manifest records all limits together, with defaults."""
    is_setting: bool = True
    """Whether it says how to scan, so that ``--explain-config`` shows it; what does another thing is ``False``."""
    plain: Callable[[Any], Any] = lambda value: value
    """Makes of the value what JSON holds."""


def _text(value: Path | None) -> str | None:
    return None if value is None else str(value)


def _encoded(paths: tuple[str, ...]) -> list[str]:
    from scanner.results.names import encode_path

    return [encode_path(path) for path in paths]


def stream_name(stream: object) -> str | None:
    """As ``--files-from`` was given: a file's name, or ``-``."""
    name = getattr(stream, "name", None)
    return "-" if name == "<stdin>" else name


@dataclass(frozen=True, kw_only=True)
class Options:
    """Values as Click hands them over, which owns names on the command line, defaults and help.

    The order of the recorded fields is the manifest's.
    """

    paths: Annotated[tuple[str, ...], Use(decides_rows=True, is_setting=False, plain=_encoded)]
    files_from: Annotated[
        BinaryIO | None, Use("files_from", decides_rows=True, names_files=True, plain=stream_name)
    ]
    null: Annotated[bool, Use("nul", decides_rows=True)]
    recursive: Annotated[bool, Use("recursive", decides_rows=True)]
    follow_symlinks: Annotated[bool, Use("follow_symlinks", decides_rows=True)]
    include: Annotated[tuple[str, ...], Use("include", decides_rows=True, names_files=True, plain=list)]
    exclude: Annotated[tuple[str, ...], Use("exclude", decides_rows=True, names_files=True, plain=list)]
    no_scanignore: Annotated[bool, Use("scanignore", decides_rows=True, plain=not_)]
    force_exclude: Annotated[bool, Use("force_exclude", decides_rows=True)]
    media_only: Annotated[bool, Use("media_only", decides_rows=True)]

    model: Path | None
    threshold: Annotated[str | None, Use("threshold")]
    faces: Annotated[bool, Use("faces")]
    no_face: Annotated[str | None, Use("no_face")]
    min_face: Annotated[int | None, Use("min_face")]
    frames: Annotated[str, Use("frames")]
    max_frames: Annotated[int | None, Use("max_frames")]
    video: Annotated[str, Use("video")]
    video_bursts: Annotated[int | None, Use("video_bursts")]
    max_video_seconds: Annotated[float | None, Use("max_video_seconds")]
    archives: Annotated[bool, Use("archives")]
    documents: Annotated[bool, Use("documents")]
    device: Annotated[str, Use("device")]
    batch_size: Annotated[int | None, Use("batch_size")]
    workers: Annotated[int | None, Use("workers")]

    max_errors: Annotated[int, Use("max_errors")]
    strict: Annotated[bool, Use("strict")]
    fail_on: Annotated[str, Use("fail_on")]
    baseline: Annotated[Path | None, Use("baseline", names_files=True, plain=_text)]
    trust_list: Annotated[Path | None, Use("trust_list", names_files=True, plain=_text)]
    sarif_known: Annotated[bool, Use("sarif_known")]
    exit_zero: Annotated[bool, Use("exit_zero")]

    cache: Annotated[Path | None, Use("cache", names_files=True, plain=_text)]
    cache_mib: int
    rehash: Annotated[bool, Use("rehash")]
    restart: bool
    allow_empty: Annotated[bool, Use("allow_empty")]

    max_pixels: Annotated[int | None, Use(limit="max_pixels")]
    max_bytes: Annotated[int | None, Use(limit="max_bytes")]
    max_faces: Annotated[int | None, Use(limit="max_faces")]
    max_decode_seconds: Annotated[float | None, Use(limit="cpu_seconds")]
    max_decode_mib: Annotated[int | None, Use(limit="memory_mib")]

    outs: tuple[str, ...]
    heatmaps: Annotated[Path | None, Use("heatmaps", names_files=True, plain=_text)]
    heatmaps_for: Annotated[str, Use("heatmaps_for")]
    format: tuple[str, ...]
    no_thumbnails: bool
    redact_paths: bool
    manifest: Path | None

    list_skipped: bool
    quiet: bool
    verbose: bool
    log_file: Path | None
    no_progress: bool

    verify: Annotated[Path | None, Use(is_setting=False)]
    files: Annotated[bool, Use(is_setting=False)]
    explain_config: Annotated[bool, Use(is_setting=False)]

    def recorded(self) -> dict[str, Any]:
        """For the manifest's ``options``, all but the limits."""
        return {use.recorded: value for _, use, value in self._plain() if use.recorded is not None}

    def selection(self) -> dict[str, Any]:
        """For the journal's header: what was asked to be scanned."""
        return {use.recorded or name: value for name, use, value in self._plain() if use.decides_rows}

    def limits(self) -> dict[str, Any]:
        """Arguments of :meth:`scanner.media.Limits.of`."""
        return {use.limit: value for _, use, value in self._plain() if use.limit is not None}

    def _plain(self) -> list[tuple[str, Use, Any]]:
        return [(name, use, use.plain(getattr(self, name))) for name, use in USES.items()]


USES: Mapping[str, Use] = {
    name: next(iter(getattr(hint, "__metadata__", ())), Use())
    for name, hint in get_type_hints(Options, include_extras=True).items()
}
"""By field, which is Click's name of the parameter."""

NAMING_OPTIONS = tuple(use.recorded for use in USES.values() if use.names_files and use.recorded)
"""The manifest's options that hold paths or parts of them."""


def is_setting(name: str | None) -> bool:
    """Whether a parameter of ``scan`` says how to scan; not one that does another thing or names the settings."""
    use = USES.get(name or "")
    return use is not None and use.is_setting
