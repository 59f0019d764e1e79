"""What the pages take as given: a folder that holds what a block names and does not make itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cam_onnx import with_cam
from doc_pages import ROOT, Block, blocks
from PIL import Image
from tiny_onnx import write_tiny_model

from models.contract import ModelMetadata, Threshold


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (48, 40), (value, value, value)).save(path)


def clean(folder: Path) -> None:
    """Pictures of which none is flagged, and a text."""
    picture(folder / "one.jpg", 40)
    picture(folder / "below" / "two words.png", 60)
    (folder / "notes.txt").write_text("text\n")


def with_a_film(folder: Path) -> None:
    """And a picture beside it."""
    from films import write_greys

    write_greys(folder / "film.mp4", [40] * 20)
    picture(folder / "one.jpg", 40)


def with_a_fake(folder: Path) -> None:
    clean(folder)
    picture(folder / "fake.png", 240)


def labelled(folder: Path) -> None:
    """60 real and 60 fake pictures to train on, 4 and 4 to report on; the model below tells them apart."""
    rng = np.random.default_rng(3)
    for split, number in (("train", 60), ("validation", 4)):
        for label, level in (("Real", 60), ("Fake", 180)):
            for n in range(number):
                path = folder / split / label / f"{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(level - 40, level + 40, (64, 64, 3), np.uint8)).save(path)


def model(path: Path) -> None:
    """Of contract 1: bright pictures are fake, middling ones inconclusive."""
    metadata = ModelMetadata(
        "bright", "1", "fake", calibrated=True, calibration_prior=0.5, inconclusive_low=0.4,
        thresholds={
            name: Threshold(value, data="calibrate", fpr=0.02, tpr=0.9)
            for name, value in (("default", 0.7), ("fpr1", 0.8), ("fpr5", 0.6))
        },
    )  # fmt: skip
    write_tiny_model(path, metadata)


def with_heat_maps(path: Path) -> None:
    """The same, which says where its scores came from."""
    model(path)
    with_cam(path)


def manifest(path: Path) -> None:
    """Of a report beside it, which is named like it and has the fake of :func:`with_a_fake`."""
    folder = path.parent / "earlier"
    with_a_fake(folder)
    with_heat_maps(folder / "model.onnx")
    report = path.name.replace(".run.json", ".csv")
    scan = [
        str(Path(sys.executable).with_name("scan")),
        folder.name,
        "--out",
        report,
        "--exit-zero",
        "--quiet",
    ]
    subprocess.run(
        [*scan, "--device", "cpu", "--model", f"{folder.name}/model.onnx"], cwd=path.parent, check=True
    )


def accepted(path: Path) -> None:
    """A report; its files are gone."""
    manifest(path.with_suffix(".run.json"))
    shutil.rmtree(path.parent / "earlier")


def samples(folder: Path) -> None:
    shutil.copytree(ROOT / "samples", folder)


def old(path: Path) -> None:
    """Older than all else."""
    path.write_text("")
    os.utime(path, (0, 0))


def repository(folder: Path) -> None:
    """All of ``folder`` on ``main``, here and in ``origin``; a branch adds a fake and takes a picture away."""

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    for name, value in (("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")):
        git("config", name, value)
    picture(folder / "assets" / "old name.png", 30)
    git("add", "-A")
    git("commit", "-qm", "first")
    origin = folder.with_name(folder.name + ".git")
    git("clone", "-q", "--bare", ".", str(origin))
    git("remote", "add", "origin", str(origin))
    git("switch", "-qc", "change")
    git("rm", "-q", "assets/old name.png")
    picture(folder / "assets" / "new name.PNG", 250)
    (folder / "notes.txt").write_text("text\n")
    git("add", "-A")
    git("commit", "-qm", "second")


GIVEN: dict[str, Callable[[Path], None]] = {
    "folder": clean,
    "media": clean,
    "photos": clean,
    "clips": with_a_film,
    "assets": with_a_fake,
    "a.jpg": lambda path: picture(path, 50),
    "last": old,
    "DATA": labelled,
    "model.onnx": model,
    "with-cam.onnx": with_heat_maps,
    "old.onnx": model,
    "new.onnx": model,
    "accepted.csv": accepted,
    "report.run.json": manifest,
    "report.csv": lambda path: manifest(path.with_suffix(".run.json")),
    "samples": samples,
}
"""By name: what a block finds in its folder if it names it and does not make it itself."""


def furnish(folder: Path, block: Block) -> None:
    """Make ``folder`` with what the block takes as given; if it calls git, as a repository with a change."""
    folder.mkdir()
    text = "\n".join(block.lines()) or block.text
    for name, make in GIVEN.items():
        word = re.escape(name)
        if re.search(rf"(?<![\w-]){word}(?![\w-])", text) and not re.search(
            rf"--out[ =]{word}(?![\w-])", text
        ):
            make(folder / name)
    for earlier in blocks(ROOT / block.page):
        if "file" in earlier.attributes and earlier.line < block.line:
            (folder / earlier.attributes["file"]).write_text(earlier.text, encoding="utf-8")
    if re.search(r"\bgit ", text):
        repository(folder)
