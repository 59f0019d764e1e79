"""A long film does not fill memory: neither the run's nor a decoder's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from films import write_greys

from scanner.sandbox import worker

PEAK = """
import resource, sys
from pathlib import Path
from scanner import Detector
from scanner.api import scan_files
from scanner.results.sampling import Sampling
detector = Detector.load(Path(sys.argv[2]), "cpu").looking_at(Sampling(video=True, bursts=int(sys.argv[3])))
(found,) = scan_files([sys.argv[1]], detector, workers=2, batch_size=1)
peaks = [resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(len(found.findings), *peaks)
"""


@pytest.mark.slow
def test_memory_is_flat_for_a_long_film(tmp_path: Path, model: Path) -> None:
    film = write_greys(tmp_path / "long.avi", [40, 200, 90] * 1200, rate=4)

    def peaks(bursts: int) -> list[int]:
        words = [sys.executable, "-c", PEAK, str(film), str(model), str(bursts)]
        home = str(Path(worker.__file__).parents[2])
        done = subprocess.run(
            words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": home}
        )
        count, *kib = map(int, done.stdout.split())
        assert count == 4 * bursts
        return [size * 1024 for size in kib]

    for short, long in zip(peaks(8), peaks(220), strict=True):
        assert long - short < 32 << 20, f"{(long - short) >> 20} MiB more, for 180 MB of pictures"
