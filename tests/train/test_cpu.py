from __future__ import annotations

import subprocess
import sys

import pytest

from train.fitting import cpu

FAULTS = """
import resource, sys
import torch
from train.fitting.cpu import prepared_cpu
prepared = prepared_cpu()
if sys.argv[1] == "kept":
    print(prepared.__enter__())
def step():
    torch.ones(20_000_000).add_(1)
for _ in range(8):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_freed_memory_is_kept_and_it_is_said() -> None:
    """80 MB are 19,531 pages, which glibc takes from the kernel anew at every step: more than it ever keeps."""

    def lines(kind: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, kind], capture_output=True, text=True, check=True
        )
        return done.stdout.split("\n")

    said, faults, _ = lines("kept")
    assert "freed memory is kept" in said
    assert int(faults) < 2_000 < int(lines("default")[0])


DENORMALS = """
import torch
from train.fitting.cpu import prepared_cpu
def product():
    return float(torch.tensor(1e-30) * 1e-15)
with prepared_cpu():
    print(product())
print(product() > 0)
"""


@pytest.mark.slow
def test_denormal_numbers_are_flushed() -> None:
    done = subprocess.run([sys.executable, "-c", DENORMALS], capture_output=True, text=True, check=True)
    assert done.stdout == "0.0\nTrue\n"


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so.2")
    monkeypatch.setattr(cpu, "keep_freed_memory", lambda: pytest.fail("it is not glibc's to tell"))
    with cpu.prepared_cpu() as said:
        assert said is None
