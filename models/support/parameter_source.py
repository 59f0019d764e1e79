"""How a parameter of a Click command got its value: one answer for all four commands."""

from __future__ import annotations

import click
from click.core import ParameterSource


def is_typed(context: click.Context, name: str) -> bool:
    """Whether the parameter was given on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def is_given(context: click.Context, name: str) -> bool:
    """Whether somebody gave the parameter, on the command line or by a variable; ``False`` for its default."""
    return context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
