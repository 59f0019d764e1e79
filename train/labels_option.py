"""``--labels`` of ``scan-train`` and ``scan-evaluate``, and its old name, which is that of an output of ``scan``."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _WithOldName(click.Option):
    """Help and hints show the first name only."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        shown = copy.copy(self)
        shown.opts = self.opts[:1]
        return click.Option.get_help_record(shown, ctx)


def labels_option(command: str, *, columns: str, multiple: bool = False) -> Callable[[_Command], _Command]:
    """``command``: how its environment variables begin. The parameter is called ``labels``."""
    return click.option(
        "--labels",
        "--manifest",
        "labels",
        cls=_WithOldName,
        envvar=[f"{command}_LABELS", f"{command}_MANIFEST"],
        multiple=multiple,
        type=click.Path(path_type=Path),
        default=None,
        show_default=False,
        help=f"CSV with path, label and optionally {columns}{', one for each DATA' if multiple else ''}. "
        "[default: NAME.manifest.csv in or beside DATA]",
    )
