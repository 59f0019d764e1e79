"""Small real models and pictures, and two ways to run the command: in this process and in one of its own.

The usual model calls bright pictures fake: ``logit = (mean of the pixels - 128) / 32``.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import pty
import stat
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image
from tiny_onnx import FACES, Signature, write_tiny_model

from models.contract import ModelMetadata, Threshold
from models.support.errors import run_command
from scanner import Detector, cli

UNCALIBRATED = ModelMetadata("bright", "3", "fake")
CALIBRATED = ModelMetadata(
    "bright",
    "3",
    "fake",
    license="CC-BY-4.0",
    calibrated=True,
    calibration_prior=0.5,
    thresholds={
        "default": Threshold(0.7, data="calibrate", fpr=0.02, tpr=0.9),
        "fpr1": Threshold(0.8, data="calibrate", fpr=0.01, tpr=0.8),
        "fpr5": Threshold(0.6, data="calibrate", fpr=0.05, tpr=0.95),
    },
    inconclusive_low=0.4,
)


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """:func:`write_tiny_model` in a folder of its own; uncalibrated unless told otherwise."""
    of_signature = {field.name for field in fields(Signature)}

    def make(metadata: ModelMetadata | None = UNCALIBRATED, **changes: Any) -> Path:
        signature = Signature(**{name: changes.pop(name) for name in of_signature & changes.keys()})
        path = tmp_path_factory.mktemp("model") / "bright.onnx"
        return write_tiny_model(path, metadata, signature, **changes)

    return make


@pytest.fixture(scope="session")
def model(make_model: Callable[..., Path]) -> Path:
    """Without calibration: threshold 0.5, no inconclusive band."""
    return make_model()


@pytest.fixture(scope="session")
def faces_model(make_model: Callable[..., Path]) -> Path:
    """Bright squares around faces are fake; without calibration."""
    return make_model(FACES)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder ``in`` of the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def calibrated(make_model: Callable[..., Path]) -> Path:
    """Thresholds 0.7 (default), 0.8 (fpr1) and 0.6 (fpr5); inconclusive from 0.4 up."""
    return make_model(CALIBRATED)


@pytest.fixture(scope="session")
def detector(model: Path) -> Detector:
    return Detector.load(model, "cpu")


def save_grey(path: Path | str, value: int, size: tuple[int, int] = (12, 10)) -> Path:
    """A picture of one grey; PNG unless the suffix says otherwise, so that nothing is lost."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".gif": "GIF"}.get(path.suffix, "PNG")
    Image.new("RGB", size, (value, value, value)).save(path, kind)
    return path


@pytest.fixture(scope="session")
def grey() -> Callable[..., Path]:
    return save_grey


@pytest.fixture
def device(tmp_path: Path) -> Callable[[str], Path]:
    """A twin of ``/dev/NAME``: root's own could be replaced by a report, should the code under test be wrong."""

    def twin(name: str) -> Path:
        original = Path("/dev", name)
        if not original.is_char_device():
            pytest.skip(f"there is no {original} here")
        if os.geteuid() != 0:
            return original
        try:
            os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, original.stat().st_rdev)
            (tmp_path / name).open("wb").close()
        except OSError:
            pytest.skip("no devices can be made here")
        return tmp_path / name

    return twin


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """The folder ``disk``, a file system of a size such as ``16k``."""
    folder = tmp_path / "disk"
    mounted = False

    def mount(size: str) -> Path:
        nonlocal mounted
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip("only root may mount a file system")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


class Run(NamedTuple):
    """What a finished command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """Of the report on standard output."""
        return parse(self.out)


def parse(report: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.decode("utf-8"), newline="")))


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], list[dict[str, str]]]:
    """The rows of a report file, as Python's own reader sees them."""
    return lambda path: parse(path.read_bytes())


@pytest.fixture
def scan(model: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Run]:
    """``scan`` in this process, on the CPU with the uncalibrated model unless the arguments say otherwise."""

    def run(*arguments: object) -> Run:
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            run_command(cli.scan, with_defaults(arguments, model))
        assert isinstance(left.value.code, int)
        out, err = capsysbinary.readouterr()
        return Run(left.value.code, out, err.decode("utf-8"))

    return run


def with_defaults(arguments: tuple[object, ...], model: Path) -> list[str]:
    words = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in arguments]
    for option, value in (("--device", "cpu"), ("--model", str(model))):
        if option not in words:
            words += [option, value]
    return words


MAIN = "from scanner.cli import main; main()"


@pytest.fixture
def process(model: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """``scan`` in a process of its own, started and not waited for."""

    def start(*arguments: object, code: str = MAIN, **settings: Any) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-W", "error", "-c", code, *with_defaults(arguments, model)]
        # As from a shell: settings of the tests' own Python, such as unbuffered output, would hide faults, and
        # options in the environment would be a scan's.
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONUNBUFFERED", "SCAN_"))}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        settings["env"] = env | {"SCAN_NO_CONFIG": "1"} | settings.get("env", {})
        return subprocess.Popen(words, **pipes | {"cwd": tmp_path} | settings)

    return start


@pytest.fixture
def shell(process: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., Run]:
    """``scan`` in a process of its own, with every warning an error; what the shell would see."""

    def run(*arguments: object, timeout: float = 60, **settings: Any) -> Run:
        with process(*arguments, **settings) as running:
            out, err = running.communicate(timeout=timeout)
        return Run(running.returncode, out or b"", (err or b"").decode("utf-8"))

    return run


class Shown(NamedTuple):
    """What a command left on a terminal, and in a pipe beside it."""

    code: int
    text: str
    out: bytes


@pytest.fixture
def on_terminal(process: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., Shown]:
    """``scan`` with standard error on a terminal, and standard output too if there is no pipe for it."""

    def run(*arguments: object, columns: int = 100, out_to_pipe: bool = True, **settings: Any) -> Shown:
        mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        settings["env"] = {"TERM": "xterm-256color"} | settings.get("env", {})
        stdout = subprocess.PIPE if out_to_pipe else theirs
        with process(
            *arguments, stdout=stdout, stderr=theirs, stdin=subprocess.DEVNULL, **settings
        ) as running:
            os.close(theirs)
            shown = b"".join(iter(lambda: read_terminal(mine), b""))
            out = running.stdout.read() if running.stdout else b""
        os.close(mine)
        return Shown(running.returncode, shown.decode("utf-8"), out)

    return run


def read_terminal(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: Callable[..., Path]) -> Path:
    """``in`` holds a dark and a bright picture, and a bright one a folder further down."""
    monkeypatch.chdir(tmp_path)
    grey("in/dark.png", 40)
    grey("in/light.jpg", 240)
    grey("in/sub/deep.png", 250)
    return tmp_path
