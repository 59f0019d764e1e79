"""The tables of rooms in CONTRIBUTING.md: who may import whom, read off every import statement in the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("scanner", "train", "export", "models")

# What a module may import of ours, by the longest prefix of its name; "scanner" alone is the public API.
ALLOWED = {
    "models": {"models"},
    "scanner": {"scanner.", "models"},
    "train": {"train.", "models"},
    "train.evaluation": {"train.", "models", "scanner"},
    "export": {"export.", "models"},
    "export.parity": {"export.", "models", "scanner"},
    "export.variant_check": {"export.", "models", "scanner", "train.datasets.tree", "train.evaluation"},
}
TORCH = {"torch", "torchvision", "onnxscript"}
NO_TORCH = (
    "scanner",
    "train.datasets.tree",
    "train.evaluation",
    "train.fitting.band",
    "train.fitting.temperature",
    "train.fitting.thresholds",
    "train.recipes",
    "models.calibration",
    "models.contract",
    "models.error_codes",
    "models.faces",
    "models.filetypes",
    "models.preprocessing",
    "models.support",
    "models.weights",
)


def modules() -> list[tuple[str, Path]]:
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append((name.removesuffix(".__init__"), path))
    return found


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names that a file imports, inside functions too, but not those for type checkers alone."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: imports here are absolute"
            # ``from train import checkpoint`` imports a module, ``from scanner import Detector`` a name.
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                file = ROOT.joinpath(*inner.split("."))
                yield inner if file.with_suffix(".py").exists() or file.is_dir() else node.module


def allowed_for(module: str) -> set[str]:
    prefixes = [prefix for prefix in ALLOWED if module == prefix or module.startswith(f"{prefix}.")]
    return ALLOWED[max(prefixes, key=len)]


def is_allowed(module: str, imported: str) -> bool:
    return any(
        imported == rule.rstrip(".") or (imported.startswith(rule.rstrip(".") + ".") and rule != "scanner")
        for rule in allowed_for(module)
    )


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_its_room_may(module: str, path: Path) -> None:
    ours = [name for name in imports(path) if name.partition(".")[0] in ROOMS]
    assert [name for name in ours if not is_allowed(module, name)] == []


@pytest.mark.parametrize(
    ("module", "path"), [(name, path) for name, path in modules() if name.startswith(NO_TORCH)]
)
def test_rooms_without_torch_never_name_it(module: str, path: Path) -> None:
    assert TORCH.isdisjoint(name.partition(".")[0] for name in imports(path))


@pytest.mark.parametrize(("module", "path"), modules())
def test_runtimes_are_loaded_in_one_place_each_where_they_are_kept_from_reporting(
    module: str, path: Path
) -> None:
    named = {name.partition(".")[0] for name in imports(path)} & {"onnxruntime", "openvino"}
    assert not named, "load_onnxruntime() and load_openvino() load them"


def rooms_of_the_scanner() -> dict[str, set[str]]:
    """What each may import of the others, as CONTRIBUTING.md says it."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("The rooms of `scanner/`")[2]
    rows = re.findall(r"^\| `(\w+)/` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    return {room: set(re.findall(r"`(\w+)/`", others)) for room, others in rows}


def room_of(module: str) -> str | None:
    """``None`` for a file beside the rooms."""
    parts = module.split(".")
    is_room = parts[0] == "scanner" and len(parts) > 1 and (ROOT / "scanner" / parts[1]).is_dir()
    return parts[1] if is_room else None


@pytest.mark.parametrize(
    ("module", "path"), [(name, path) for name, path in modules() if room_of(name) is not None]
)
def test_a_room_of_the_scanner_imports_only_what_the_table_says(module: str, path: Path) -> None:
    room = room_of(module)
    assert room is not None
    allowed = rooms_of_the_scanner()[room] | {room}
    ours = [name for name in imports(path) if name.startswith("scanner.") and name != "scanner.options"]
    assert [name for name in ours if room_of(name) not in allowed] == []


def test_the_table_of_rooms_is_whole_and_has_no_circle() -> None:
    table = rooms_of_the_scanner()
    assert set(table) == {path.parent.name for path in (ROOT / "scanner").glob("*/__init__.py")}
    order = tuple(TopologicalSorter(table).static_order())  # raises CycleError
    assert order[0] == "results"


def test_the_rules_catch_what_they_are_for() -> None:
    assert not is_allowed("scanner.engine.local", "train.datasets.tree")
    assert not is_allowed("models.network", "scanner")
    assert not is_allowed("train.fitting.loop", "scanner")
    assert not is_allowed("train.evaluation.scoring", "scanner.engine.local")
    assert is_allowed("train.evaluation.scoring", "scanner")
    assert not is_allowed("export.exporter", "scanner")
    assert is_allowed("export.parity", "scanner")
    assert is_allowed("export.variant_check", "train.datasets.tree")
    assert not is_allowed("export.variant_check", "train.fitting.loop")
    assert not is_allowed("export.variants", "train.datasets.tree")
    assert set(imports(ROOT / "train" / "fitting" / "loop.py")) >= {"torch", "train.fitting.checkpoint"}


@pytest.mark.parametrize(
    "package", ["models", "models.faces", "scanner", "train", "train.evaluation", "export"]
)
def test_importing_a_room_costs_nothing_heavy(package: str) -> None:
    heavy = ("torch", "torchvision", "onnxruntime", "onnx", "numpy", "pandas", "PIL", "sklearn", "matplotlib")
    code = f"import sys, {package}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
