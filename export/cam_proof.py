"""The proofs of the output ``cam``: it adds up to the score, and it moved no score."""

from __future__ import annotations

import numpy as np
import onnx

from export.cam import CamError, find_head
from export.parity import MAX_PROB_DIFFERENCE, Float32s, Pixels
from models.contract import INPUT_NAME, OUTPUT_CAM, OUTPUT_LOGIT
from models.support.onnx_runtime import load_onnxruntime

_ROUNDING = {"fp32": 1e-5, "fp16": 1e-3, "int8": 1e-5, "bf16": 1e-2}
"""What the sum may be off the logit, in shares of the largest cell: fp16 keeps 11 bits of each number, bf16 8."""
_MOVED = {"fp32": 0.0, "int8": 0.0, "fp16": MAX_PROB_DIFFERENCE, "bf16": MAX_PROB_DIFFERENCE}
"""What a new output may move prob_fake by. Where a runtime puts its casts of half precision depends on all readers of a
tensor; elsewhere every bit stays."""


def sum_difference(cam: Float32s, logit: Float32s, bias: float) -> float:
    """The largest \\|mean(cam) + bias − logit\\|; ``cam`` ``[N, h, w]``, ``logit`` ``[N]``."""
    sums = cam.astype(np.float64).mean((1, 2)) + bias
    return float(np.abs(sums - logit).max())


def check_sum(cam: Float32s, logit: Float32s, bias: float, precision: str, *, where: str) -> float:
    """The same. Raises :class:`CamError` if that is no rounding."""
    difference = sum_difference(cam, logit, bias)
    limit = _ROUNDING[precision] * max(1.0, float(np.abs(cam).max()))
    # Written so that NaN fails.
    if not difference <= limit:
        raise CamError(
            f"{where} was not written: its heat maps are up to {difference:.3g} off its logits, "
            f"the limit is {limit:.3g}"
        )
    return difference


def check_unmoved(
    before: tuple[Float32s, Float32s], after: tuple[Float32s, Float32s], precision: str, *, where: str
) -> tuple[float, float]:
    """The largest differences of (logit, prob_fake). Raises :class:`CamError` where there must be none."""
    logit, prob = (float(np.abs(a.astype(np.float64) - b).max()) for a, b in zip(before, after, strict=True))
    limit = _MOVED[precision]
    if not prob <= limit or (limit == 0.0 and logit != 0.0):
        raise CamError(
            f"{where} was not written: the new output moved a score (logit by {logit:.3g}, prob_fake by {prob:.3g}); "
            "this onnxruntime computes the rest of the graph otherwise beside it"
        )
    return logit, prob


def prove_sum(model: onnx.ModelProto, images: Pixels, precision: str, *, where: str) -> float:
    """:func:`check_sum` of a graph with the output ``cam``, by onnxruntime on the CPU, which computes bf16 in fp32."""
    session = load_onnxruntime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    logit, cam = session.run([OUTPUT_LOGIT, OUTPUT_CAM], {INPUT_NAME: images})
    return check_sum(cam, logit, find_head(model, where=where).bias, precision, where=where)
