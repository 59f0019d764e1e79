"""The fenced blocks of the pages that users read, their commands, and a folder that holds what the pages take as given.

A fence's first word is its language. Attributes may follow, which no renderer shows:

``sh exit=1``
    The block's last command ends with 1; ``exit=1,0``: the last but one with 1, the last with 0. All others end with 0.
``sh needs=gpu``
    Not executed, for one of the reasons in :data:`NEEDS`; its options are checked nevertheless.
``toml file=x.toml``
    Stands in the folder of the page's later blocks under that name.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper
from PIL import Image

from models.contract import ModelMetadata, Threshold

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("bench/*.md"), *ROOT.glob("docs/*.md")]
)
NEEDS = {
    "gpu": "an accelerator",
    "hours": "a training run or a measurement of full length, or what only that makes",
    "data": "labelled pictures or weights that are not in the repository",
    "network": "packages or weights from the network",
    "service": "a forge's service",
}
EXECUTED, PARSED = ("sh", "bash", "console", "python", "yaml"), ("json", "toml")
SHOWN = ("text", "csv", "ini", "html", "xml", "diff", "")
OURS = re.compile(
    r"(\S*/)?scan(-train|-export|-evaluate)?\s|(\S*/)?python3? (-m bench\b|bench/|docs/|samples/)|bench/\S+\.sh"
)


@dataclass(frozen=True)
class Block:
    """A fenced block: of which page, from which line on, and what its info string says."""

    page: str
    line: int
    language: str
    attributes: dict[str, str] = field(hash=False)
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def needs(self) -> str | None:
        return self.attributes.get("needs")

    def lines(self) -> list[str]:
        """Of shell; what else the block holds (output, YAML) is left out."""
        match self.language:
            case "sh" | "bash":
                return self.text.splitlines()
            case "console":
                return [line[2:] for line in self.text.splitlines() if line.startswith(("$ ", "> "))]
            case "yaml":
                return [line for script in scripts(yaml.safe_load(self.text)) for line in script.splitlines()]
            case _:
                return []

    def commands(self) -> list[str]:
        """Whole commands: a line together with those that continue it."""
        found, begun = [], ""
        for line in self.lines():
            if not begun and (not line.strip() or line.lstrip().startswith("#")):
                continue
            begun += line + "\n"
            is_cut = (
                line.endswith("\\")
                or subprocess.run(["bash", "-n", "-c", begun], capture_output=True).returncode
            )
            if not is_cut:
                found.append(begun)
                begun = ""
        return [*found, begun] if begun else found

    def exit_codes(self) -> list[int]:
        """One for each command."""
        last = [int(code) for code in self.attributes.get("exit", "0").split(",")]
        return [0] * (len(self.commands()) - len(last)) + last

    def calls(self) -> list[list[str]]:
        """The words of every call of one of our own commands, parts of pipes and chains by themselves."""
        found = []
        for line in "\n".join(self.lines()).replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||[|;]", line.partition(" #")[0]):
                if OURS.match(part.strip() + " "):
                    words = shlex.split(part)
                    ends = [n for n, word in enumerate(words) if re.match(r"\d?>", word)]
                    found.append(words[: ends[0]] if ends else words)
        return found


def blocks(page: Path) -> list[Block]:
    """Of one page, in order. Raises :class:`ValueError` for a fence that is never closed."""
    found: list[Block] = []
    opened: tuple[int, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r" *(`{3,}|~{3,})\s*([^`]*)$", line)
        if opened is None:
            if fence:
                opened, inside = (number, fence[1], fence[2].strip()), []
        elif fence and fence[1].startswith(opened[1]) and not fence[2]:
            language, *attributes = opened[2].split() or [""]
            pairs = dict(attribute.partition("=")[::2] for attribute in attributes)
            name = (page.relative_to(ROOT) if page.is_relative_to(ROOT) else page).as_posix()
            text = "".join(f"{line}\n" for line in inside)
            found.append(Block(name, opened[0], language, pairs, text))
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        raise ValueError(f"{page}:{opened[0]}: this fence is never closed")
    return found


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if not languages or block.language in languages]


def outside_blocks(page: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts of the lines of prose."""
    fenced = {
        number
        for block in blocks(page)
        for number in range(block.line, block.line + block.text.count("\n") + 2)
    }
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if number not in fenced:
            yield number, line


def scripts(value: Any) -> list[str]:
    """What ``run:`` and ``script:`` hold in the YAML of a forge's pipeline."""
    if isinstance(value, list):
        return [script for item in value for script in scripts(item)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, item in value.items():
        if key in ("run", "script", "before_script", "after_script"):
            found += [item] if isinstance(item, str) else item
        else:
            found += scripts(item)
    return found


# What the pages take as given.


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (48, 40), (value, value, value)).save(path)


def clean(folder: Path) -> None:
    """Pictures of which none is flagged, and a text."""
    picture(folder / "one.jpg", 40)
    picture(folder / "below" / "two words.png", 60)
    (folder / "notes.txt").write_text("text\n")


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
    constants = {"axes": np.array([1, 2, 3]), "middle": np.float32(128), "spread": np.float32(32)}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
            helper.make_node("Sub", ["mean", "middle"], ["centred"]),
            helper.make_node("Div", ["centred", "spread"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["prob_fake"]),
        ],
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 260, 260, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("logit", "prob_fake")],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    metadata = ModelMetadata(
        "bright", "1", "fake", calibrated=True, calibration_prior=0.5, inconclusive_low=0.4,
        thresholds={
            name: Threshold(value, data="calibrate", fpr=0.02, tpr=0.9)
            for name, value in (("default", 0.7), ("fpr1", 0.8), ("fpr5", 0.6))
        },
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(proto, metadata.to_props())
    onnx.save(proto, str(path))


def manifest(path: Path) -> None:
    """Of a report beside it, which is named like it and has the fake of :func:`with_a_fake`."""
    folder = path.parent / "earlier"
    with_a_fake(folder)
    model(folder / "model.onnx")
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
    "assets": with_a_fake,
    "a.jpg": lambda path: picture(path, 50),
    "last": old,
    "DATA": labelled,
    "model.onnx": model,
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
