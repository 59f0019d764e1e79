"""What the tests of the pieces for CI share: the pieces, a repository's commands, pictures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def picture(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (value, value, value)).save(path)
    return path


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(message: str) -> str:
    git("add", "-A")
    git("commit", "-q", "-m", message)
    return git("rev-parse", "HEAD")


class Step(NamedTuple):
    code: int
    outputs: dict[str, str]
    summary: str
    err: str

    @property
    def exit_code(self) -> int:
        """With which the action's last step ends."""
        return int(self.outputs["exit-code"])
