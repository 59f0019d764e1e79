"""``--labels`` of ``scan-train`` and ``scan-evaluate``, and its old name, which is that of an output of ``scan``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from models.support.parameter_source import is_typed

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OLD_NAME = "manifest"


def labels_option(*, columns: str, multiple: bool = False) -> Callable[[_Command], _Command]:
    """The parameter ``labels``; with ``multiple``, one for each DATA."""
    path = click.Path(path_type=Path)
    new = click.option(
        "--labels",
        multiple=multiple,
        type=path,
        callback=_or_old,
        show_default=False,
        help=f"CSV with path, label and optionally {columns}{', one for each DATA' if multiple else ''}. "
        "[default: NAME.manifest.csv in or beside DATA]",
    )
    old = click.option(
        f"--{_OLD_NAME}",
        multiple=multiple,
        type=path,
        hidden=True,
        is_eager=True,
        expose_value=False,
        callback=_kept,
    )
    return lambda command: new(old(command))


def _kept(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta[__name__] = value


def _or_old(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    old = context.meta[__name__]
    if not (value and old):
        return value or old
    typed = [is_typed(context, name) for name in ("labels", _OLD_NAME)]
    if all(typed):
        raise click.UsageError(f"--{_OLD_NAME} is the old name of --labels: give --labels alone", context)
    return old if typed[1] else value
