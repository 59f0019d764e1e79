"""From scores of the calibrate role to a temperature, thresholds and the inconclusive band.

Nothing but the calibrate role is looked at: not fit, on which the model is too sure of itself, and not report, on
which nothing may be chosen. No torch, no files: numbers in, numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from models.calibration import Calibration
from models.contract import PROB_DECIMALS, Label, Threshold
from models.support.errors import DataError
from train.fitting.band import band
from train.fitting.thresholds import Float64s, Ints, Reals, by_faces, groups_of_reals, strictest

FALSE_POSITIVE_RATES = {"fpr1": 0.01, "fpr5": 0.05}
DEFAULT_FROM = "fpr5"
CLEAN = "as they are"
LOG_TEMPERATURES = (math.log(0.05), math.log(20.0))


def calibrate(
    labels: Ints,
    logits: Float64s,
    sources: Sequence[str | None],
    *,
    data: str,
    faces: bool = False,
    degraded: Mapping[str, Float64s] | None = None,
) -> Calibration:
    """Fit a calibration on int[N] labels (1 = fake), float[N] logits and each image's source.

    ``data`` names the role in the thresholds, ``faces`` asks for those of several faces. ``degraded`` holds the same
    images' logits under each condition, by its name. The temperature minimises the log-loss of the images as they are
    (Guo et al. 2017, arXiv 1706.04599, section 4.2). ``fpr1`` and ``fpr5`` flag at most 1 % and 5 % of all real images
    as they are; the default is the largest ``fpr5`` of the :func:`~train.fitting.thresholds.groups_of_reals` and of
    all real images under each condition, so that no kind of real images pays for another, and none for its way here.
    The band keeps its bound under each condition.

    Raises :class:`DataError` when a class is missing.
    """
    real, fake = labels == Label.REAL, labels == Label.FAKE
    if not real.any() or not fake.any():
        raise DataError("the calibrate role needs images of both classes; add groups to train/")
    temperature = fit_temperature(labels, logits)
    probs = printed_probabilities(logits / temperature)
    under = {name: printed_probabilities(other / temperature) for name, other in (degraded or {}).items()}
    all_reals = Reals("all real images", probs[real])
    kept_on = {name: (rate, [all_reals]) for name, rate in FALSE_POSITIVE_RATES.items()}
    kept_on["default"] = (
        FALSE_POSITIVE_RATES[DEFAULT_FROM],
        [
            *groups_of_reals(labels, sources, probs),
            *(Reals(f"{all_reals.name} under {name}", other[real]) for name, other in under.items()),
        ],
    )
    thresholds = {
        name: _described(strictest(groups, rate), probs, labels, f"{data}, at most {rate:.0%} of")
        for name, (rate, groups) in kept_on.items()
    }
    fakes = {name: other[fake] for name, other in {CLEAN: probs, **under}.items()}
    begins = band(fakes, thresholds["default"].value)
    return Calibration(
        temperature=temperature,
        prior=float(fake.mean()),
        thresholds=thresholds,
        inconclusive_low=begins.low,
        real=int(real.sum()),
        fake=int(fake.sum()),
        log_loss_before=log_loss(labels, logits),
        log_loss_after=log_loss(labels, logits / temperature),
        thresholds_by_faces={name: list(by_faces(groups, rate)) for name, (rate, groups) in kept_on.items()}
        if faces
        else None,
        band=begins,
    )


def fit_temperature(labels: Ints, logits: Float64s) -> float:
    """The temperature of the least mean log-loss of ``sigmoid(logit / temperature)``, within [0.05, 20]."""
    from scipy.optimize import minimize_scalar

    # Over the logarithm the loss has one minimum, and the bounds keep a perfectly separated role finite.
    found = minimize_scalar(
        lambda log_t: log_loss(labels, logits / math.exp(log_t)), bounds=LOG_TEMPERATURES, method="bounded"
    )
    return float(math.exp(found.x))


def log_loss(labels: Ints, logits: Float64s) -> float:
    """Mean binary cross-entropy with logits, in nats, without overflow."""
    signed = np.where(labels == Label.FAKE, -logits, logits)
    return float(np.logaddexp(0.0, signed).mean())


def printed_probabilities(logits: Float64s) -> Float64s:
    """``sigmoid`` of float[N], as a report prints it."""
    return np.asarray(np.round(np.exp(-np.logaddexp(0.0, -logits)), PROB_DECIMALS), dtype=np.float64)


def _described(chosen: tuple[float, Reals], probs: Float64s, labels: Ints, data: str) -> Threshold:
    value, reals = chosen
    flagged = probs >= value
    return Threshold(
        value=value,
        data=f"{data} {reals.words}",
        fpr=float(flagged[labels == Label.REAL].mean()),
        tpr=float(flagged[labels == Label.FAKE].mean()),
    )
