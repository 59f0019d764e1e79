"""The proof that an exported file computes what torch computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torchvision.transforms.functional import normalize

from models.backbones.backbone import Network
from models.contract import Label
from models.support.errors import Failure
from models.support.onnx_runtime import load_onnxruntime

MAX_PROB_DIFFERENCE = 1e-4

Pixels = npt.NDArray[np.uint8]
Float32s = npt.NDArray[np.float32]
Score = Callable[[Pixels], tuple[Float32s, Float32s]]
"""``uint8[N, 260, 260, 3]`` → (``logit``, ``prob_fake``), each ``float32[N]``."""

# A batch of one, and several sizes: N is dynamic in the file.
_BATCHES = (1, 2, 1, 5, 8)


class ParityError(Failure):
    """The exported file does not compute what torch computes."""


@dataclass(frozen=True)
class Parity:
    """How far the file is from torch, and what was compared with what."""

    max_abs_prob: float
    max_abs_logit: float
    prob_min: float
    prob_max: float
    images: int
    runtime: str
    torch: str
    provider: str = "CPUExecutionProvider"
    max_abs_cam_sum: float | None = None
    """How far the mean of ``cam`` plus the bias is from the logit; ``None`` without that output."""

    @property
    def constant(self) -> bool:
        """Whether all probabilities are the same, so that the proof says little."""
        return self.prob_min == self.prob_max

    def failure(self, limit: float) -> str | None:
        """Why this is no proof, ``None`` if it is one."""
        # Written so that NaN fails.
        if not self.max_abs_prob <= limit:
            return f"its probabilities differ from torch's by {self.max_abs_prob:.3g}, the limit is {limit:g}"
        if not np.isfinite(self.max_abs_logit):
            return "its logits are not finite"
        return None


def reference_scores(
    network: Network, images: Pixels, *, positive: Label, temperature: float
) -> tuple[Float32s, Float32s]:
    """(``logit``, ``prob_fake``) by torch in fp32 on the CPU.

    Uses the network's own ``forward`` and torchvision's ``normalize``, and nothing of :mod:`export.wrapper`,
    which is among the things to be proven. ``network`` must be in eval mode.
    """
    logits = []
    with torch.inference_mode():
        for batch in torch.split(torch.from_numpy(images), 8):
            pixels = batch.permute(0, 3, 1, 2).to(torch.float32) / 255.0
            logits.append(network(normalize(pixels, list(network.mean), list(network.std)))[:, 0])
        logit = torch.cat(logits)
        if positive is Label.REAL:
            logit = -logit
        return logit.numpy(), torch.sigmoid(logit / temperature).numpy()


def compare(score: Score, reference: tuple[Float32s, Float32s], images: Pixels) -> Parity:
    """Score ``images`` in batches of several sizes and compare with torch's ``reference``.

    Raises :class:`ParityError` when the scores are not two vectors of one number per image.
    """
    parts: list[tuple[Float32s, Float32s]] = []
    start = 0
    while start < len(images):
        batch = images[start : start + _BATCHES[len(parts) % len(_BATCHES)]]
        logit, prob = score(batch)
        for name, values in (("logit", logit), ("prob_fake", prob)):
            if values.shape != (len(batch),) or values.dtype != np.float32:
                raise ParityError(
                    f"the exported graph gave {name} as {values.dtype}{list(values.shape)}, "
                    f"for {len(batch)} images the contract says float32[{len(batch)}]"
                )
        parts.append((logit, prob))
        start += len(batch)
    logit, prob = (np.concatenate(column) for column in zip(*parts, strict=True))
    onnxruntime = load_onnxruntime()

    return Parity(
        max_abs_prob=_max_abs(prob, reference[1]),
        max_abs_logit=_max_abs(logit, reference[0]),
        prob_min=float(prob.min()),
        prob_max=float(prob.max()),
        images=len(images),
        runtime=f"onnxruntime {onnxruntime.__version__}",
        torch=str(torch.__version__),
    )


def detector_score(file: Path, device: str = "cpu") -> Score:
    """The scanner's own way of running ``file``. Raises :class:`models.support.errors.Failure`."""
    # The scanner is needed by nothing else here, and tests prove without it.
    from scanner import Detector

    detector = Detector.load(file, device)

    def score(images: Pixels) -> tuple[Float32s, Float32s]:
        scores = detector.score(images)
        return scores.logit, scores.prob_fake

    return score


def detector_cams(file: Path, device: str = "cpu") -> Callable[[Pixels], tuple[Float32s, Float32s, Float32s]]:
    """The same with the heat maps ``float32[N, h, w]`` behind the scores."""
    from scanner import Detector

    detector = Detector.load(file, device)

    def score(images: Pixels) -> tuple[Float32s, Float32s, Float32s]:
        scores, cam = detector.cams(images)
        return scores.logit, scores.prob_fake, cam

    return score


def _max_abs(ours: Float32s, theirs: Float32s) -> float:
    return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max())
