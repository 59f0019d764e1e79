"""``from scanner import …``: everything is there, typed, lazy, and yields results as they come."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import scanner
from scanner import Detector, FileResult, Status, scan_files, scan_paths


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in scanner.__all__:
        value = getattr(scanner, name)
        assert inspect.getdoc(value), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = scanner.nothing


def test_typed_and_lazy_lists_of_names_agree() -> None:
    source = Path(scanner.__file__).read_text(encoding="utf-8")
    for name in scanner.__all__:
        assert f"import {name} as {name}" in source


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, scanner\n"
        "print([n for n in sys.modules if n.startswith(('scanner.', 'models', 'numpy', 'click'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_scan_is_a_generator_of_results_in_order(
    detector: Detector, grey: Callable[..., Path], tmp_path: Path
) -> None:
    for name, value in (("b", 200), ("a", 50)):
        grey(tmp_path / f"{name}.png", value)
    results = scan_paths([tmp_path], detector)
    assert inspect.isgenerator(results)
    first, second = results
    assert isinstance(first, FileResult)
    assert [Path(one.path).name for one in (first, second)] == ["a.png", "b.png"]
    assert first.prob_fake is not None and second.prob_fake is not None and first.prob_fake < second.prob_fake


def test_named_files_have_one_result_each_whatever_they_are(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("text")
    results = list(
        scan_files([tmp_path / "text.txt", tmp_path / "gone.jpg", tmp_path / "text.txt"], detector)
    )
    assert [one.status for one in results] == [Status.ERROR] * 3
    assert [one.error for one in results] == ["not_an_image", "not_found", "not_an_image"]
