"""Which rows there are, on which pictures, and of how many images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from bench.speed import ours, peers
from bench.speed.gpu import Busy
from bench.speed.images import BIG, JPEG, PNG, WEBP, Kind, first, make_pictures
from bench.speed.measure import Row, key
from bench.speed.null_model import write_null_model
from models.support.machine import usable_cores
from scanner import Detector
from scanner.engine.batches import GPU_BATCH
from scanner.engine.local import GPU_CALLERS

NOTEBOOK = "notebook loop (torchvision, fp32 eager, batch 32)"
TIMM = "timm loop (fp32 eager, batch 32)"
PIPELINE = "transformers pipeline (fp32 eager, batch 8)"
EAGER = "torch fp32 eager, channels_last"
AUTOCAST = "torch {} autocast eager, channels_last"
COMPILED = "torch.compile, bf16, frozen, channels_last"
SCAN = "scan, {}"
COMMAND = "scan command with its start-up, {}"
SESSION = "session alone, {}"
NULL = "scan, null model"
FULL = "scan, null model, full decoding"
POOL = "decoder alone: the scan's pool"
THREADS = "decoder alone: plain preprocess in threads"
PROCESSES = "decoder alone: plain preprocess in processes"

FP32 = "fp32"
GPU_SESSION_BATCHES = (1, 8, 16, 32, 64, 128)
_AUTOCAST = {torch.bfloat16: "bf16", torch.float16: "fp16"}


@dataclass(frozen=True)
class Sizes:
    """Images of a round."""

    count: int
    slow: int
    fast: int
    big: int


@dataclass
class Plan:
    """The rows of a run, as they are put together."""

    model: Path
    detectors: dict[str, Detector]
    """The model as :data:`FP32`, then the variants by name."""
    sizes: Sizes
    scratch: Path
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    compile_seconds: float | None = None
    busy: Busy | None = None

    @property
    def detector(self) -> Detector:
        return self.detectors[FP32]

    def add(self, kind: Kind, name: str, images: int, run: ours.Run, *, warm: int = 32, **facts: Any) -> None:
        """A row, warmed with no more images than it has."""
        self.rows.append(Row(kind.name, name, images, run, min(images, warm), **facts))

    def pictures(self, kind: Kind, count: int) -> list[Path]:
        """Files of one kind; a row that wants more of them starts again at the first."""
        folder = self.scratch / kind.name.replace(" ", "-")
        return make_pictures(folder, kind, min(count, kind.different))


def plan_rows(
    model: Path, detectors: dict[str, Detector], sizes: Sizes, scratch: Path, *, compiled: bool
) -> Plan:
    """Everything that makes sense on the detectors' device; what is left out has its sentence in ``notes``."""
    plan = Plan(model, detectors, sizes, scratch)
    null = Detector.load(write_null_model(scratch / "null.onnx"), plan.detector.device)
    paths = plan.pictures(JPEG, max(sizes.count, sizes.fast, sizes.slow))
    _add_peers(plan, paths, compiled=compiled)
    _add_scans(plan, paths)
    _add_pipeline(plan, JPEG, paths, null, sizes.fast)
    if plan.detector.on_gpu:
        plan.notes.append(
            "Other pictures than 256×256 JPEGs, timm and transformers are measured on the CPU alone."
        )
        return plan
    few, many = max(1, sizes.count // 4), max(1, sizes.fast // 4)
    for kind, scanned, piped in (
        (BIG, max(1, sizes.big // 3), sizes.big),
        (PNG, few, many),
        (WEBP, few, many),
    ):
        paths = plan.pictures(kind, max(scanned, piped))
        parts = ((session_key(plan.detector, FP32),), decoders(kind))
        plan.add(kind, SCAN.format(FP32), scanned, ours.scan(plan.detector, paths), parts=parts)
        _add_pipeline(plan, kind, paths, null, piped)
    return plan


def decoders(kind: Kind) -> tuple[str, ...]:
    """Keys of the two ways to decode without the scan's pool."""
    return key(kind.name, THREADS), key(kind.name, PROCESSES)


def scan_batch(detector: Detector) -> int:
    """Images of one inference of a scan, on a GPU that holds so many."""
    return GPU_BATCH if detector.on_gpu else 1


def session_key(detector: Detector, name: str) -> str:
    """Of the session as the scan calls it."""
    return key(JPEG.name, _session_name(detector, name, scan_batch(detector)))


def tuned_torch() -> tuple[str, ...]:
    """Keys of what a person who knows torch well would use."""
    names = [*(AUTOCAST.format(name) for name in _AUTOCAST.values()), COMPILED]
    return tuple(key(JPEG.name, name) for name in names)


def _add_peers(plan: Plan, paths: list[Path], *, compiled: bool) -> None:
    model, device, slow = plan.detector.path, torch.device(plan.detector.device), plan.sizes.slow
    on_gpu = plan.detector.on_gpu
    files = first(paths, slow)
    plan.add(
        JPEG,
        NOTEBOOK,
        slow,
        peers.notebook_loop(model, files, device),
        plotted=True,
        limit="its two loader workers"
        if on_gpu
        else "the network: contiguous layout, batches that outgrow the caches",
    )
    if not on_gpu:
        _add_libraries(plan, files, device)
    batch = peers.tuned_batch(device)
    # Whole batches: compiled code would be compiled anew for a shorter last one.
    images = max(batch, plan.sizes.count // (1 if on_gpu else 3) // batch * batch)
    files = first(paths, images)
    # On a GPU the loader may be the slower of the two; the rows do not tell them apart.
    what = "the network or its loader" if on_gpu else "the network"
    limit = f"{what}: one operator after the other, batch {batch}"
    for dtype in (None, *_AUTOCAST):
        if dtype is torch.float16 and not on_gpu:
            continue
        name = EAGER if dtype is None else AUTOCAST.format(_AUTOCAST[dtype])
        loop = peers.eager_loop(model, files, device, dtype)
        plan.add(JPEG, name, images, loop, warm=2 * batch, limit=limit, plotted=True)
    if not compiled:
        plan.notes.append(f"Left out: “{COMPILED}”, since --no-compile was given.")
        return
    try:
        loop, plan.compile_seconds = peers.compiled_loop(model, files, device)
    except Exception as error:  # noqa: BLE001 - a compiler that is missing or fails costs its row, not the others
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        plan.notes.append(f"Left out: “{COMPILED}”, since compiling failed ({reason}).")
        return
    limit = (
        f"{what}: fused operators, batch {batch}; compiling took {plan.compile_seconds:.0f} s, not counted"
    )
    plan.add(JPEG, COMPILED, images, loop, warm=2 * batch, limit=limit, plotted=True)


def _add_libraries(plan: Plan, files: list[Path], device: torch.device) -> None:
    for name, make, limit in (
        (TIMM, peers.timm_loop, "the network, as in the notebook loop; its crop and resize differ"),
        (PIPELINE, peers.pipeline_loop, "the network, and decoding in turn with it in the same process"),
    ):
        try:
            loop = make(files, device)
        except peers.NotInstalled as missing:
            plan.notes.append(f"Left out: “{name}”, since {missing}.")
            continue
        plan.add(JPEG, name, len(files), loop, limit=limit, plotted=True)


def _add_scans(plan: Plan, paths: list[Path]) -> None:
    count, on_gpu = plan.sizes.count, plan.detector.on_gpu
    pixels = ours.decode(paths)
    for name, detector in plan.detectors.items():
        full = scan_batch(detector)
        plan.add(
            JPEG,
            SCAN.format(name),
            count,
            ours.scan(detector, paths),
            warm=2 * full + 32,
            plotted=True,
            parts=((session_key(detector, name),), decoders(JPEG)),
        )
        if on_gpu and name == FP32:
            plan.busy = Busy(torch.device(detector.device).index or 0)
            plan.rows[-1] = replace(plan.rows[-1], watch=plan.busy)
        for batch in GPU_SESSION_BATCHES if on_gpu else (full,):
            # Small batches are slow on a GPU, and need no more images to be timed.
            images = max(1, min(count, 256 + 16 * batch) // batch) * batch if on_gpu else count
            run = ours.session(
                detector, pixels, callers=GPU_CALLERS if on_gpu else usable_cores(), batch=batch
            )
            limit = f"the GPU, {GPU_CALLERS} callers" if on_gpu else "the cores, one caller each"
            plan.add(
                JPEG, _session_name(detector, name, batch), images, run, warm=max(32, 4 * batch), limit=limit
            )
    folders = {
        images: ours.make_folder(plan.scratch / f"folder-{images}", first(paths, images))
        for images in {count, min(count, 32)}
    }
    plan.add(
        JPEG,
        COMMAND.format(FP32),
        count,
        ours.command(plan.model, plan.detector.device, folders),
        plotted=True,
        parts=((key(JPEG.name, SCAN.format(FP32)),),),
        limit="the rest is start-up and report",
    )


def _session_name(detector: Detector, name: str, batch: int) -> str:
    return SESSION.format(name) + (f", batch {batch}" if detector.on_gpu else "")


def _add_pipeline(plan: Plan, kind: Kind, paths: list[Path], null: Detector, images: int) -> None:
    """Everything but the network."""
    parts = (decoders(kind),)
    plan.add(kind, NULL, images, ours.scan(null, paths), parts=parts)
    if kind is BIG:
        run = ours.scan_full_decoding(null, paths)
        plan.add(kind, FULL, images, run, warm=4, limit="the decoder, which makes every pixel")
    plan.add(kind, POOL, images, ours.pool_decoder(paths), parts=parts)
    plan.add(kind, THREADS, images, ours.thread_decoder(paths), limit="the cores, and the interpreter's lock")
    plan.add(
        kind, PROCESSES, images, ours.process_decoder(paths), limit="the cores; start-up counts, as a scan's"
    )
