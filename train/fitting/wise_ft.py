"""The end of a run that went on from weights which were good already: a mixture of those with what was learnt.

WiSE-FT (Wortsman et al. 2022, arXiv 2109.01903): fine-tuning gains on what it sees and loses elsewhere; a point between
the two sets of weights often does better than either on both.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from train.fitting import checkpoint
from train.fitting.loop import Trainer

SHARES = (0.25, 0.5, 0.75)
"""Of what was learnt; 1 is the best epoch as it is."""


def keep_start(trainer: Trainer) -> None:
    """Write the weights that a run begins with to ``start.pt``."""
    checkpoint.save(
        trainer.folder.start,
        model=checkpoint.plain_weights(trainer.network),
        network=trainer.network.backbone,
        summary=trainer.summary,
    )


def mixed(start: Mapping[str, Tensor], learnt: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """``start`` + ``share`` · (``learnt`` - ``start``), BatchNorm statistics too; counters are the learnt ones."""
    return {
        name: torch.lerp(start[name], tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in learnt.items()
    }


def mix_best(trainer: Trainer) -> tuple[float, float]:
    """Make ``best.pt`` the mixture of the greatest AUC on the select role: its share and that AUC.

    Done once, however often it is called. The trainer's network holds other weights afterwards: the run must be over.
    Raises :class:`models.support.errors.ModelFileError` when ``start.pt`` is missing.
    """
    folder = trainer.folder
    best = checkpoint.load(folder.best)
    summary = best["summary"]
    if "wise_ft" in summary:
        return summary["wise_ft"], summary["select_auc"]
    start = checkpoint.load(folder.start)["model"]
    shares = (*SHARES, 1.0)
    scores = []
    for share in shares:
        trainer.load_weights(mixed(start, best["model"], share))
        scores.append(trainer.predict_select())
    aucs = [float(roc_auc_score(labels, logits)) for labels, logits in scores]
    auc = max(aucs)
    first = aucs.index(auc)
    weights = mixed(start, best["model"], shares[first])
    trainer.load_weights(weights)
    trainer.write_best(weights, {**summary, "wise_ft": shares[first], "select_auc": auc}, scores[first])
    return shares[first], auc
