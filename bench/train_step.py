"""What a training step costs on this CPU: ``python -m bench.train_step``.

Each row is a process of its own, since an allocator is chosen at a process's start; the rows take turns in several
rounds, so that what else the machine does falls on all of them. Random pixels: the arithmetic does not look at them.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

GLIBC, KEPT, JEMALLOC = "glibc as it is", "glibc keeps freed memory", "jemalloc"
JEMALLOC_CONF = "oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1"

STEP = """
import json, resource, sys, time
import torch
from models.backbones import build_network
from train.fitting import cpu

asked = json.loads(sys.argv[1])
if asked["kept"]:
    assert cpu.keep_freed_memory()
torch.manual_seed(0)
network = build_network(asked["network"], dropout=0.0, stochastic_depth=0.0).train()
layout = torch.channels_last if asked["channels_last"] else torch.contiguous_format
network = network.to(memory_format=layout)
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
loss = torch.nn.BCEWithLogitsLoss()
pixels = torch.randn(asked["batch"], 3, asked["size"], asked["size"]).contiguous(memory_format=layout)
labels = (torch.arange(asked["batch"]) % 2).float()

def step():
    optimizer.zero_grad(set_to_none=True)
    loss(network(pixels).reshape(-1), labels).backward()
    optimizer.step()

for _ in range(2):
    step()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
started, busy = time.perf_counter(), time.process_time()
for _ in range(asked["steps"]):
    step()
print(json.dumps({
    "seconds": (time.perf_counter() - started) / asked["steps"],
    "cpu": (time.process_time() - busy) / asked["steps"],
    "faults": (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / asked["steps"],
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument(
        "--row",
        action="append",
        metavar="NETWORK:SIZE",
        help="[default: efficientnet_lite2:160, efficientnet_lite2:260, efficientnet_b4:160]",
    )
    asked = parser.parse_args()
    settings = []
    for text in asked.row or ("efficientnet_lite2:160", "efficientnet_lite2:260", "efficientnet_b4:160"):
        network, _, size = text.partition(":")
        base = {"network": network, "size": int(size), "batch": asked.batch, "channels_last": True}
        allocators = [GLIBC, KEPT, *([JEMALLOC] if _jemalloc() else [])]
        settings += [(f"{text}, {allocator}", allocator, base) for allocator in allocators]
        settings.append((f"{text}, {KEPT}, NCHW", KEPT, {**base, "channels_last": False}))
        settings.append(
            (f"{text}, {KEPT}, batch {2 * asked.batch}", KEPT, {**base, "batch": 2 * asked.batch})
        )
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for name, allocator, base in settings:
            found[name].append(_run(allocator, {**base, "steps": asked.steps}))
    _print(settings, found)
    if not _jemalloc():
        print("jemalloc is not installed and was not measured")


def _run(allocator: str, settings: dict[str, object]) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if allocator == JEMALLOC:
        environment |= {"LD_PRELOAD": str(_jemalloc()), "MALLOC_CONF": JEMALLOC_CONF}
    command = [sys.executable, "-c", STEP, json.dumps({**settings, "kept": allocator == KEPT})]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _print(
    settings: list[tuple[str, str, dict[str, object]]], found: dict[str, list[dict[str, float]]]
) -> None:
    print(
        f"{'network:size, memory':52} {'s/step':>7} {'CPU s':>7} {'faults':>8} {'images/s':>8} {'ratio':>6}"
    )
    for name, allocator, base in settings:
        one = {key: statistics.median(row[key] for row in found[name]) for key in found[name][0]}
        images = int(str(base["batch"])) / one["seconds"]
        if allocator == GLIBC:
            first = images
        costs = f"{one['seconds']:7.2f} {one['cpu']:7.2f} {one['faults']:8.0f}"
        print(f"{name:52} {costs} {images:8.1f} {images / first:6.2f}")


def _jemalloc() -> str | None:
    name = ctypes.util.find_library("jemalloc")
    places = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
    return next((str(path) for place in places for path in place.glob(f"**/{name}")), None) if name else None


if __name__ == "__main__":
    main()
