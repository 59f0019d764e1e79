"""The pieces for CI, ready to run in a repository."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_given import ACTION, ROOT, Step, commit, git, picture
from tiny_onnx import write_tiny_model

from models.contract import ModelMetadata


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright pictures are fake."""
    path = tmp_path_factory.mktemp("model") / "bright.onnx"
    return write_tiny_model(path, ModelMetadata("bright", "1", "fake"), spread=16.0)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With one commit: a dark picture, a bright one in ``old``, and a text."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):  # set when a hook runs the tests
        monkeypatch.delenv(name, raising=False)
    git("init", "-q", "-b", "main")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "A")
    git("config", "commit.gpgsign", "false")
    picture(tmp_path / "dark.png", 30)
    picture(tmp_path / "old" / "known.png", 240)
    (tmp_path / "notes.txt").write_text("text\n")
    commit("first")
    return tmp_path


@pytest.fixture
def action(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Callable[..., Step]:
    """The action's script, with the environment that its step gives it."""

    def run(**inputs: str) -> Step:
        runner = tmp_path_factory.mktemp("runner")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SCAN_", "INPUT_"))}
        given = {name: str(facts["default"]) for name, facts in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()} | {"model": str(model)}
        (step,) = (step for step in ACTION["runs"]["steps"] if step.get("id") == "scan")
        for variable, expression in step["env"].items():
            env[variable] = given[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            env[variable] = str(runner / variable)
        (_, *options) = shlex.split(step["run"].replace("$GITHUB_ACTION_PATH", str(ROOT)))
        done = subprocess.run(
            [sys.executable, *options], env=env, capture_output=True, text=True, check=False
        )
        text = (
            (runner / "GITHUB_OUTPUT").read_text(encoding="utf-8")
            if (runner / "GITHUB_OUTPUT").exists()
            else ""
        )
        outputs = dict(line.split("=", 1) for line in text.splitlines())
        summary = runner / "GITHUB_STEP_SUMMARY"
        return Step(
            done.returncode,
            outputs,
            summary.read_text(encoding="utf-8") if summary.exists() else "",
            done.stderr,
        )

    return run


@pytest.fixture
def hook(repository: Path, tmp_path_factory: pytest.TempPathFactory, model: Path) -> Callable[[], Any]:
    """``pre-commit run`` with our hook, from a repository that holds its definition.

    The one thing that differs from the shipped definition: it runs the ``scan`` of this environment and installs none.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shutil.which("pre-commit", path=path) or pytest.skip("pre-commit is not installed")
    source = tmp_path_factory.mktemp("hooks")
    definition = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert "language: python" in definition
    (source / ".pre-commit-hooks.yaml").write_text(definition.replace("language: python", "language: system"))
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "x"),
    ):
        subprocess.run(["git", "-C", source, *words], check=True)
    sha = subprocess.run(
        ["git", "-C", source, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    config = {"repos": [{"repo": str(source), "rev": sha.strip(), "hooks": [{"id": "deepfake-scan"}]}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    commit("hook")
    env = {name: value for name, value in os.environ.items() if not name.startswith("SCAN_")}
    env |= {"SCAN_MODEL": str(model), "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("home"))}
    env["PATH"] = path

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        git("add", "-A")
        return subprocess.run(
            ["pre-commit", "run"], env=env | variables, capture_output=True, text=True, check=False
        )

    return run
