"""Starts the commands with this project's own modules, whatever ``PYTHONPATH`` and the working folder hold.

``models``, ``train``, ``export`` and ``scanner`` are names that other projects use, too. This module has a name of its
own, so that it is found; before it imports anything it arranges ``sys.path``, which decoders are handed on as it is.
Nothing but ``os`` and ``sys`` (loaded at Python's own start) is imported before that.
"""

from __future__ import annotations

import os
import sys

HOME = os.path.dirname(os.path.abspath(__file__))
OURS = ("export", "models", "scanner", "train")
PYTHON = ((3, 11), (3, 13))
"""The oldest and the newest that are supported, as ``python_requires`` in setup.cfg says."""


def scan() -> None:
    """Entry point of ``scan``."""
    _start("scan", "scanner.cli", "scan")


def scan_train() -> None:
    """Entry point of ``scan-train``."""
    _start("scan-train", "train.cli", "train")


def scan_export() -> None:
    """Entry point of ``scan-export``."""
    _start("scan-export", "export.cli", "command")


def scan_evaluate() -> None:
    """Entry point of ``scan-evaluate``."""
    _start("scan-evaluate", "train.evaluation.cli", "evaluate")


def scan_review() -> None:
    """Entry point of ``scan-review``."""
    _start("scan-review", "scanner.review.cli", "review")


def _start(name: str, module: str, command: str) -> None:
    if not PYTHON[0] <= sys.version_info[:2] <= PYTHON[1]:
        oldest, newest = (".".join(map(str, one)) for one in PYTHON)
        _give_up(
            f"{name} needs Python {oldest} to {newest} and was started with {sys.version.split()[0]} "
            f"({sys.executable}); install deepfake-scanner with one of these"
        )
    put_own_modules_first()
    try:
        from models.support.errors import start_command
    except Exception as error:  # noqa: BLE001 - whatever it was, it must not leave as code 1, "flagged"
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        _give_up(
            f"{name} cannot start ({reason}); install deepfake-scanner again, into an environment of its own"
        )
    start_command(name, module, command)


def put_own_modules_first() -> None:
    """Arrange ``sys.path``: Python's library, this project, what is installed, and last what ``PYTHONPATH`` adds.

    The folder of the script and the working folder are taken out. Modules of our names that were imported from
    elsewhere before (by a ``sitecustomize``) are forgotten.
    """
    sys.path[:] = arranged(sys.path, _added_by_environment(), implicit=not sys.flags.safe_path)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or not _normal(file).startswith(_normal(HOME) + os.sep):
            del sys.modules[name]


def arranged(path: list[str], added: list[str], *, implicit: bool) -> list[str]:
    """``path`` in that order; ``added`` is what the environment put there, ``implicit`` says whether Python put the
    script's or the working folder first."""
    later = {_normal(entry) for entry in added}
    unwanted = {_normal("")}
    if implicit and path:
        unwanted.add(_normal(path[0]))
    library = _normal(os.path.dirname(os.__file__))
    standard = {library, os.path.join(library, "lib-dynload")}
    before, installed, last = [], [], []
    for entry in path:
        place = _normal(entry)
        if place == _normal(HOME):
            continue
        if place in standard or (place.endswith(".zip") and place not in later):
            before.append(entry)
        elif place in later:
            if place not in unwanted:
                last.append(entry)
        elif place not in unwanted or place.endswith(("site-packages", "dist-packages")):
            installed.append(entry)
    return [*before, HOME, *installed, *last]


def _added_by_environment() -> list[str]:
    if sys.flags.ignore_environment:
        return []
    given = os.environ.get("PYTHONPATH")
    # An empty entry (PYTHONPATH="$PYTHONPATH:more") is the working folder.
    return given.split(os.pathsep) if given else []


def _normal(entry: str) -> str:
    try:
        return os.path.normcase(os.path.abspath(entry))
    except OSError:  # a relative one, and the working folder was removed
        return entry


def _give_up(sentence: str) -> None:
    if sys.stderr is not None:  # closed by whoever started us
        sys.stderr.write(f"error: {sentence}\n")
    sys.exit(2)
