"""From scores of the calibrate role to a temperature, thresholds and the inconclusive band.

Nothing but the calibrate role is looked at: not fit, on which the model is too sure of itself, and not report, on
which nothing may be chosen. No torch, no files: numbers in, numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.calibration import Calibration
from models.contract import PROB_DECIMALS, Label, Threshold
from models.support.errors import DataError

FALSE_POSITIVE_RATES = {"fpr1": 0.01, "fpr5": 0.05}
DEFAULT_FROM = "fpr5"
MISSED_BELOW_BAND = 0.05
"""The band begins where at most this share of the fakes lies below it."""

MIN_REALS = 100
"""A group with fewer real images sets no threshold: 5 % of 66 pictures, chosen on them, were 12.6 % on others."""
_LOG_TEMPERATURES = (math.log(0.05), math.log(20.0))

Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def calibrate(labels: Ints, logits: Float64s, sources: Sequence[str | None], *, data: str) -> Calibration:
    """Fit a calibration on int[N] labels (1 = fake), float[N] logits and each image's source.

    ``data`` names the role in the thresholds. The temperature minimises the log-loss (Guo et al. 2017, arXiv
    1706.04599, section 4.2). ``fpr1`` and ``fpr5`` flag at most 1 % and 5 % of all real images; the default is the
    largest ``fpr5`` of the :func:`groups_of_reals`, so that no kind of real images pays for another.

    Raises :class:`DataError` when a class is missing.
    """
    real, fake = labels == Label.REAL, labels == Label.FAKE
    if not real.any() or not fake.any():
        raise DataError("the calibrate role needs images of both classes; add groups to train/")
    temperature = fit_temperature(labels, logits)
    probs = printed_probabilities(logits / temperature)
    thresholds = {
        name: _described(threshold_for(probs[real], rate), probs, labels, data)
        for name, rate in FALSE_POSITIVE_RATES.items()
    }
    rate = FALSE_POSITIVE_RATES[DEFAULT_FROM]
    groups = groups_of_reals(labels, sources)
    default = max(threshold_for(probs[group], rate) for group in groups)
    of_whom = "the strictest group's" if len(groups) > 1 else "all real images'"
    thresholds["default"] = _described(default, probs, labels, f"{data}, {of_whom} {DEFAULT_FROM}")
    low = float(np.quantile(probs[fake], MISSED_BELOW_BAND, method="lower"))
    return Calibration(
        temperature=temperature,
        prior=float(fake.mean()),
        thresholds=thresholds,
        inconclusive_low=min(low, default),
        real=int(real.sum()),
        fake=int(fake.sum()),
        log_loss_before=log_loss(labels, logits),
        log_loss_after=log_loss(labels, logits / temperature),
    )


def groups_of_reals(labels: Ints, sources: Sequence[str | None]) -> list[npt.NDArray[np.bool_]]:
    """Masks over the images: each source with at least :data:`MIN_REALS` real ones, and all other sources together;
    where these are too few, all real images in their place."""
    real = labels == Label.REAL
    names = np.array([source or "" for source in sources])
    own = [real & (names == name) for name in np.unique(names[real])]
    large = [group for group in own if group.sum() >= MIN_REALS]
    rest = real & ~np.logical_or.reduce([*large, np.zeros_like(real)])
    if not rest.any():
        return large
    return [*large, rest if rest.sum() >= MIN_REALS else real]


def fit_temperature(labels: Ints, logits: Float64s) -> float:
    """The temperature of the least mean log-loss of ``sigmoid(logit / temperature)``, within [0.05, 20]."""
    from scipy.optimize import minimize_scalar

    # Over the logarithm the loss has one minimum, and the bounds keep a perfectly separated role finite.
    found = minimize_scalar(
        lambda log_t: log_loss(labels, logits / math.exp(log_t)), bounds=_LOG_TEMPERATURES, method="bounded"
    )
    return float(math.exp(found.x))


def log_loss(labels: Ints, logits: Float64s) -> float:
    """Mean binary cross-entropy with logits, in nats, without overflow."""
    signed = np.where(labels == Label.FAKE, -logits, logits)
    return float(np.logaddexp(0.0, signed).mean())


def printed_probabilities(logits: Float64s) -> Float64s:
    """``sigmoid`` of float[N], as a report prints it."""
    return np.asarray(np.round(np.exp(-np.logaddexp(0.0, -logits)), PROB_DECIMALS), dtype=np.float64)


def threshold_for(real_probs: Float64s, rate: float) -> float:
    """The smallest printed probability from which on at most ``rate`` of the real images are flagged.

    Never above 1: where that many reals score 1.000000, the rate cannot be kept (the threshold's own ``fpr``
    says what it is).
    """
    falling = np.sort(real_probs)[::-1]
    allowed = int(rate * len(falling) + 1e-9)
    return float(min(1.0, round(float(falling[allowed]) + 10**-PROB_DECIMALS, PROB_DECIMALS)))


def _described(value: float, probs: Float64s, labels: Ints, data: str) -> Threshold:
    flagged = probs >= value
    return Threshold(
        value=value,
        data=data,
        fpr=float(flagged[labels == Label.REAL].mean()),
        tpr=float(flagged[labels == Label.FAKE].mean()),
    )
