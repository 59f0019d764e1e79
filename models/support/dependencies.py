"""Libraries that are not there, or there and broken: which of the two it is, and what to do about it.

An import may fail with anything: ``OSError`` for a shared library, ``RuntimeError`` for one built for another version.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType, TracebackType

from models.support.errors import Failure
from models.support.release import DISTRIBUTION

OURS = ("export", "models", "scanner", "train")
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "pi_heif": "pi-heif",
    "backports": "backports.zstd",
    "sklearn": "scikit-learn",
}
"""Of modules that are named otherwise."""
AGAIN = "install deepfake-scanner again, into an environment of its own"
_LONGEST = 200


class MissingExtra(Failure):
    """A library of an extra is not installed, or cannot be loaded."""


def require_extra(
    extra: str,
    modules: Iterable[str],
    *,
    needed_by: str,
    otherwise: str = "",
    failure: type[Failure] = MissingExtra,
) -> list[ModuleType]:
    """Import ``modules`` of ``[extra]``, or raise ``failure``: for all that are missing, or for the first broken one.

    ``needed_by`` begins the sentence (``a Parquet report``), ``otherwise`` ends it (``or write another format``).
    """
    loaded, missing = [], []
    end = f", {otherwise}" if otherwise else ""
    for name in modules:
        try:
            module = import_module(name)
        except Exception as error:  # noqa: BLE001 - see above
            if isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]:
                missing.append(_distribution(name))
                continue
            raise failure(
                f"{needed_by} needs {_distribution(name)}, which is installed and cannot be loaded ({why(error)}); "
                f'pip install --force-reinstall "{DISTRIBUTION}[{extra}]"{end}'
            ) from None
        if _is_empty_folder(module):  # of that name, somewhere on the path, or left by an uninstallation
            missing.append(_distribution(name))
        else:
            loaded.append(module)
    if missing:
        names = ", ".join(dict.fromkeys(missing))
        raise failure(f'{needed_by} needs {names}: pip install "{DISTRIBUTION}[{extra}]"{end}')
    return loaded


def import_failure(error: BaseException) -> str | None:
    """A sentence for an error that came out of an import; ``None`` for any other, which is a bug."""
    broken = _being_imported(error.__traceback__)
    if broken is not None:
        name, file = broken
        return f"{_distribution(name)} cannot be loaded from {file} ({why(error)}); {AGAIN}"
    if isinstance(error, SyntaxError):
        return f"{error.filename} cannot be loaded ({why(error)}); {AGAIN}"
    if not isinstance(error, ImportError):
        return None
    name = (error.name or "").partition(".")[0]
    if not name or name in OURS:
        return f"deepfake-scanner is not whole ({why(error)}); {AGAIN}"
    if isinstance(error, ModuleNotFoundError) and error.name == name:
        return f"{_distribution(name)} is not installed; {AGAIN}"
    return f"{_distribution(name)} cannot be loaded ({why(error)}); {AGAIN}"


def why(error: BaseException) -> str:
    """The first cause, with its kind, in a line: some libraries wrap it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _being_imported(traceback: TracebackType | None) -> tuple[str, str] | None:
    """The first module of somebody else's whose own code (and not a call into it) is in a traceback, and its file."""
    while traceback is not None:
        frame = traceback.tb_frame
        name = str(frame.f_globals.get("__name__") or "").partition(".")[0]
        if frame.f_code.co_name == "<module>" and name not in (*OURS, "__main__"):
            return name, frame.f_code.co_filename
        traceback = traceback.tb_next
    return None


def _is_empty_folder(module: ModuleType) -> bool:
    spec = getattr(module, "__spec__", None)
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None


def _distribution(module: str) -> str:
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(top, top)
