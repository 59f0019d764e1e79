"""How fast a scan is beside a plain torch loop, and how much of its own parts' speed it keeps.

    python bench/throughput.py --model model.onnx

Every row runs on the same images in the same process, warmed, the rows of a round one after the other, several
rounds; the table gives the median and the range. Absolute numbers belong to one machine on one day: quote the
ratios. Needs the extra ``[train]`` for the torch row.
"""

from __future__ import annotations

import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageFilter

from models.machine import usable_cores
from models.preprocessing import preprocess
from scanner import Detector, scan_files

EDGE = 256
QUALITY = 90
TORCH_BATCH = 32


def make_images(folder: Path, count: int) -> list[Path]:
    """``count`` JPEGs of 256×256 with the detail of a photo: smoothed noise of several scales."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        picture = Image.new("RGB", (EDGE, EDGE), (128, 128, 128))
        for cells in (4, 16, 64, EDGE):
            noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            layer = noise.resize((EDGE, EDGE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(0.7))
            picture = Image.blend(picture, layer, 0.35)
        paths.append(folder / f"{number:05}.jpg")
        picture.save(paths[-1], quality=QUALITY)
    return paths


def scan_row(detector: Detector, paths: Sequence[Path]) -> Callable[[], int]:
    """The pipeline as ``scan`` runs it, without its report."""
    return lambda: sum(result.status == "ok" for result in scan_files(paths, detector))


def session_row(detector: Detector, paths: Sequence[Path], workers: int, batch: int) -> Callable[[], int]:
    """The model alone, fed from memory in the way that suits the device."""
    pixels = np.stack([preprocess(path.read_bytes())[0] for path in paths])
    parts = [pixels[i : i + batch] for i in range(0, len(pixels), batch)]

    def run() -> int:
        with ThreadPoolExecutor(workers) as pool:
            return sum(len(scores.logit) for scores in pool.map(detector.score, parts))

    return run


def decoder_row(paths: Sequence[Path], workers: int) -> Callable[[], int]:
    """Reading and decoding alone, on all cores."""

    def run() -> int:
        with ThreadPoolExecutor(workers) as pool:
            return sum(1 for _ in pool.map(lambda path: preprocess(path.read_bytes()), paths))

    return run


def torch_row(model: Path, paths: Sequence[Path], device: str) -> Callable[[], int]:
    """The usual loop: DataLoader, fp32 eager, batch 32, the same weights and the same preprocessing."""
    import torch
    from torch.utils.data import DataLoader

    from models.contract import IMAGENET_MEAN, IMAGENET_STD
    from models.network import load_network, state_dict_from_onnx

    where = torch.device(device)
    network = load_network(state_dict_from_onnx(model), where=str(model)).to(where)
    mean = torch.tensor(IMAGENET_MEAN, device=where).view(1, 3, 1, 1) * 255
    std = torch.tensor(IMAGENET_STD, device=where).view(1, 3, 1, 1) * 255

    class Files(torch.utils.data.Dataset[np.ndarray]):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> np.ndarray:
            return preprocess(paths[index].read_bytes())[0]

    def run() -> int:
        done = 0
        with torch.inference_mode():
            for pixels in DataLoader(Files(), batch_size=TORCH_BATCH, num_workers=1):
                batch = (pixels.to(where).permute(0, 3, 1, 2).float() - mean) / std
                done += len(torch.sigmoid(network(batch)).cpu())
        return done

    return run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--model", type=click.Path(path_type=Path), default=None, help="Exported model; default: the shipped one."
)
@click.option("--device", default="cpu", help="cpu or cuda[:N].")
@click.option("--count", type=click.IntRange(TORCH_BATCH), default=256, help="Images.")
@click.option("--rounds", type=click.IntRange(1), default=3)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write the figures here."
)
def main(model: Path | None, device: str, count: int, rounds: int, json_file: Path | None) -> None:
    """Images per second of each row, side by side."""
    detector = Detector.load(model, device)
    workers = usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        paths = make_images(Path(folder), count)
        rows = {
            "torch eager loop, batch 32": torch_row(detector.path, paths, device),
            "scan": scan_row(detector, paths),
            "its session alone": session_row(
                detector, paths, 1 if detector.on_gpu else workers, 64 if detector.on_gpu else 1
            ),
            "its decoder alone": decoder_row(paths, workers),
        }
        rates: dict[str, list[float]] = {name: [] for name in rows}
        for run in rows.values():
            run()
        for _ in range(rounds):
            for name, run in rows.items():
                start = time.perf_counter()
                done = run()
                rates[name].append(done / (time.perf_counter() - start))
                if done != count:
                    raise click.ClickException(f"{name} did {done} of {count} images")
    medians = {name: statistics.median(values) for name, values in rates.items()}
    base = medians["torch eager loop, batch 32"]
    out = io.StringIO()
    out.write(
        f"{count} JPEGs of {EDGE}×{EDGE}, {detector.device} ({detector.provider}), {workers} cores, {rounds} rounds\n\n"
    )
    out.write("| row | images/s, median | range | ratio |\n|---|---|---|---|\n")
    for name, values in rates.items():
        out.write(
            f"| {name} | {medians[name]:.1f} | {min(values):.1f}–{max(values):.1f} | {medians[name] / base:.2f} |\n"
        )
    slower = min(medians["its session alone"], medians["its decoder alone"])
    out.write(f"\nscan keeps {100 * medians['scan'] / slower:.0f} % of the slower of its two parts.\n")
    click.echo(out.getvalue(), nl=False)
    if json_file is not None:
        json_file.write_text(
            json.dumps({"device": detector.device, "count": count, "rates": rates}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
