from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from train.cli import train
from train.evaluation.cli import evaluate
from train.labels_option import labels_option


@click.command(context_settings={"auto_envvar_prefix": "TOOL"})
@labels_option(columns="group", multiple=True)
def several(labels: tuple[Path, ...]) -> None:
    click.echo(" ".join(map(str, labels)))


@click.command(context_settings={"auto_envvar_prefix": "TOOL"})
@labels_option(columns="group")
def single(labels: Path | None) -> None:
    click.echo(labels)


@pytest.mark.parametrize("option", ["--labels", "--manifest"])
def test_both_names_are_read(option: str) -> None:
    assert CliRunner().invoke(single, [option, "a.csv"]).output == "a.csv\n"
    assert CliRunner().invoke(several, [option, "a.csv", option, "b.csv"]).output == "a.csv b.csv\n"


@pytest.mark.parametrize("name", ["TOOL_LABELS", "TOOL_MANIFEST"])
def test_both_environment_variables_are_read(name: str) -> None:
    assert CliRunner(env={name: "a.csv"}).invoke(single).output == "a.csv\n"
    assert CliRunner(env={name: "a.csv"}).invoke(several).output == "a.csv\n"
    both = {"TOOL_LABELS": "new.csv", "TOOL_MANIFEST": "old.csv"}
    assert CliRunner(env=both).invoke(single).output == "new.csv\n"


def test_the_names_do_not_mix_since_their_order_would_be_lost() -> None:
    result = CliRunner().invoke(several, ["--labels", "a.csv", "--manifest", "b.csv"])
    assert result.exit_code == 2 and "--manifest is the old name of --labels" in result.output
    # What is given beats what the environment says, by whatever name.
    assert (
        CliRunner(env={"TOOL_MANIFEST": "old.csv"}).invoke(single, ["--labels", "a.csv"]).output == "a.csv\n"
    )


def test_nothing_given_is_nothing() -> None:
    assert CliRunner().invoke(single).output == "\n" == CliRunner().invoke(several).output


@pytest.mark.parametrize("command", [train, evaluate])
def test_help_shows_the_new_name_alone(command: click.Command) -> None:
    said = CliRunner().invoke(command, ["--help"]).output
    assert "--labels PATH" in said and "--manifest" not in said
