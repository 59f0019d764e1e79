from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from models.filetypes import HEAD_BYTES
from models.first_bytes import NotRegular, first_bytes


def test_no_more_than_a_head_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(bytes(range(256)) * 9)
    assert first_bytes(str(file)) == file.read_bytes()[:HEAD_BYTES]
    file.write_bytes(b"short")
    assert first_bytes(str(file)) == b"short"


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(NotRegular) as caught:
            first_bytes(str(path))
        assert caught.value.mode == path.stat().st_mode and not stat.S_ISREG(caught.value.mode)
    with pytest.raises(FileNotFoundError):
        first_bytes(str(tmp_path / "gone"))
