"""Where the options of ``scan`` come from: command line > environment > pyproject.toml > setup.cfg > default.

Click itself takes the values; the files become the ``default_map`` of its context. ``scan --help`` loads this module,
so it imports Click alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from models.support.errors import Failure
from models.support.parameter_source import is_typed

if TYPE_CHECKING:
    from scanner.settings.files import ConfigFile

_FILES, _BEATEN = (f"{__name__}.{key}" for key in ("files", "beaten"))
"""Keys of ``Context.meta``."""
_OPTION = re.compile(r"--([a-z][a-z0-9-]*)")


class ConfiguredCommand(click.Command):
    """A command with --config and --no-config; its failures say which file or variable set an option."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            # Before 8.5, Click took SCAN_HELP for --help: exit code 0, and nothing scanned.
            option.allow_from_autoenv = False
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _naming_origins(ctx):
            # A first parse of ours, since --config decides what Click's own is given. It records what was typed, too,
            # which some releases of Click do only after they have refused the value.
            typed, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            for name in typed:
                ctx.set_parameter_source(name, ParameterSource.COMMANDLINE)
            help_option = self.get_help_option(ctx)
            informing = {"version", help_option.name if help_option is not None else None}
            if not ctx.resilient_parsing and informing.isdisjoint(typed):
                _configure(ctx, typed)
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _naming_origins(ctx):
            return super().invoke(ctx)


def _configure(context: click.Context, typed: Mapping[str, Any]) -> None:
    """Put the files below the environment. Raises :class:`ConfigError`."""
    _refuse_blank_variables(context)
    context.meta[_FILES] = files = _read_files(context, typed)
    context.default_map = {}
    for file in reversed(files):
        context.default_map.update(file.values)


def _read_files(context: click.Context, typed: Mapping[str, Any]) -> list[ConfigFile]:
    from scanner.results.names import printable
    from scanner.settings.files import ConfigError, find_files, read_file, section_name

    named, none = typed.get("config"), typed.get("no_config", False)
    if named is None and not none:
        options = {option.name: option for option in options_of(context)}
        named = from_environment(context, options["config"])
        none = options["no_config"].type.convert(
            from_environment(context, options["no_config"]) or False, options["no_config"], context
        )
    if named is not None and none:
        raise click.UsageError("--config and --no-config contradict each other")
    if none:
        return []
    if named is None:
        return find_files(options_of(context), remedy="pass --no-config to do without")
    if not named.lower().endswith((".toml", ".cfg", ".ini")):
        raise ConfigError(
            f"--config {printable(named)}: name a .toml file, or a .cfg file written as setup.cfg is"
        )
    file = read_file(named, options_of(context), remedy="name another with --config")
    if file is None:
        raise ConfigError(
            f"--config {printable(named)}: the file has no section {section_name(named)}; add it"
        )
    return [file]


def _refuse_blank_variables(context: click.Context) -> None:
    """An empty variable is none to Click, but a blank one is a value. Raises :class:`ConfigError`."""
    from scanner.settings.files import ConfigError

    for option in options_of(context):
        value = from_environment(context, option)
        if value is not None and not value.strip():
            raise ConfigError(
                f"{variable(context, option)} in the environment is blank; give it a value or unset it"
            )


@contextmanager
def _naming_origins(context: click.Context) -> Iterator[None]:
    """Adds to a failure which file or variable set the options that it names."""
    try:
        yield
    except click.BadParameter as error:
        if not isinstance(error.param, click.Option) or not _is_indirect(context, error.param):
            raise
        from scanner.settings.files import ConfigError, brief, long_name

        option = error.param
        origin, value = next(given(context, option))
        reason = error.format_message().partition(": ")[2].rstrip(".")
        file = next((file for file in files_of(context) if file.path == origin), None)
        if file is None:
            raise ConfigError(
                f"{origin}={brief(value)}: {reason}; correct the variable or unset it"
            ) from None
        raise ConfigError(
            f"{file.place}: {long_name(option)} = {brief(value)}: {reason}; correct it, or pass --no-config"
        ) from None
    except click.UsageError as error:
        told = _origins_of(context, error.message)
        if not told:
            raise
        raise click.UsageError(error.message + told, error.ctx) from None
    except Failure as error:
        error.args = (f"{error}{_origins_of(context, str(error))}",)
        raise


def _origins_of(context: click.Context, message: str) -> str:
    """The words to add to a message that names options; empty if all of them were typed."""
    from scanner.results.names import printable
    from scanner.settings.files import long_name

    named = set(_OPTION.findall(message))
    told = [
        f"--{long_name(option)} is set by {printable(next(given(context, option))[0])}"
        for option in options_of(context)
        if long_name(option) in named and _is_indirect(context, option)
    ]
    return f" ({', '.join(told)})" if told else ""


def origins(context: click.Context) -> dict[str, str]:
    """Of the options in force that nobody typed: the file or ``environment SCAN_…``, by the option's long name."""
    from scanner.settings.files import long_name

    return {
        long_name(option): next(given(context, option))[0]
        for option in options_of(context)
        if _is_indirect(context, option) and beaten_by(context, option) is None
    }


def manifest_facts(context: click.Context) -> dict[str, dict[str, str]]:
    """For the manifest: the files with their SHA-256, and which option came from where."""
    from scanner.results.names import encode_path

    paths = {file.path: encode_path(file.path) for file in files_of(context)}
    return {
        "files": {paths[file.path]: file.sha256 for file in files_of(context)},
        "from": {name: paths.get(origin, origin) for name, origin in origins(context).items()},
    }


def note(context: click.Context) -> str | None:
    """The line that says which options files have set; ``None`` if they set none."""
    from scanner.results.names import printable

    paths = [file.path for file in files_of(context)]
    found = origins(context)
    parts = [
        f"{', '.join(name for name, origin in found.items() if origin == path)} from {printable(path)}"
        for path in paths
        if path in found.values()
    ]
    return f"note: options set by files: {'; '.join(parts)}" if parts else None


def settle_opposites(context: click.Context, options: dict[str, Any], one: str, other: str) -> None:
    """Of two flags that exclude each other, the one set nearer to the command line counts; the other is switched off.

    So ``-v`` undoes a file's ``quiet = true``. Raises ``UsageError`` if both are set in the same place.
    """
    if not (options[one] and options[other]):
        return
    ranks = [_rank(context, name) for name in (one, other)]
    if ranks[0] == ranks[1]:
        raise click.UsageError(f"--{one} and --{other} contradict each other")
    winner, loser = (one, other) if ranks[0] < ranks[1] else (other, one)
    options[loser] = context.params[loser] = False
    context.meta.setdefault(_BEATEN, {})[loser] = winner


def _rank(context: click.Context, name: str) -> int:
    option = next(option for option in options_of(context) if option.name == name)
    order = ["command line", f"environment {variable(context, option)}"]
    order += [file.path for file in files_of(context)]
    return order.index(next(given(context, option))[0])


def options_of(context: click.Context) -> list[click.Option]:
    """The command's options in the order of their declaration, without --help, which is Click's."""
    return [parameter for parameter in context.command.params if isinstance(parameter, click.Option)]


def files_of(context: click.Context) -> list[ConfigFile]:
    """The configuration files that were read, the upper one first."""
    files: list[ConfigFile] = context.meta.get(_FILES, [])
    return files


def variable(context: click.Context, option: click.Option) -> str:
    """The name under which Click looks for an option in the environment: ``SCAN_MAX_ERRORS``."""
    return f"{context.auto_envvar_prefix}_{option.name}".upper()


def from_environment(context: click.Context, option: click.Option) -> str | None:
    """The variable's value; ``None`` if it is not set, is empty, or is not read for this option."""
    return (os.environ.get(variable(context, option)) if option.allow_from_autoenv else None) or None


def given(context: click.Context, option: click.Option) -> Iterator[tuple[str, object]]:
    """Each place that sets an option, with its value; the first is in force."""
    assert option.name is not None
    if is_typed(context, option.name):
        yield "command line", context.params.get(option.name)
    value = from_environment(context, option)
    if value is not None:
        yield f"environment {variable(context, option)}", value
    for file in files_of(context):
        if option.name in file.values:
            yield file.path, file.values[option.name]


def beaten_by(context: click.Context, option: click.Option) -> str | None:
    """The flag that switched this one off; see :func:`settle_opposites`."""
    beaten: Mapping[str | None, str] = context.meta.get(_BEATEN, {})
    return beaten.get(option.name)


def _is_indirect(context: click.Context, option: click.Option) -> bool:
    """Whether a value in force came from the environment or from a file."""
    return not is_typed(context, option.name or "") and next(given(context, option), None) is not None
