"""The distribution as a user has it: one name, one version, four commands that work in any folder."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ("scan", "scan-train", "scan-export", "scan-evaluate", "scan-review")


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def script(name: str) -> Path:
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{name} is not installed beside {sys.executable}"
    return path


def run(name: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script(name)), *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_the_version_is_that_of_setup_cfg() -> None:
    version = setup_cfg()["metadata"]["version"]
    assert metadata.version("deepfake-scanner") == version
    assert run("scan", "--version").stdout.splitlines()[0] == f"deepfake-scanner {version} (Apache-2.0)"
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_work_in_a_folder_with_packages_of_the_same_names(name: str, tmp_path: Path) -> None:
    for package in ("models", "export", "scanner"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    (tmp_path / "train.py").write_text("raise RuntimeError('the wrong module')\n")
    done = run(name, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: {name} ")


@pytest.mark.slow
def test_a_scan_and_its_errors_come_from_our_packages_there_too(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    (tmp_path / "notes.jpg").write_text("no picture")
    done = run("scan", ".", "--out", "report.csv", "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        (tmp_path / "report.csv").read_text().splitlines()[1].startswith("./notes.jpg,error,,,not_an_image")
    )


def test_exactly_one_onnxruntime_fits_every_machine() -> None:
    from packaging.markers import Marker

    requirements = setup_cfg()["options"]["install_requires"].splitlines()
    markers = {
        re.split(r"[>=;]", line)[0]: Marker(line.partition(";")[2])
        for line in requirements
        if "onnxruntime" in line
    }
    assert set(markers) == {"onnxruntime", "onnxruntime-gpu"}
    for platform in ("linux", "win32", "darwin"):
        for machine in ("x86_64", "AMD64", "arm64", "aarch64"):
            environment = {"sys_platform": platform, "platform_machine": machine}
            chosen = [name for name, marker in markers.items() if marker.evaluate(environment)]
            gpu = platform in ("linux", "win32") and machine in ("x86_64", "AMD64")
            assert chosen == ["onnxruntime-gpu" if gpu else "onnxruntime"]


def test_scanning_needs_none_of_what_training_needs() -> None:
    required = setup_cfg()["options"]["install_requires"]
    assert not re.search(
        r"^\s*(torch|torchvision|onnx|onnxscript|opencv|scikit-learn|matplotlib)\b(?!runtime)", required, re.M
    )


def test_typed_packages_say_so() -> None:
    for room in ("scanner", "train", "export", "models"):
        assert (ROOT / room / "py.typed").is_file()


def test_every_file_beside_the_code_is_packed() -> None:
    packed = setup_cfg()["options.package_data"]
    patterns = [
        f"{package.replace('.', '/')}/{pattern.strip()}"
        for package, line in packed.items()
        if package != "*"
        for pattern in line.split(",")
    ]
    for room in ("scanner", "train", "export", "models"):
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT)
                assert path.name in packed["*"] or any(name.match(one) for one in patterns), name


def test_every_licence_travels_along() -> None:
    named = {name.strip() for name in setup_cfg()["metadata"]["license_files"].split(",")}
    inside = {path.relative_to(ROOT).as_posix() for path in (ROOT / "models").rglob("*LICENSE*")}
    assert named == {"LICENSE", *inside}
