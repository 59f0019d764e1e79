"""Tests that would harm those after them, in a process of their own.

OpenVINO is one such thing: once it has run, torch's forked loader workers give batches with holes in them, or crash.
No command of ours does both.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("file", ["scanner/test_openvino.py", "export/precision/test_variants.py"])
def test_what_needs_a_process_of_its_own(file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / file)],
        env=os.environ | {"PYTEST_OWN_PROCESS": "1"}, cwd=HERE.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and re.search(r"[1-9]\d* passed", done.stdout), done.stdout + done.stderr


def test_no_other_test_has_loaded_openvino() -> None:
    assert "openvino" not in sys.modules
