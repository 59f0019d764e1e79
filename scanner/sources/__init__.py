"""The first room of the scanner: which files are looked at, and in which order."""

from __future__ import annotations

from models.filetypes import HEAD_BYTES, MediaKind, classify, kind_by_magic, kind_by_suffix, suffix_of
from scanner.sources.candidate import Candidate, again
from scanner.sources.pointers import NOT_FETCHED
from scanner.sources.probe import problem_of
from scanner.sources.scanignore import ScanIgnore, ScanIgnoreError
from scanner.sources.selection import (
    FileListError,
    Operand,
    Selection,
    expand_glob,
    expand_operand,
    read_file_list,
)
from scanner.sources.skips import LEFT_OUT, OnSkip, SkipType
from scanner.sources.walk import walk

__all__ = [
    "HEAD_BYTES",
    "LEFT_OUT",
    "NOT_FETCHED",
    "Candidate",
    "FileListError",
    "MediaKind",
    "OnSkip",
    "Operand",
    "ScanIgnore",
    "ScanIgnoreError",
    "Selection",
    "SkipType",
    "again",
    "classify",
    "expand_glob",
    "expand_operand",
    "kind_by_magic",
    "kind_by_suffix",
    "problem_of",
    "read_file_list",
    "suffix_of",
    "walk",
]
