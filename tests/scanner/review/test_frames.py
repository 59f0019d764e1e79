"""Files of several frames in a review: the frame that decides is the one that is shown."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from review_process import reviewing

pytestmark = pytest.mark.slow


def brightness(data: bytes) -> int:
    pixel = Image.open(io.BytesIO(data)).convert("L").getpixel((3, 3))
    assert isinstance(pixel, int)
    return pixel


def test_of_an_animation_the_frame_that_decides(
    tmp_path: Path, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = [Image.new("L", (32, 24), 30 + n) for n in range(40)]
    frames[25] = Image.new("L", (32, 24), 230)
    frames[0].save("a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert shell("a.gif", "--out", "report.jsonl", "--frames", "all").code == 1
    with reviewing(tmp_path) as running:
        item = running.client.item(0)
        assert (item["picture"]["width"], item["picture"]["height"]) == (32, 24), item
        assert brightness(running.client.ask("picture?place=0").body) > 200


def test_of_a_film_the_frame_that_decides(
    tmp_path: Path, shell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av", reason='pip install "deepfake-scanner[video]"')
    from films import write_greys

    monkeypatch.chdir(tmp_path)
    write_greys(tmp_path / "a.mp4", [*[40] * 60, *[220] * 60], rate=10.0)
    assert shell("a.mp4", "--out", "report.jsonl", "--video", "sample").code in (0, 1)
    with reviewing(tmp_path) as running:
        item = running.client.item(0)
        assert not item["picture"]["problem"] and "at " in dict(item["facts"])["shown"]
        assert brightness(running.client.ask("picture?place=0").body) > 180
