"""The end of a run: the classifier's bias is put where the probabilities of the calibrate role are right on average.

A temperature alone scales a logit about zero and cannot move it. Training with sampled sources, degradations and
self-blended fakes puts zero where the two classes of *its* batches meet, which is elsewhere in pictures as they are.
Platt 1999, *Probabilistic outputs for support vector machines*; as bias-corrected temperature scaling in Alexandari,
Kundaje and Shrikumar 2020 (arXiv 1901.06852). The shift goes into the weights, so that ``prob_fake`` stays the sigmoid
of ``logit / temperature``; no ranking changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.loop import Trainer
from train.fitting.temperature import LOG_TEMPERATURES, log_loss
from train.fitting.thresholds import Float64s, Ints

CLASSIFIER_BIAS = "classifier.1.bias"
IN_SUMMARY = "logit_bias"
_SHIFTS = (-20.0, 20.0)


def fit_bias(labels: Ints, logits: Float64s) -> float:
    """What to add to float[N] logits of int[N] labels (1 = fake) for the least mean log-loss, at the temperature
    that is best together with it."""
    from scipy.optimize import minimize

    def loss(at: Float64s) -> float:
        log_temperature, shift = at
        return log_loss(labels, (logits + shift) / math.exp(log_temperature))

    found = minimize(loss, np.zeros(2), bounds=(LOG_TEMPERATURES, _SHIFTS), method="L-BFGS-B")
    return float(found.x[1])


def correct_bias(trainer: Trainer, images: Sequence[LabelledImage]) -> float:
    """Move the bias of ``best.pt`` by :func:`fit_bias` on ``images``, the calibrate role; the shift.

    Done once, however often it is called. The trainer's network holds other weights afterwards: the run must be over.
    """
    best = checkpoint.load(trainer.folder.best)
    weights, summary = best["model"], best["summary"]
    if IN_SUMMARY in summary:
        return float(summary[IN_SUMMARY])
    trainer.load_weights(weights)
    shift = fit_bias(*trainer.predict(images, exact=True))
    weights = {**weights, CLASSIFIER_BIAS: weights[CLASSIFIER_BIAS] + shift}
    trainer.load_weights(weights)
    trainer.write_best(weights, {**summary, IN_SUMMARY: shift}, trainer.predict_select())
    return shift
