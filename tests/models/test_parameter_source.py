"""Where a parameter's value came from, as all commands ask it."""

from __future__ import annotations

from typing import Any

import click
import pytest

from models.support.parameter_source import is_given, is_typed


@pytest.mark.parametrize(
    ("argv", "variables", "expected"),
    [
        (["--size", "1"], {}, (True, True)),
        (["--size", "1"], {"X_SIZE": "2"}, (True, True)),
        ([], {"X_SIZE": "2"}, (False, True)),
        ([], {}, (False, False)),
    ],
)
def test_typed_given_and_default_are_told_apart(
    argv: list[str],
    variables: dict[str, str],
    expected: tuple[bool, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found: list[Any] = []

    @click.command(context_settings={"auto_envvar_prefix": "X"})
    @click.option("--size", default=0)
    @click.pass_context
    def command(context: click.Context, size: int) -> None:
        found.append((is_typed(context, "size"), is_given(context, "size")))

    command.main(argv, standalone_mode=False)
    assert found == [expected]


def test_a_parameter_that_nobody_declared_is_neither() -> None:
    context = click.Context(click.Command("x"))
    assert not is_typed(context, "size") and not is_given(context, "size")
