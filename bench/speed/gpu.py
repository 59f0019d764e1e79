"""What only a GPU has: whether it scores as the CPU does, and how busy it was."""

from __future__ import annotations

import contextlib
import select
import statistics
import subprocess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from bench.speed.images import first
from bench.speed.ours import decode
from scanner import Detector

PARITY_IMAGES = 64
_START_SECONDS = 5


class Parity(NamedTuple):
    """Of the same images on two devices."""

    difference: float
    """Largest difference of ``prob_fake``."""
    lowest: float
    highest: float
    """What the CPU's ``prob_fake`` ranges over: where all are 0 or 1, no difference could show."""


def parity(cpu: Detector, other: Detector, paths: list[Path]) -> Parity:
    """``cpu`` scores one image at a time, ``other`` all of them at once."""
    pixels = decode(first(paths, PARITY_IMAGES))
    expected = np.concatenate([cpu.score(pixels[i : i + 1]).prob_fake for i in range(len(pixels))])
    found = other.score(pixels).prob_fake
    return Parity(float(np.abs(expected - found).max()), float(expected.min()), float(expected.max()))


class Busy:
    """Samples the GPU's utilisation, every 200 ms while it is entered; it may be entered again."""

    def __init__(self, index: int) -> None:
        self.percent: list[int] = []
        self.problem: str | None = None
        self._command = [
            "nvidia-smi",
            f"--id={index}",
            "--query-gpu=utilization.gpu",
            "--format=csv,noheader,nounits",
            "-lms",
            "200",
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Busy:
        try:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        except OSError as error:
            self.problem = f"nvidia-smi cannot be run: {error.strerror}"
            return self
        assert self._process.stdout is not None
        # The first sample is of before the row; once it is there, nvidia-smi has started.
        if select.select([self._process.stdout], [], [], _START_SECONDS)[0]:
            self._process.stdout.readline()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        text, _ = self._process.communicate()
        self._process = None
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                self.percent.append(int(line))
                continue
            self.problem = f"nvidia-smi says {line.strip()!r}"

    def sentence(self) -> str:
        """For people."""
        if not self.percent:
            return f"How busy the GPU was is not known: {self.problem or 'nvidia-smi gave no sample'}."
        return (
            f"GPU busy during the scan: {statistics.mean(self.percent):.0f} % on average, median "
            f"{statistics.median(self.percent):.0f} %, of {len(self.percent)} samples."
        )
