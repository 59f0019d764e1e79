"""The pieces for CI as they ship: the action's script with the runner's files, the hook by pre-commit itself."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper
from PIL import Image

from models.contract import ModelMetadata

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright pictures are fake."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "middle"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["prob_fake"]),
    ]
    constants = {"axes": np.array([1, 2, 3]), "middle": np.float32(128), "spread": np.float32(16)}
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 260, 260, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("logit", "prob_fake")],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(proto, ModelMetadata("bright", "1", "fake").to_props())
    path = tmp_path_factory.mktemp("model") / "bright.onnx"
    onnx.save(proto, str(path))
    return path


def picture(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (value, value, value)).save(path)
    return path


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


def test_two_fakes_that_are_added_fail_the_job_and_are_named(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "new" / "one.png", 250)
    picture(repository / "new" / "a|b <i>.png", 245)
    (repository / "notes.txt").write_text("other text\n")
    commit("fakes")
    step = action(changed_since=before)
    assert (step.code, step.exit_code) == (0, 1)
    assert step.outputs["files"] == step.outputs["fake"] == "2"
    assert "new/one.png" in step.summary and "a&#124;b &lt;i&gt;.png" in step.summary
    assert "known" not in step.summary and "| 2 | 2 | 0 | 0 | 0 | 0 |" in step.summary
    for name in ("report.csv", "report.sarif", "report.html", "report.run.json"):
        assert (repository / "deepfake-scan" / name).exists()


def test_they_pass_with_a_baseline(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "new" / "one.png", 250)
    commit("fake")
    assert action(changed_since=before).exit_code == 1
    shutil.copy("deepfake-scan/report.csv", "known.csv")
    step = action(changed_since=before, baseline="known.csv")
    assert step.exit_code == 0 and "(known)" in step.summary and step.outputs["fake"] == "1"


def test_a_text_and_deleted_pictures_pass(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / "old" / "known.png").unlink()
    (repository / "notes.txt").write_text("other text\n")
    (repository / "fake.txt").write_bytes(b"no picture")
    commit("no pictures")
    step = action(changed_since=before)
    assert step.exit_code == 0 and step.outputs["files"] == "0"


def test_only_what_lies_below_paths_is_looked_at(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    picture(repository / "assets" / "[x]" / "deep" / "a.PNG", 250)
    picture(repository / "elsewhere" / "b.png", 250)
    commit("fakes")
    assert action(changed_since=before, paths="assets").outputs["files"] == "1"
    assert action(changed_since=before, paths="assets/[x]\nelsewhere").outputs["files"] == "2"


def test_what_is_left_out_of_a_change_is_told(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / ".scanignore").write_text("# not ours\nvendor/\n*.x.png\n")
    for name in ("vendor/a.png", "b.x.png", "new/c.png"):
        picture(repository / name, 250)
    commit("fakes, and a way to hide some")
    step = action(changed_since=before)
    assert step.exit_code == 1 and (step.outputs["files"], step.outputs["fake"]) == ("3", "1")
    assert "| new/c.png |" in step.summary and "| vendor/a.png |" not in step.summary
    assert "**Not looked at:** 2 changed pictures (.scanignore files: .scanignore)." in step.summary
    whole = action()
    assert "**Not looked at:** 1 ignored files, 1 ignored folders (.scanignore" in whole.summary
    assert "Not looked at" not in action(paths="new").summary


def test_a_job_can_look_at_everything(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / ".scanignore").write_text("*\n")
    picture(repository / "new.png", 250)
    commit("a hidden fake")
    assert action(changed_since=before).exit_code == 0
    step = action(changed_since=before, scanignore="false")
    assert step.exit_code == 1 and step.outputs["fake"] == "1" and "Not looked at" not in step.summary


def test_without_a_commit_everything_is_scanned(repository: Path, action: Any) -> None:
    step = action()
    assert step.exit_code == 1 and step.outputs["files"] == "2" and "known.png" in step.summary
    assert action(paths="dark.png\nnotes.txt").exit_code == 2, "named, and no picture"
    assert action(fail_on="never").exit_code == 0


def test_a_scan_that_cannot_run_fails_the_job_and_says_so(repository: Path, action: Any) -> None:
    assert action().exit_code == 1
    step = action(threshold="nonsense")
    assert step.exit_code == 2 and "did not run to its end" in step.summary and step.outputs["report"] == ""
    step = action(changed_since="0" * 40)
    assert step.code != 0 and "is the commit checked out?" in step.err


def test_modules_of_our_names_in_a_repository_are_not_run(
    repository: Path, action: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("models", "scanner", "click", "json", "deepfake_scanner_launcher"):
        (repository / f"{name}.py").write_text("raise SystemExit(0)\n")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    step = action(paths="old")
    assert step.exit_code == 1 and step.outputs["files"] == "1", step.err


def test_no_input_can_become_a_command() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


def test_the_last_step_ends_as_the_scan_did() -> None:
    last = ACTION["runs"]["steps"][-1]
    for code in (0, 1, 2):
        done = subprocess.run(["bash", "-c", last["run"]], env={"EXIT_CODE": str(code)}, check=False)
        assert done.returncode == code
    assert {"report", "files", "fake", "errors", "exit-code"} <= ACTION["outputs"].keys()


@pytest.fixture
def hook(repository: Path, tmp_path_factory: pytest.TempPathFactory, model: Path) -> Callable[[], Any]:
    """``pre-commit run`` with our hook, from a repository that holds its definition.

    The one thing that differs from the shipped definition: it runs the ``scan`` of this environment and installs none.
    """
    shutil.which("pre-commit") or pytest.skip("pre-commit is not installed")
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
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        git("add", "-A")
        return subprocess.run(
            ["pre-commit", "run"], env=env | variables, capture_output=True, text=True, check=False
        )

    return run


def test_the_hook_stops_two_fakes_and_names_them(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    picture(repository / "new" / "two.png", 245)
    done = hook()
    assert done.returncode == 1 and "new/one.png,ok," in done.stdout and "new/two.png,ok," in done.stdout


def test_the_hook_runs_no_module_of_the_repository(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    for name in ("models", "scanner", "click"):
        (repository / f"{name}.py").write_text("raise SystemExit(0)\n")
    done = hook(PYTHONPATH=str(repository))
    assert done.returncode == 1 and "new/one.png,ok," in done.stdout, done.stdout


def test_the_hook_leaves_out_what_scanignore_names(repository: Path, hook: Any) -> None:
    picture(repository / "new" / "one.png", 250)
    (repository / ".scanignore").write_text("new/\n")
    assert hook().returncode == 0
    assert hook(SCAN_NO_SCANIGNORE="1").returncode == 1


def test_the_hook_passes_with_a_baseline_with_texts_and_with_deleted_pictures(
    repository: Path, hook: Any, model: Path
) -> None:
    picture(repository / "new" / "one.png", 250)
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "new", "--out", "known.csv"]
    subprocess.run([*command, "--model", str(model)], check=False, capture_output=True)
    done = hook(SCAN_BASELINE="known.csv")
    assert done.returncode == 0, done.stdout
    commit("known fake")
    (repository / "notes.txt").write_text("other text\n")
    (repository / "old" / "known.png").unlink()
    done = hook()
    assert done.returncode == 0, done.stdout
