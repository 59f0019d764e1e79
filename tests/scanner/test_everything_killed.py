"""A folder with one of everything, killed at random moments: the same command ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import heic_files
import pytest
from films import write_film, write_greys
from PIL import Image
from portraits import on_grey

from scanner.results import SETTLING_NS

KILLS = 20
REPORTS = ("r.csv", "r.findings.csv", "r.jsonl")
LOOKING = ("--video", "sample", "--frames", "all", "--archives", "--exit-zero", "--max-errors", 10)


def everything(folder: Path, grey: Callable[..., Path]) -> None:
    """Portraits, pages, animations, films, whole and cut off, a HEIC, rubbish, and most of them again in archives."""
    folder.mkdir()
    couple = [
        on_grey(640, 360, ("collins", 200, 20 + step, 80), ("hopper", 220, 400, 60)) for step in range(30)
    ]
    couple[0].save(folder / "couple.jpg", quality=92)
    couple[0].save(folder / "pages.tiff", save_all=True, append_images=couple[1:5])
    couple[0].save(folder / "turning.webp", save_all=True, append_images=couple[1:6], duration=200)
    couple[0].save(folder / "turning.gif", save_all=True, append_images=couple[1:4], duration=100)
    write_film(folder / "long.mp4", couple, [number * 1.5 for number in range(30)])
    whole = write_greys(folder / "grey.mkv", [90] * 60).read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (folder / "phone.heic").write_bytes(heic_files.WITH_EXIF)
    (folder / "broken.png").write_bytes(grey(folder / "grey.png", 40).read_bytes()[:40])
    (folder / "playlist.mp4").write_text("ffconcat version 1.0\nfile grey.png\n")
    (folder / "notes.txt").write_text("no picture")
    Image.new("RGB", (64, 64), (200, 10, 10)).save(folder / "red.bmp")
    with zipfile.ZipFile(folder / "box.zip", "w") as box:
        for name in ("couple.jpg", "pages.tiff", "broken.png", "red.bmp"):
            box.write(folder / name, f"deep/{name}")
    with tarfile.open(folder / "boxes.tar.gz", "w:gz") as boxes:
        for name in ("box.zip", "turning.gif"):
            boxes.add(folder / name, name)


@pytest.fixture
def arguments(tmp_path: Path, faces_model: Path, grey: Callable[..., Path]) -> list[object]:
    everything(tmp_path / "in", grey)
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    outs = [word for name in REPORTS for word in ("--out", name)]
    return ["in", *outs, *LOOKING, "--model", faces_model, "-q"]


def reports(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in REPORTS if (folder / name).exists()}


@pytest.mark.slow
def test_kills_change_no_byte_of_any_report(
    tmp_path: Path, arguments: list[object], process: Any, shell: Any
) -> None:
    began = time.monotonic()
    done = shell(*arguments, timeout=300)
    seconds = time.monotonic() - began
    whole = reports(tmp_path)
    assert done.code == 0 and len(whole) == len(REPORTS)
    kept = []
    moments = random.Random("moments of everything")
    for _ in range(KILLS):
        for name in reports(tmp_path):
            (tmp_path / name).unlink()
        with process(*arguments, start_new_session=True) as running:
            time.sleep(moments.uniform(0.3, 1.0) * seconds)
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
            running.wait(60)
        # Reports are renamed into place one after the other.
        assert reports(tmp_path).items() <= whole.items()
        if (journal := tmp_path / "r.csv.journal").exists():
            kept.append(journal.read_bytes().count(b"\n") - 1)
    done = shell(*arguments, timeout=300)
    assert done.code == 0 and reports(tmp_path) == whole
    assert max(kept, default=0) > 0, "every kill came too early"
    assert not (tmp_path / "r.csv.journal").exists()
