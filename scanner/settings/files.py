"""Configuration files: where they are looked for, and what their section says, as if it had been typed.

``[tool.deepfake-scanner]`` of a TOML file, ``[tool:deepfake-scanner]`` of a setup.cfg.
"""

from __future__ import annotations

import configparser
import difflib
import hashlib
import os
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from models.support.errors import Failure
from scanner.options import is_setting
from scanner.results.names import printable

NAMES = ("pyproject.toml", "setup.cfg")
"""Of a folder; the first is above the second."""
TOOL = "deepfake-scanner"

Value = bool | str | tuple[str, ...]


class ConfigError(Failure):
    """A configuration file or a variable cannot be used as it is."""


@dataclass(frozen=True)
class ConfigFile:
    """A file that has our section."""

    path: str
    """As it was named, or relative to the working directory."""
    sha256: str
    values: Mapping[str, Value]
    """By the name of the parameter: what Click is given, paths already relative to the working directory."""

    @property
    def place(self) -> str:
        """For messages: the file and its section."""
        return _place(self.path)


def find_files(options: Sequence[click.Option], *, remedy: str) -> list[ConfigFile]:
    """The files with our section in the nearest folder that has one, from the working directory up to the root of
    the repository.

    A scanned folder is never searched. Raises :class:`ConfigError` for a file that cannot be read, as our section may
    stand in it; the message ends with ``remedy``.
    """
    for folder in _folders():
        paths = [os.path.relpath(folder / name) for name in NAMES]
        files = [read_file(path, options, remedy=remedy) for path in paths if os.path.lexists(path)]
        found = [file for file in files if file is not None]
        if found or os.path.lexists(folder / ".git"):
            return found
    return []


def _folders() -> Iterator[Path]:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # removed meanwhile
        return
    for folder in (here, *here.parents):
        mode = folder.stat().st_mode
        if mode & stat.S_ISVTX and mode & stat.S_IWOTH:
            return  # /tmp and its like: anybody may have left a file there
        yield folder


def read_file(path: str, options: Sequence[click.Option], *, remedy: str) -> ConfigFile | None:
    """``None`` for a file without our section. Raises :class:`ConfigError`."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a device would be read for ever
            raise ConfigError(f"{printable(path)} is no regular file; {remedy}")
        content = Path(path).read_bytes()
        section = _read_section(path, content.decode("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{printable(path)} cannot be read: {reason}; {remedy}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{printable(path)} is not UTF-8 (byte {error.start:,}); save it as UTF-8, or {remedy}"
        ) from None
    except (ValueError, RecursionError, configparser.Error) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise ConfigError(
            f"{printable(path)} is broken: {printable(reason)}; correct it, or {remedy}"
        ) from None
    if section is None:
        return None
    values = _Section(path, _toml_value if is_toml(path) else _cfg_value, options).read(section)
    return ConfigFile(path, hashlib.sha256(content).hexdigest(), values)


def is_toml(path: str) -> bool:
    """Whether it is read as TOML; else it is read as setup.cfg is."""
    return path.lower().endswith(".toml")


def section_name(path: str) -> str:
    """The header that our section has in such a file."""
    return f"[tool.{TOOL}]" if is_toml(path) else f"[tool:{TOOL}]"


def _place(path: str) -> str:
    return f"{printable(path)} {section_name(path)}"


def _read_section(path: str, text: str) -> Mapping[str, Any] | None:
    if is_toml(path):
        tools = tomllib.loads(text).get("tool")
        section = tools.get(TOOL) if isinstance(tools, dict) else None
        if section is not None and not isinstance(section, dict):
            raise ValueError(f"tool.{TOOL} is no table")
        return section
    # Raw: % stands for itself. No default section: somebody else's [DEFAULT] must not leak into ours.
    parser = configparser.RawConfigParser(default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text, source=path)
    return dict(parser[f"tool:{TOOL}"]) if parser.has_section(f"tool:{TOOL}") else None


def long_name(option: click.Option) -> str:
    """The key of an option: ``max-errors`` for ``--max-errors``."""
    return next(name for name in option.opts if name.startswith("--"))[2:]


def belongs_in_files(option: click.Option) -> bool:
    """Whether a file may set the option: a setting of a scan that the environment may set, too."""
    return option.allow_from_autoenv and is_setting(option.name)


class _Section:
    """The section of one file."""

    def __init__(
        self, path: str, read_value: Callable[[click.Option, Any], Value], options: Sequence[click.Option]
    ) -> None:
        self._path = path
        self._read_value = read_value
        self._options = {long_name(option): option for option in options}
        self._positive = {name[2:]: long_name(option) for option in options for name in option.secondary_opts}

    def read(self, section: Mapping[str, Any]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key, raw in section.items():
            option = self._option(key)
            name = option.name
            assert name is not None
            if name in values:
                raise self._error(f"{long_name(option)} is set twice; remove one of the lines")
            try:
                values[name] = self._checked(option, self._read_value(option, raw))
            except ValueError as error:
                raise self._error(f"{brief(key)} = {brief(raw)}: {error}") from None
        return values

    def _option(self, key: str) -> click.Option:
        name = key.replace("_", "-")
        option = self._options.get(name)
        if option is None:
            if name in self._positive:
                raise self._error(f"{name} is no key; write {self._positive[name]} = false")
            known = [name for name, option in self._options.items() if belongs_in_files(option)]
            hint = did_you_mean(name, known) or "scan --help lists the options"
            raise self._error(f"there is no option {brief(key)}; {hint}")
        if not belongs_in_files(option):
            raise self._error(f"{name} cannot be set in a file; give it on the command line")
        return option

    def _checked(self, option: click.Option, value: Value) -> Value:
        if isinstance(value, bool):
            return value
        if isinstance(value, tuple):
            return tuple(self._text(option, text) for text in value)
        return self._text(option, value)

    def _text(self, option: click.Option, text: str) -> str:
        if not text.strip():
            raise ValueError("it is empty; give it a value or remove the line")
        if "\0" in text:
            raise ValueError("no value may hold NUL; remove it")
        if not isinstance(option.type, click.Path | click.File):
            return text
        if text == "-" and isinstance(option.type, click.File):
            return text  # standard input
        return os.path.join(os.path.dirname(self._path), text)  # noqa: PTH118, PTH120 - Path("") is "."

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"{_place(self._path)}: {what}")


def _toml_value(option: click.Option, raw: object) -> Value:
    """Raises ``ValueError``, which says what is wanted."""
    if option.is_flag:
        if not isinstance(raw, bool):
            raise ValueError("write true or false, without quotes")
        return raw
    if option.multiple:
        return tuple(_toml_text(item) for item in (raw if isinstance(raw, list) else [raw]))
    if isinstance(raw, list):
        raise ValueError("write one value, not a list")
    return _toml_text(raw)


def _toml_text(raw: object) -> str:
    # As text, which Click judges: a boolean is a number to Python, and int(2.5) workers would be 2.
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError("write a string or a number")
    try:
        return str(raw)
    except ValueError:
        raise ValueError("the number is too long") from None


def _cfg_value(option: click.Option, raw: str) -> Value:
    """Raises ``ValueError``, which says what is wanted."""
    lines = [line.strip() for line in raw.split("\n") if line.strip()]
    if option.multiple:
        return tuple(lines)
    if len(lines) > 1:
        raise ValueError("write one value, on one line")
    text = lines[0] if lines else ""
    if not option.is_flag or not text:
        return text
    try:
        return click.BOOL.convert(text, option, None)
    except click.BadParameter:
        raise ValueError("write yes or no") from None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The question, if one of the ``known`` names is near."""
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"did you mean {near[0]}?" if near else None


def brief(value: object) -> str:
    """Enough of a value to find it, safe for a terminal."""
    try:
        text = str(value)
    except (ValueError, RecursionError):
        text = "…"  # a number of thousands of digits, lists in lists
    return printable(text if len(text) <= 60 else text[:59] + "…")
