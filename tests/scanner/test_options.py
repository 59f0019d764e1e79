"""Each option is declared once: what the manifest, the journal and the settings make of it derives from that."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from scanner import cli
from scanner.media import Limits
from scanner.options import NAMING_OPTIONS, USES, Options, is_setting, stream_name
from scanner.sources import Selection

PARAMETERS = {parameter.name or "": parameter for parameter in cli.scan.params}
# What another option of the same scan may change, in the manifest's other places or nowhere.
NOT_RECORDED = {
    "paths", "model", "cache_mib", "restart", "outs", "format", "no_thumbnails", "redact_paths", "manifest",
    "list_skipped", "quiet", "verbose", "log_file", "no_progress", "verify", "files", "explain_config",
    "max_pixels", "max_faces", "max_bytes", "max_decode_seconds", "max_decode_mib",
}  # fmt: skip


def options(*argv: object) -> Options:
    context = cli.scan.make_context("scan", [str(word) for word in argv])
    return Options(**context.params)


def argv_for(option: click.Option, folder: Path) -> list[str]:
    """The option with another value than its default."""
    name = (option.secondary_opts or option.opts)[-1]
    if option.is_flag:
        return [name]
    if isinstance(option.type, click.Choice):
        return [name, list(option.type.choices)[-1]]
    if isinstance(option.type, click.File):
        (folder / "list").touch()
        return [name, str(folder / "list")]
    return [name, "77"]


def test_every_parameter_that_click_hands_over_has_its_field_and_no_other_has() -> None:
    exposed = [name for name, parameter in PARAMETERS.items() if parameter.expose_value]
    assert sorted(exposed) == sorted(one.name for one in fields(Options)) == sorted(USES)


def test_what_no_field_stands_for_is_settled_before_there_are_options() -> None:
    assert set(PARAMETERS) - set(USES) == {"config", "no_config", "version"}


def test_a_new_option_is_recorded_or_left_out_on_purpose() -> None:
    assert {name for name, use in USES.items() if use.recorded is None} == NOT_RECORDED
    keys = [use.recorded for use in USES.values() if use.recorded is not None]
    assert len(set(keys)) == len(keys)


def test_only_settings_may_be_set_elsewhere() -> None:
    assert {name for name in PARAMETERS if not is_setting(name)} == {
        "paths", "verify", "files", "explain_config", "config", "no_config", "version",
    }  # fmt: skip
    assert not is_setting(None) and not is_setting("colour")


@pytest.mark.parametrize("name", [name for name in USES if name != "paths"])
def test_each_option_reaches_manifest_and_journal_as_its_field_says(name: str, tmp_path: Path) -> None:
    option, use = PARAMETERS[name], USES[name]
    assert isinstance(option, click.Option)
    before, after = options("in"), options("in", *argv_for(option, tmp_path))
    changed = {key for key, value in after.recorded().items() if before.recorded()[key] != value}
    assert changed == ({use.recorded} if use.recorded is not None else set())
    assert (before.selection() != after.selection()) is use.decides_rows
    assert (before.limits() != after.limits()) is (use.limit is not None)


def test_whatever_selects_files_decides_rows() -> None:
    deciding = {name for name, use in USES.items() if use.decides_rows}
    assert deciding - {one.name for one in fields(Selection)} == {
        "paths", "files_from", "null", "no_scanignore",
    }  # fmt: skip
    assert options("in").selection() != options("out").selection()


def test_a_journal_of_before_names_the_selection_by_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    argv = (
        "--files-from",
        tmp_path / "list",
        "-0",
        "--exclude",
        "*.gif",
        "--no-scanignore",
        "--no-recursive",
    )
    assert options(*argv, "in", "b\udce9").selection() == {
        "paths": ["in", "b\\xe9"], "files_from": str(tmp_path / "list"), "nul": True, "recursive": False,
        "follow_symlinks": False, "include": [], "exclude": ["*.gif"], "scanignore": False,
        "force_exclude": False, "media_only": False,
    }  # fmt: skip


def test_a_list_on_standard_input_is_recorded_as_it_was_typed() -> None:
    assert stream_name(type("Stdin", (), {"name": "<stdin>"})()) == "-"
    assert stream_name(None) is None


def test_every_limit_is_a_limit_of_a_file() -> None:
    taken = set(inspect.signature(Limits.of).parameters)
    assert {use.limit for use in USES.values() if use.limit is not None} == taken
    limits = Limits.of(**options("--max-decode-mib", 100, "--max-pixels", 9).limits())
    assert limits == Limits(max_pixels=9, memory_bytes=100 << 20)


def test_whatever_is_recorded_and_is_a_path_is_hidden_when_names_are_redacted() -> None:
    paths: set[Any] = {
        USES[name].recorded
        for name, parameter in PARAMETERS.items()
        if isinstance(parameter.type, click.Path | click.File) and name in USES
    }
    assert set(NAMING_OPTIONS) == (paths - {None}) | {"include", "exclude"}
