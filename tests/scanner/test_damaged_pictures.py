"""Hundreds of damaged files of a kind, through decoders: one row each, whatever becomes of a decoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damaged_files import damaged
from heic_files import WITH_EXIF
from psd_files import psd
from raw_files import SMALL, dng, raf

MOST = 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "whole", "kept", "library"),
    [
        ("heic", WITH_EXIF, 24, "pi_heif"),
        ("psd", psd(layers=2), 4, "PIL"),
        ("dng", dng([SMALL]), 8, "rawpy"),
        ("raf", raf(SMALL), 16, "rawpy"),
    ],
    ids=["heic", "psd", "dng", "raf"],
)
def test_each_has_one_row(
    tmp_path: Path,
    shell: Callable[..., Any],
    rows_of: Any,
    suffix: str,
    whole: bytes,
    kept: int,
    library: str,
) -> None:
    pytest.importorskip(library)
    (tmp_path / "in").mkdir()
    for number, data in enumerate(damaged(whole, MOST, kept=kept)):
        (tmp_path / "in" / f"{number:03}.{suffix}").write_bytes(data)
    run = shell("in", "--out", "report.csv", "-q", "--max-errors", MOST, "--exit-zero", "--workers", 2)
    assert (run.code, run.err) == (0, "")
    rows = rows_of(tmp_path / "report.csv")
    assert [row["path"] for row in rows] == [f"in/{number:03}.{suffix}" for number in range(MOST)]
    found = Counter(row["error"] for row in rows)
    assert len(found) > 1 and "not_an_image" not in found, found
