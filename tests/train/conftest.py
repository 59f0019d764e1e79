"""A small labelled tree whose groups fall where a test wants them, a toy network, and whole runs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from toy_network import Toy

from models.backbones import build_network, start_from_nothing
from models.contract import Label
from models.support.errors import run_command
from train.cli import train
from train.datasets.tree import LabelledImage, Role
from train.fitting.loop import Trainer
from train.recipes import SCRATCH, Phase, Recipe
from train.run_folder import EpochRow, RunFolder


def groups_of(role: Role) -> Iterator[str]:
    """Names of groups that the division puts into ``role``; computed here by the documented rule."""
    bounds = {Role.FIT: (0, 90), Role.SELECT: (90, 95), Role.CALIBRATE: (95, 100)}
    low, high = bounds[role]
    for number in range(10_000):
        name = f"group{number}"
        if low <= int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 < high:
            yield name


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """So small batches are faster without threads that wait for each other; and all runs must have as many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def group_names() -> Callable[[Role], Iterator[str]]:
    return groups_of


def draw(path: Path, label: Label, seed: int, size: int = 72) -> None:
    """Real: a soft gradient. Fake: the same with a chequered pattern."""
    rng = np.random.default_rng(seed)
    corners = Image.fromarray(rng.integers(40, 216, (2, 2, 3), np.uint8))
    pixels = np.asarray(corners.resize((size, size), Image.Resampling.BILINEAR)).astype(int)
    if label is Label.FAKE:
        pixels = pixels + 40 * (np.indices((size, size)).sum(0) % 2)[..., None] - 20
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def build_tree(data: Path, counts: dict[Role, int], *, broken: bool = True, faces: bool = False) -> Path:
    """``counts`` groups of one real and one fake in each role, and what must never be used for training.

    ``faces``: the manifest has boxes, each elsewhere in its picture of 72×72 pixels.
    """
    rows = ["path,split,label,source,group" + (",face_x,face_y,face_w,face_h" if faces else "")]
    seed = 0
    for role, number in counts.items():
        for group, _ in zip(groups_of(role), range(number), strict=False):
            for label in Label:
                relative = f"train/{label.title}/{group}.png"
                draw(data / relative, label, seed)
                rows.append(f"{relative},train,{label.title},{'ab'[seed % 4 // 2]},{group}")
                if faces:
                    rows[-1] += f",{5 + seed % 7},{9 - seed % 3},{44 + seed % 5}.5,52"
                seed += 1
    for split in ("validation", "test"):
        for label in Label:
            file = data / split / label.title / "must-not-be-used.png"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"not an image")
    if broken:
        (data / "train" / "Fake" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
        (data / "train" / "Real" / "empty.jpg").write_bytes(b"")
    (data / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return data


@pytest.fixture(scope="session")
def make_tree() -> Callable[..., Path]:
    return build_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 fit, 4 select and 2 calibrate images; two that cannot be read."""
    counts = {Role.FIT: 6, Role.SELECT: 2, Role.CALIBRATE: 1}
    return build_tree(tmp_path_factory.mktemp("data") / "faces", counts)


def call_scan_train(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        run_command(train, [str(arg) for arg in args])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(scope="session")
def scan_train() -> Callable[..., int]:
    """Runs ``scan-train`` in this process and gives its exit code."""
    return call_scan_train


@pytest.fixture(scope="session")
def scan_train_command() -> list[str]:
    """The beginning of a command line for a process of its own."""
    return [sys.executable, "-c", "from train.cli import main; main()"]


@pytest.fixture(scope="session")
def initial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state_dict with random weights and BatchNorm statistics that fit them: nothing overflows in eval mode."""
    torch.manual_seed(11)
    network = build_network(dropout=0.0, stochastic_depth=0.0)
    start_from_nothing(network)
    nn.init.normal_(network.classifier[1].weight, std=0.05)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, 3, 96, 96))
    file = tmp_path_factory.mktemp("initial") / "random.pth"
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture(scope="session")
def scratch_options() -> list[str]:
    """Two epochs of five small steps."""
    return ["--recipe", "scratch", "--phases", "32x2@1e-3", "--batch-size", "4", "--epoch-images", "20",
            "--select-images", "4", "--seed", "5", "--device", "cpu", "--no-progress"]  # fmt: skip


@pytest.fixture(scope="session")
def two_phase_options(initial: Path) -> list[str]:
    """An epoch of three steps in each phase."""
    return ["--recipe", "two-phase", "--init", str(initial), "--epochs", "1,1", "--batch-size", "2",
            "--epoch-images", "6", "--select-images", "4", "--seed", "6", "--device", "cpu",
            "--no-progress"]  # fmt: skip


@pytest.fixture(scope="session")
def scratch_run(
    tree: Path, scratch_options: list[str], tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    """A finished run of the scratch recipe that nothing has interrupted."""
    out = tmp_path_factory.mktemp("scratch") / "run"
    assert call_scan_train(tree, "--out", out, *scratch_options, "--workers", 0) == 0
    return RunFolder(out)


@pytest.fixture(scope="session")
def two_phase_run(
    tree: Path, two_phase_options: list[str], tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    """A finished run of the two-phase recipe that nothing has interrupted."""
    out = tmp_path_factory.mktemp("two-phase") / "run"
    assert call_scan_train(tree, "--out", out, *two_phase_options, "--workers", 0) == 0
    return RunFolder(out)


def read_plain(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(file, weights_only=True)
    return content


@pytest.fixture(scope="session")
def read() -> Callable[[Path], dict[str, Any]]:
    """The content of a checkpoint."""
    return read_plain


def tensors_differ(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.fixture(scope="session")
def differing() -> Callable[[dict[str, Tensor], dict[str, Tensor]], list[str]]:
    """Names of the tensors that are not bit for bit the same."""
    return tensors_differ


# A toy for the loop, whose tests need many runs and no real network.


class Silent:
    """Progress that says nothing and remembers the rows."""

    def __init__(self) -> None:
        self.rows: list[EpochRow] = []
        self.losses: list[float] = []
        self.notes: list[str] = []

    def epoch(self, phase: str, epoch: int, epochs: int, steps: int, done: int) -> None: ...

    def step(self, images: int, loss: float) -> None:
        self.losses.append(loss)

    def row(self, row: EpochRow) -> None:
        self.rows.append(row)

    def note(self, text: str) -> None:
        self.notes.append(text)


TOY_RECIPE = replace(
    SCRATCH,
    phases=(Phase("32", 2, 1e-2, size=32), Phase("40", 1, 1e-3, ("classifier.", "features.6."), size=40)),
    batch_size=4,
    epoch_images=8,
    warmup_steps=2,
    label_smoothing=0.0,
    ema=None,
    select_degraded=False,
)


@pytest.fixture
def toy_recipe() -> Recipe:
    """Two epochs of all layers and one of the classifier and block 6, two steps each."""
    return TOY_RECIPE


@pytest.fixture(scope="session")
def toy_images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    folder = tmp_path_factory.mktemp("toy")
    images = []
    for number in range(8):
        label = Label(number % 2)
        path = folder / f"{number}.png"
        draw(path, label, number, size=24)
        images.append(LabelledImage(path, path.name, label))
    return images


@pytest.fixture
def toy_trainer(toy_images: list[LabelledImage], tmp_path: Path) -> Callable[..., Trainer]:
    """A trainer of a seeded toy network in ``tmp_path/run``; keywords replace its settings."""

    def make(name: str = "run", **changes: Any) -> Trainer:
        folder = RunFolder(tmp_path / name)
        folder.make()
        torch.manual_seed(3)
        settings: dict[str, Any] = {
            "network": Toy(),
            "recipe": TOY_RECIPE,
            "fit": toy_images,
            "select": toy_images[:4],
            "folder": folder,
            "device": torch.device("cpu"),
            "seed": 9,
            "summary": {"recipe": "toy", "seed": 9},
            "progress": Silent(),
            "should_stop": lambda: False,
            "checkpoint_seconds": 1e9,
        }
        return Trainer(**(settings | changes))

    return make
