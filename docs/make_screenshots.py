"""Write docs/img from what the commands really show: ``python docs/make_screenshots.py`` (Linux, extra ``dev``).

Terminal output is captured under a pseudo-terminal and drawn as SVG; the HTML report is photographed if there is a
Chromium. A test keeps the SVG true.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
COLUMNS = 100
COMMAND = "scan samples --out report.csv --exit-zero"
"""The README's."""
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE_SIZE = (1100, 1150)
COLOURS_OF_PAGE = 128
"""The page is white, grey and small pictures; more colours only make the file larger."""


def shown_by(command: str, folder: Path, columns: int = COLUMNS) -> str:
    """What ``scan …`` leaves on a terminal that is ``columns`` wide, with colours, each line as it is at the end."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SCAN_") and name not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
    }
    program, *arguments = shlex.split(command)
    assert program == "scan"
    with subprocess.Popen(
        [sys.executable, "-c", "from scanner.cli import main; main()", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=env | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
    ) as running:
        os.close(theirs)
        raw = b"".join(iter(lambda: _read(mine), b""))
    os.close(mine)
    if running.returncode != 0:
        raise SystemExit(f"{command} ended with {running.returncode}:\n{raw.decode()}")
    lines = raw.decode("utf-8").replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines).rstrip("\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


def drawn(command: str, output: str, columns: int = COLUMNS) -> str:
    """A terminal with a command and its output, as SVG that fetches nothing."""
    from rich.console import Console
    from rich.text import Text

    console = Console(
        record=True, width=columns + 2, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
    console.print(Text.from_ansi(output))
    console.print()  # room for what hangs below the last line
    svg = console.export_svg(title="deepfake-scanner", unique_id="scan")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


def photographed(page: Path, target: Path) -> bool:
    """Whether there was a Chromium to draw ``page`` with, as a small PNG."""
    from PIL import Image

    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        return False
    width, height = PAGE_SIZE
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                chromium,
                "--headless=new",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--screenshot={page.with_suffix('.png')}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    with Image.open(page.with_suffix(".png")) as picture:
        picture.convert("RGB").quantize(COLOURS_OF_PAGE).save(target, optimize=True)
    return True


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "samples").symlink_to(ROOT / "samples")
        (IMAGES / "scan.svg").write_text(drawn(COMMAND, shown_by(COMMAND, folder)), encoding="utf-8")
        shown_by("scan samples --out report.html --exit-zero", folder)
        made = photographed(folder / "report.html", IMAGES / "report.png")
    click.echo("docs/img/scan.svg")
    click.echo("docs/img/report.png" if made else "no Chromium was found: docs/img/report.png stays as it is")


if __name__ == "__main__":
    main()
