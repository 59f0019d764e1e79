"""What is measured: the figures of one set of labelled scores, by scikit-learn.

Fake is the positive class (1), and an image is flagged when ``prob_fake >= threshold``. A figure that these
data cannot give (a class is missing, nothing is flagged) is ``None``, never NaN.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from models.contract import Label

ECE_BINS = 15

PROB_FLOOR = 5e-7
"""Log-loss takes probabilities in [PROB_FLOOR, 1 - PROB_FLOOR]: half of the last digit that a report prints.
A printed 0.000000 stands for anything below that, not for certainty, and must not cost infinitely much."""

LOW_FPRS = {"tpr_at_fpr1": 0.01, "tpr_at_fpr5": 0.05}

Labels = npt.NDArray[np.integer]
Probs = npt.NDArray[np.floating]
Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Metrics:
    """Figures of one set of images, each in [0, 1] but the log-loss (nats, at least 0)."""

    roc_auc: float | None
    average_precision: float | None
    """Of Fake: sum over thresholds of (recall step × precision), not interpolated."""
    eer: float | None
    """:func:`equal_error_rate`."""
    tpr_at_fpr1: float | None
    """:func:`tpr_at_fpr` at 0.01."""
    tpr_at_fpr5: float | None
    """:func:`tpr_at_fpr` at 0.05."""
    fpr: float | None
    """Share of the real images that are flagged at the threshold."""
    tpr: float | None
    """Share of the fakes that are flagged at the threshold (the same number as ``recall``)."""
    accuracy: float | None
    balanced_accuracy: float | None
    precision: float | None
    """Of Fake; undefined when nothing is flagged."""
    recall: float | None
    f1: float | None
    """Of Fake; undefined without fakes."""
    ece: float | None
    """:func:`expected_calibration_error`."""
    brier: float | None
    """Mean of ``(label - prob_fake)**2``."""
    log_loss: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name, in the order above."""
        return asdict(self)


TITLES = {
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "eer": "EER",
    "tpr_at_fpr1": "TPR at 1 % FPR",
    "tpr_at_fpr5": "TPR at 5 % FPR",
    "fpr": "FPR at threshold",
    "tpr": "TPR at threshold",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision of Fake",
    "recall": "Recall of Fake",
    "f1": "F1 of Fake",
    "ece": "ECE",
    "brier": "Brier score",
    "log_loss": "Log-loss",
}
"""What people read; the keys are those of :class:`Metrics`, in its order."""


@dataclass(frozen=True)
class Confusion:
    """Counts at the threshold; positive = Fake."""

    tp: int
    fp: int
    tn: int
    fn: int


def compute_metrics(labels: Labels, prob_fake: Probs, threshold: float | Float64s) -> Metrics:
    """All figures of ``labels`` int[N] (1 = fake) and ``prob_fake`` float[N] in [0, 1].

    Raises ``ValueError`` when the arrays are not that. N may be 0: then every figure is ``None``.
    """
    labels, probs = checked(labels, prob_fake)
    flagged = (probs >= threshold).astype(np.int64)
    reals, fakes = bool((labels == Label.REAL).any()), bool((labels == Label.FAKE).any())
    some, both = reals or fakes, reals and fakes
    recall = float(sk.recall_score(labels, flagged)) if fakes else None
    fpr, tpr = roc_points(labels, probs) if both else (None, None)
    low = {
        name: tpr_at_fpr(fpr, tpr, limit) if fpr is not None and tpr is not None else None
        for name, limit in LOW_FPRS.items()
    }
    return Metrics(
        roc_auc=float(sk.roc_auc_score(labels, probs)) if both else None,
        average_precision=float(sk.average_precision_score(labels, probs)) if both else None,
        eer=equal_error_rate(fpr, tpr) if fpr is not None and tpr is not None else None,
        **low,
        fpr=float(flagged[labels == Label.REAL].mean()) if reals else None,
        tpr=recall,
        accuracy=float(sk.accuracy_score(labels, flagged)) if some else None,
        balanced_accuracy=float(sk.balanced_accuracy_score(labels, flagged)) if both else None,
        precision=float(sk.precision_score(labels, flagged)) if flagged.any() else None,
        recall=recall,
        f1=float(sk.f1_score(labels, flagged)) if fakes else None,
        ece=expected_calibration_error(labels, probs) if some else None,
        brier=float(sk.brier_score_loss(labels, probs, pos_label=1)) if some else None,
        log_loss=float(sk.log_loss(labels, clip_probs(probs), labels=[0, 1])) if some else None,
    )


def confusion(labels: Labels, prob_fake: Probs, threshold: float | Float64s) -> Confusion:
    """Counts of int[N] labels against ``prob_fake >= threshold``."""
    labels, probs = checked(labels, prob_fake)
    if not labels.size:
        return Confusion(0, 0, 0, 0)
    (tn, fp), (fn, tp) = sk.confusion_matrix(labels, probs >= threshold, labels=[0, 1]).tolist()
    return Confusion(tp=tp, fp=fp, tn=tn, fn=fn)


def roc_points(labels: Labels, prob_fake: Probs) -> tuple[Float64s, Float64s]:
    """``(fpr, tpr)`` float[K] of every threshold, from (0, 0) to (1, 1); both classes must be there."""
    fpr, tpr, _ = sk.roc_curve(labels, prob_fake, drop_intermediate=False)
    return np.asarray(fpr, dtype=np.float64), np.asarray(tpr, dtype=np.float64)


def equal_error_rate(fpr: Float64s, tpr: Float64s) -> float:
    """Where the ROC curve, its points joined by straight lines, crosses ``fpr = 1 - tpr``.

    0 for a perfect order, 1 for a perfectly inverted one, 0.5 when every score is the same.
    """
    beyond = fpr - (1.0 - tpr)
    i = int(np.argmax(beyond >= 0))  # the first point that is (0, 0) has beyond = -1, so i >= 1
    share = -beyond[i - 1] / (beyond[i] - beyond[i - 1])
    return float(fpr[i - 1] + share * (fpr[i] - fpr[i - 1]))


def tpr_at_fpr(fpr: Float64s, tpr: Float64s, limit: float) -> float:
    """The largest TPR of a real threshold whose FPR is at most ``limit``.

    Nothing is interpolated: no threshold gives a point between two of the curve's, so with few real images
    this is the cautious reading.
    """
    return float(tpr[fpr <= limit].max())


def calibration_bins(prob_fake: Probs, bins: int = ECE_BINS) -> Ints:
    """The bin of each probability, int[N]: ``[k/bins, (k+1)/bins)``, the last one closed."""
    # searchsorted on the edges themselves: floor(p * bins) would put 0.6 of ten bins into the wrong one.
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, np.asarray(prob_fake, dtype=np.float64), side="right").astype(np.int64)


def expected_calibration_error(labels: Labels, prob_fake: Probs, bins: int = ECE_BINS) -> float:
    """Expected calibration error over ``bins`` equal-width bins of ``prob_fake``.

    The sum over bins of (share of the images in the bin) × |share of fakes in it - mean ``prob_fake`` in it|:
    Guo et al. 2017 (arXiv 1706.04599, equation 3), but on the probability of Fake instead of the confidence
    in the predicted class, where too much confidence in Fake can cancel out against too little in Real.
    """
    gaps = np.bincount(calibration_bins(prob_fake, bins), weights=labels - prob_fake, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def clip_probs(prob_fake: Float64s) -> Float64s:
    """Probabilities as the log-loss takes them; see :data:`PROB_FLOOR`."""
    return np.clip(prob_fake, PROB_FLOOR, 1.0 - PROB_FLOOR)


def checked(labels: Labels, prob_fake: Probs) -> tuple[Ints, Float64s]:
    """The arrays as int64[N] and float64[N]; ``ValueError`` when they are not labels and probabilities."""
    y, p = np.asarray(labels), np.asarray(prob_fake, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise ValueError(f"labels {y.shape} and prob_fake {p.shape} must be two vectors of one length")
    if not np.isin(y, [int(label) for label in Label]).all():
        raise ValueError("labels must be 0 (Real) or 1 (Fake)")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("prob_fake must lie in [0, 1]")
    return y.astype(np.int64), p
