"""Our modules are ours: the commands of a real installation among somebody else's modules of the same names."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

import deepfake_scanner_launcher as launcher

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
COMMANDS = ("scan", "scan-train", "scan-export", "scan-evaluate", "scan-review")
NO_NETWORK = re.compile("Could not find a version|No matching distribution|Failed to establish|resolution")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with a wheel of this checkout; other libraries are this environment's, by a ``.pth`` file."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for room in launcher.OURS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "deepfake_scanner_launcher.py"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    made = subprocess.run(
        [*pip, "wheel", "--no-deps", "-w", str(folder), str(source)], capture_output=True, text=True
    )
    if made.returncode and NO_NETWORK.search(made.stderr):
        pytest.skip("building a wheel needs setuptools, and there is no network to get it from")
    assert made.returncode == 0, made.stderr
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    subprocess.run(
        [*pip, "--python", str(folder / "venv"), "install", "--no-deps", "--no-index", str(wheel)], check=True
    )
    (packages,) = (folder / "venv").glob("lib/*/site-packages")
    shared = [entry for entry in sys.path if entry.rstrip("/").endswith("site-packages")]
    (packages / "shared.pth").write_text("\n".join(shared) + "\n")
    return folder / "venv"


@pytest.fixture
def run(venv: Path, tmp_path: Path) -> Run:
    def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
        return subprocess.run(
            [str(venv / "bin" / name), *arguments], env=env, cwd=tmp_path, capture_output=True, text=True
        )

    return run


def foreign(folder: Path) -> Path:
    """Modules of our names, of libraries, and of Python's own library; each of them ends whoever imports it."""
    for name in ("models", "scanner"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    for name in ("train", "export", "click", "numpy", "PIL", "onnxruntime", "json", "random", "statistics"):
        (folder / f"{name}.py").write_text(f"print('{name} of somebody else'); raise SystemExit(1)\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("where", ["PYTHONPATH", "working folder", "empty entry", "both"])
def test_nobody_elses_modules_are_imported(where: str, run: Run, tmp_path: Path) -> None:
    other = foreign(tmp_path if where in ("working folder", "empty entry") else tmp_path / "other")
    if where == "both":
        foreign(tmp_path)
    paths = {"working folder": "", "empty entry": f"{os.pathsep}/nowhere"}.get(where, str(other))
    (tmp_path / "in").mkdir()
    shutil.copy(SAMPLES / "real" / "collins.jpg", tmp_path / "in" / "a.jpg")
    done = run(
        "scan", "in", "--out", "r.csv", "--device", "cpu", "--fail-on", "never", "-q", PYTHONPATH=paths
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "r.csv").read_text().splitlines()[1].startswith("in/a.jpg,ok,")
    for name in COMMANDS:
        done = run(name, "--help", PYTHONPATH=paths)
        assert done.returncode == 0 and done.stdout.startswith(f"Usage: {name} "), done.stderr


@pytest.mark.slow
def test_what_a_sitecustomize_imported_before_is_forgotten(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "models").mkdir(parents=True)
    (other / "models" / "__init__.py").write_text("mine = True\n")
    (other / "sitecustomize.py").write_text("import models\n")
    done = run("scan", "--help", PYTHONPATH=str(other))
    assert done.returncode == 0 and done.stdout.startswith("Usage: scan "), done.stderr


BROKEN = {
    "no such library": "raise ModuleNotFoundError('No module named \\'_inner\\'', name='_inner')",
    "a shared library": "raise OSError('libinner.so.1: cannot open shared object file')",
    "built for another": "raise RuntimeError('compiled against another version')",
    "no Python of today": "print 'hello'",
    "a script": "import sys; sys.exit(1)",
}


@pytest.fixture
def replaced(venv: Path) -> Iterator[Callable[[str, str], Path]]:
    """Put another module in the place of a library."""
    (packages,) = venv.glob("lib/*/site-packages")
    made: list[Path] = []

    def replace(name: str, text: str) -> Path:
        made.append(packages / f"{name}.py")
        made[-1].write_text(text + "\n")
        return made[-1]

    yield replace
    for path in made:
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("library", ["click", "numpy"])
def test_a_broken_library_is_a_sentence_and_never_a_finding(
    library: str, how: str, run: Run, replaced: Callable[[str, str], Path], tmp_path: Path
) -> None:
    Image.new("RGB", (60, 60)).save(tmp_path / "a.png")
    replaced(library, BROKEN[how])
    done = run("scan", "a.png", "--out", "r.csv", "--device", "cpu")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("error: ") and library in line and "install" in line
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_starts_without_click(
    name: str, run: Run, replaced: Callable[[str, str], Path], venv: Path
) -> None:
    replaced("click", "raise ImportError('half removed')")
    done = run(name, "--help")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and "click" in line and "half removed" in line
    (packages,) = venv.glob("lib/*/site-packages")
    (packages / "click.py").write_text("")
    (shared,) = packages.glob("shared.pth")
    kept = shared.read_text()
    try:
        shared.write_text("")
        (packages / "click.py").rename(packages / "clack.py")
        done = run(name, "--help")
        assert done.returncode == 2
        assert done.stderr == (
            "error: click is not installed; install deepfake-scanner again, into an environment of its own\n"
        )
    finally:
        (packages / "clack.py").rename(packages / "click.py")
        shared.write_text(kept)


@pytest.mark.slow
def test_an_installation_that_lost_a_file_is_a_sentence(run: Run, venv: Path) -> None:
    (packages,) = venv.glob("lib/*/site-packages")
    for name in ("models/support/errors.py", "scanner/settings/origins.py"):
        file = packages / name
        hidden = file.rename(file.with_suffix(".away"))
        try:
            done = run("scan", "--help")
        finally:
            hidden.rename(file)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 2 and line.startswith("error: ") and "install" in line, name


@pytest.mark.parametrize("version", [(3, 8, 19), (3, 10, 0), (3, 14, 1)])
def test_another_python_is_a_sentence(version: tuple[int, int, int]) -> None:
    program = (
        f"import sys; sys.version_info = {version}\n"
        "import deepfake_scanner_launcher\n"
        "deepfake_scanner_launcher.scan()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("error: scan needs Python 3.11 to 3.13 and was started")


def test_the_pythons_are_those_of_setup_cfg() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    (oldest, newest) = launcher.PYTHON
    required = f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert parser["options"]["python_requires"] == required


def test_every_room_of_ours_is_known_to_the_launcher() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    include = parser["options.packages.find"]["include"].split()
    assert tuple(name.rstrip("*") for name in include) == launcher.OURS


def test_the_order_is_library_ours_installed_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - as the launcher finds it
    standard = ["/usr/lib/python311.zip", library, f"{library}/lib-dynload"]
    path = ["/bin", "/other", str(tmp_path), *standard, "/user/site-packages", launcher.HOME, "/more"]
    found = launcher.arranged(path, ["/other", "", "/gone"], implicit=True)
    assert found == [*standard, launcher.HOME, "/user/site-packages", "/more", "/other"]
    safe = launcher.arranged(path[1:], ["/other"], implicit=False)
    assert safe == [*standard, launcher.HOME, "/user/site-packages", "/more", "/other"]


def test_a_working_folder_that_holds_the_installed_libraries_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.chdir(packages)
    assert launcher.arranged(["", str(packages)], [], implicit=True)[-1] == str(packages)


def test_a_working_folder_that_was_removed_is_no_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert launcher.HOME in launcher.arranged(["", "relative", "/x"], ["relative"], implicit=True)
