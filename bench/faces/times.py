"""Time of the detector beside one run of an EfficientNet-B4, on one thread each."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.faces.scenes import opened
from bench.speed.networks import write_network
from models.faces.detect import FaceDetector
from models.support.onnx_runtime import load_onnxruntime

SIZES = ((224, 224), (300, 300), (640, 480), (960, 720), (1280, 960), (4000, 3000))


def time_lines(portrait: Path, rounds: int) -> list[str]:
    """A Markdown table: a portrait stretched to each size, and plain grey, which is turned three times."""
    detector, network = FaceDetector(), _network()
    rows: dict[str, Callable[[], object]] = {"EfficientNet-B4": network}
    for size in SIZES:
        face, grey = (
            opened(portrait).resize(size, Image.Resampling.BICUBIC),
            Image.new("RGB", size, (128, 128, 128)),
        )
        rows[f"{size[0]}×{size[1]}, a face"] = partial(detector.detect, face)
        rows[f"{size[0]}×{size[1]}, none"] = partial(detector.detect, grey)
    spent: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name, call in rows.items():
            started = time.process_time()
            call()
            if number:  # the first round warms
                spent[name].append(1000 * (time.process_time() - started))
    base = statistics.median(spent["EfficientNet-B4"])
    lines = [
        f"Median CPU time of {rounds} rounds, one thread:",
        "",
        "| | ms | EfficientNet-B4s |",
        "|---|---|---|",
    ]
    for name, values in spent.items():
        median = statistics.median(values)
        lines.append(f"| {name} | {median:.1f} | {median / base:.2f} |")
    return lines


def _network() -> Callable[[], object]:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = write_network(Path(folder, "b4.onnx"))
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (1, 260, 260, 3), np.uint8)
    return lambda: session.run(["prob_fake"], {"image": image})
