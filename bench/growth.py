"""What a Lite2 loses when it is grown into a B4: AUC by source, and the correlation of their logits.

    python -m bench.growth DATA --lite RUN > growth.md

DATA is a labelled tree, of which the validation split counts; sources come from its manifest. Without ``--lite`` the
Lite2 is ImageNet's, with a linear classifier fitted to its features of some training pictures.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from models.backbones import Network, build_network
from models.backbones.growth import GROWN_FROM, SHARPNESS, grow
from models.contract import IMAGE_SIZE, Label
from models.network import load_network, read_state_dict
from models.preprocessing import to_input
from train.datasets.decoded_store import read_rgb
from train.datasets.tree import LabelledImage, read_tree

Float64s = npt.NDArray[np.float64]
BATCH = 8


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--manifest", type=click.Path(path_type=Path), help="[default: the tree's own]", show_default=False
)
@click.option("--lite", type=click.Path(exists=True, path_type=Path), help="A checkpoint, or a run's folder.")
@click.option("--probe", default=300, show_default=True, help="Training pictures for the linear classifier.")
@click.option("--images", default=50, show_default=True, help="Of each source and class.")
@click.option("--source", "sources", multiple=True, help="Only these.")
@click.option("--sharpness", "sharpnesses", multiple=True, type=float, default=(SHARPNESS,))
def main(
    data: Path,
    manifest: Path | None,
    lite: Path | None,
    probe: int,
    images: int,
    sources: tuple[str, ...],
    sharpnesses: tuple[float, ...],
) -> None:
    torch.set_flush_denormal(True)
    if lite is not None:
        file = lite / "best.pt" if lite.is_dir() else lite
        network = load_network(read_state_dict(file), where=str(file), network=GROWN_FROM.name)
        print(f"{file.name} of {lite.resolve().name}" if lite.is_dir() else file.name)
    else:
        network = probed(read_tree(data, "train", manifest=manifest), probe, sources)
        print(f"ImageNet's features and a classifier fitted to {probe} training pictures")
    shown = chosen(read_tree(data, "validation", manifest=manifest), images, sources)
    before = logits(network, shown)
    print(f"{len(shown)} validation pictures at {IMAGE_SIZE} px")
    row("Lite2", shown, before, before)
    for sharpness in sharpnesses:
        state = grow(network.state_dict(), sharpness=sharpness)
        grown = load_network(state, where="the grown network")
        row(f"grown, s = {sharpness:g}", shown, logits(grown, shown), before)


def chosen(images: Sequence[LabelledImage], count: int, sources: Sequence[str]) -> list[LabelledImage]:
    """``count`` at most of each source and class, always the same ones."""
    kinds: dict[tuple[str, Label], list[LabelledImage]] = defaultdict(list)
    for image in images:
        if not sources or image.source in sources:
            kinds[image.source or "", image.label].append(image)
    picked = []
    for kind in sorted(kinds):
        random.Random(0).shuffle(kinds[kind])
        picked += kinds[kind][:count]
    return picked


def probed(images: Sequence[LabelledImage], count: int, sources: Sequence[str]) -> Network:
    """ImageNet's Lite2 with a classifier of its own; the strength of its penalty by cross-validation."""
    network = build_network(GROWN_FROM.name).eval()
    GROWN_FROM.load_imagenet(network, None)
    kinds = {(image.source, image.label) for image in images if not sources or image.source in sources}
    known = chosen(images, count // len(kinds), sources)
    features = outputs(known, network, lambda pixels: network.pooled(network.features(pixels)))
    labels = [int(image.label) for image in known]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    penalties = {"logisticregression__C": np.logspace(-6, 0, 7)}
    fitted: Any = (
        GridSearchCV(classifier, penalties, cv=5, scoring="roc_auc").fit(features, labels).best_estimator_
    )
    weight = fitted[1].coef_[0] / fitted[0].scale_
    linear: Any = network.classifier[1]
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weight))
        linear.bias.fill_(float(fitted[1].intercept_[0] - weight @ fitted[0].mean_))
    return network


def logits(network: Network, images: Sequence[LabelledImage]) -> Float64s:
    return outputs(images, network, network)[:, 0]


def outputs(images: Sequence[LabelledImage], network: Network, function: Any) -> Float64s:
    """``float64[N, …]``: what ``function`` makes of the whole pictures as ``network`` takes them."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (network.mean, network.std))
    found: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = np.stack([to_input(read_rgb(image)) for image in images[start : start + BATCH]])
            pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float()
            found.append(function((pixels - mean) / std))
    return torch.cat(found).double().numpy()


def row(name: str, images: Sequence[LabelledImage], found: Float64s, before: Float64s) -> None:
    """AUC of each source's fakes against its own real pictures, or against all where it has none."""
    labels = np.array([int(image.label) for image in images])
    sources = np.array([image.source or "" for image in images])
    cells = []
    for source in sorted(set(sources[labels == Label.FAKE])):
        own = (sources == source) & (labels == Label.REAL)
        use = (own if own.any() else labels == Label.REAL) | ((sources == source) & (labels == Label.FAKE))
        cells.append(f"{source} {roc_auc_score(labels[use], found[use]):.3f}")
    print(f"| {name} | {' | '.join(cells)} | {np.corrcoef(before, found)[0, 1]:.4f} |", flush=True)


if __name__ == "__main__":
    main()
