"""What is missing, what is broken, and what is a bug: told apart by real imports."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models.support.dependencies import MissingExtra, import_failure, require_extra, why
from models.support.errors import Failure

Write = Callable[..., Path]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a library of a name that is nobody's."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str, name: str = "zz_library") -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return path

    return write


def refused(*modules: str, **words: str) -> str:
    with pytest.raises(MissingExtra) as caught:
        require_extra("train", modules, needed_by="scan-train", **words)  # type: ignore[arg-type]
    return str(caught.value)


def test_what_is_there_is_given_back(library: Write) -> None:
    library("number = 7\n")
    json, ours = require_extra("train", ["json", "zz_library"], needed_by="scan-train")
    assert (json.__name__, ours.number) == ("json", 7)


def test_all_that_are_missing_are_named_at_once_by_what_pip_calls_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert refused("json", "zz_none", "sklearn", otherwise="or do without") == (
        'scan-train needs zz_none, scikit-learn: pip install "deepfake-scanner[train]", or do without'
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ImportError('libz.so.9: cannot open')", "ImportError: libz.so.9: cannot open"),
        ("import zz_inner", "ModuleNotFoundError: No module named 'zz_inner'"),
        ("raise OSError('libcudart.so.12: not found')", "OSError: libcudart.so.12: not found"),
        ("raise RuntimeError('operator nms does not exist')", "RuntimeError: operator nms does not exist"),
        ("raise AttributeError('_ARRAY_API not found')", "AttributeError: _ARRAY_API not found"),
        ("print 'hello'", "SyntaxError"),
    ],
)
def test_what_is_broken_is_said_with_its_own_error(library: Write, text: str, reason: str) -> None:
    library(text)
    said = refused("zz_library")
    assert f"needs zz_library, which is installed and cannot be loaded ({reason}" in said
    assert 'pip install --force-reinstall "deepfake-scanner[train]"' in said and "\n" not in said


def test_a_folder_of_that_name_is_no_library(library: Write, tmp_path: Path) -> None:
    library("")
    (tmp_path / "zz_folder").mkdir()
    importlib.invalidate_caches()
    assert "needs zz_folder: pip install" in refused("zz_folder")


def test_the_callers_own_class_is_raised() -> None:
    class Mine(Failure):
        pass

    with pytest.raises(Mine):
        require_extra("train", ["zz_none"], needed_by="it", failure=Mine)


def test_the_first_cause_is_the_reason_in_one_line() -> None:
    try:
        try:
            raise ImportError("libblas.so: cannot open\nsecond line")
        except ImportError as cause:
            raise ImportError("\n\nIMPORTANT: PLEASE READ THIS") from cause
    except ImportError as error:
        assert why(error) == "ImportError: libblas.so: cannot open"
    assert why(ValueError("x" * 1000)).endswith("…") and len(why(ValueError("x" * 1000))) == 200
    assert why(ValueError()) == "ValueError"


def error_of(call: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        call()
    error: BaseException = caught.value
    # As at the boundary: from the call on, without this test's own frames.
    return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)


@pytest.mark.parametrize(
    "text", ["raise ValueError('size changed')", "1 / 0", "import sys; sys.exit(1)", "import zz_inner"]
)
def test_whatever_a_library_raises_while_it_is_loaded_is_a_sentence(library: Write, text: str) -> None:
    path = library(text)
    sentence = import_failure(error_of(lambda: importlib.import_module("zz_library")))
    assert sentence is not None and f"zz_library cannot be loaded from {path} (" in sentence


def test_what_a_library_lacks_is_a_sentence(library: Write) -> None:
    library("")
    for program in ("from zz_library import newer", "import zz_none", "import zz_library.part"):
        sentence = import_failure(error_of(lambda program=program: exec(program, {"__name__": "scanner.x"})))
        assert sentence is not None and sentence.startswith("zz_"), program


def test_what_goes_wrong_when_it_is_called_is_a_bug(library: Write) -> None:
    library("def broken():\n    raise ValueError('bug')\n")
    module = importlib.import_module("zz_library")
    assert import_failure(error_of(module.broken)) is None
    assert import_failure(error_of(lambda: exec("1 / 0", {"__name__": "scanner.x"}))) is None


def test_a_part_of_ours_that_is_not_there_is_a_sentence() -> None:
    sentence = import_failure(error_of(lambda: importlib.import_module("models.nothing")))
    assert (
        sentence is not None and "deepfake-scanner is not whole" in sentence and "models.nothing" in sentence
    )
