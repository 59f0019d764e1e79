"""A run's best epoch on the validation split, by source, under its own law: ``python -m bench.validation RUN DATA…``.

For models of preprocessing 2, which ``scan`` does not run yet; figures of whole pictures come from scan-evaluate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score

from models.contract import Label
from models.network import load_network, read_checkpoint, read_state_dict
from train.datasets.decoded_store import Pictures
from train.datasets.faces import FaceList
from train.datasets.joined_trees import Trees
from train.datasets.loader import whole_batches
from train.datasets.precheck import Inspection, check
from train.datasets.sampling import balanced_subset
from train.evaluation.bootstrap import group_index
from train.fitting.cpu import prepared_cpu
from train.fitting.select_curve import source_rows
from train.recipes import Recipe
from train.run_folder import RunFolder

RESAMPLES = 1000

Ints = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--labels", type=Path, action="append", default=[])
    parser.add_argument("--limit", type=int, help="so many images, evenly by source and class")
    parser.add_argument("--checkpoint", default="best.pt")
    asked = parser.parse_args()
    with prepared_cpu():
        measure(asked)


def measure(asked: argparse.Namespace) -> None:
    """Print a line for each source."""
    folder = RunFolder(asked.run)
    recipe = Recipe.from_config(folder.read_config()["recipe"])
    trees = Trees.of(asked.data, asked.labels)
    list_file = FaceList.beside(asked.run, trees.name + ".validation")
    faces = FaceList(list_file) if recipe.margin is not None else None
    images = balanced_subset(trees.read("validation"), asked.limit)
    pictures = Pictures()
    checked = check(images, Inspection(pictures.keep, faces, recipe.margin), workers=2, done=lambda n: None)
    if faces is not None:
        faces.write(list_file)
    file = asked.run / asked.checkpoint
    network = load_network(
        read_state_dict(file), where=str(file), network=str(read_checkpoint(file).get("network"))
    )
    mean, std = (torch.tensor(channels).view(1, 3, 1, 1) * 255 for channels in (network.mean, network.std))
    labels, logits = [], []
    with torch.inference_mode():
        for batch in whole_batches(checked.good, pictures, batch_size=8, workers=0, margin=recipe.margin):
            pixels = batch.inputs.permute(0, 3, 1, 2).float()
            logits.append(network((pixels - mean) / std).reshape(-1).double().numpy())
            labels.append(batch.labels.numpy().astype(np.int64))
    truth, scores = np.concatenate(labels), np.concatenate(logits)
    print(
        f"{len(checked.good)} images, {len(checked.bad)} left out (no face or not readable); law: {recipe.margin}"
    )
    sources = np.array([image.source or "" for image in checked.good])
    groups = group_index([image.group for image in checked.good])
    for row in source_rows(checked.good, truth, scores):
        auc = ""
        if row.auc is not None:
            own = sources == row.source
            judged = own if row.real else own | (truth == Label.REAL)
            low, high = _interval(truth[judged], scores[judged], groups[judged])
            auc = f"AUC {row.auc:.4f} [{low:.3f}, {high:.3f}]"
        above = "" if row.real_above_half is None else f"reals above 0.5: {100 * row.real_above_half:.1f} %"
        print(f"{row.source:24} real {row.real:5} fake {row.fake:5}  {auc:32} {above}")


def _interval(labels: Ints, logits: Float64s, groups: Ints) -> tuple[float, float]:
    """95 % of the AUC, by resampling groups; pooled reals move, too."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rng, values = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        if len(np.unique(labels[drawn])) == 2:
            values.append(roc_auc_score(labels[drawn], logits[drawn]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
