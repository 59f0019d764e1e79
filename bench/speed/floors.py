"""What the measured rows are held against."""

from __future__ import annotations

from collections.abc import Iterator

from bench.speed.checks import Check
from bench.speed.gpu import Parity
from bench.speed.images import BIG, JPEG
from bench.speed.measure import Results, key
from bench.speed.rows import EAGER, FP32, FULL, NOTEBOOK, NULL, SCAN, Plan, decoders, session_key, tuned_torch

PARITY_FP32, PARITY_VARIANT = 1e-3, 1e-2

BASE = key(JPEG.name, NOTEBOOK)


def speed_checks(plan: Plan, results: Results) -> Iterator[Check]:
    """Every floor whose rows were measured."""
    scan = key(JPEG.name, SCAN.format(FP32))
    if not plan.detector.on_gpu:
        yield Check("scan fp32, to the notebook loop", results.ratio(scan, BASE), 6)
        yield Check("scan fp32, to torch fp32 channels_last", results.ratio(scan, key(JPEG.name, EAGER)), 1.5)
        yield Check(
            "scan fp32, to its session alone", results.ratio(scan, session_key(plan.detector, FP32)), 0.95
        )
    ours = results.best(key(JPEG.name, SCAN.format(name)) for name in plan.detectors)
    theirs = results.best(tuned_torch())
    if ours is not None and theirs is not None:
        name = f"fastest scan ({_short(ours)}), to the best torch ({_short(theirs)})"
        yield Check(name, results.ratio(ours, theirs), 1)
    null, decoder = key(JPEG.name, NULL), results.best(decoders(JPEG))
    if decoder is not None:
        yield Check(f"null model, to the {_short(decoder)}", results.ratio(null, decoder), 0.85)
    null, full = key(BIG.name, NULL), key(BIG.name, FULL)
    if full in results:
        yield Check("12-megapixel JPEGs, null model, to full decoding", results.ratio(null, full), 3)


def parity_checks(found: dict[str, Parity]) -> Iterator[Check]:
    """Of the device against the CPU, by the model's name."""
    for name, one in found.items():
        bound = PARITY_FP32 if name == FP32 else PARITY_VARIANT
        what = f"{name}: largest difference of prob_fake to fp32 on the CPU ({one.lowest:.2f}–{one.highest:.2f} there)"
        yield Check(what, one.difference, bound, "", at_least=False)


def best_torch(results: Results) -> str | None:
    """The name of the fastest tuned torch row."""
    best = results.best(tuned_torch())
    return _short(best) if best is not None else None


def _short(row: str) -> str:
    return row.partition(": ")[2]
