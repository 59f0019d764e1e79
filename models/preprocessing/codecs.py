"""Libraries of extras that a format needs: looked for once in a process, and refused in the words of a file's row."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from models.error_codes import ErrorCode
from models.preprocessing.errors import ImageError
from models.support.dependencies import MissingExtra, require_extra


def codec(extra: str, *modules: str, needed_by: str) -> tuple[ModuleType, ...]:
    """``modules`` of ``[extra]``, in their order; ``needed_by`` begins the sentence where one is missing.

    Raises :class:`ImageError` (``unsupported_format``, without a format: nothing was read that would prove one).
    """
    found = _load(extra, modules, needed_by)
    if isinstance(found, str):
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, found)
    return found


@cache
def _load(extra: str, modules: tuple[str, ...], needed_by: str) -> tuple[ModuleType, ...] | str:
    try:
        return tuple(require_extra(extra, modules, needed_by=needed_by))
    except MissingExtra as missing:
        return str(missing)


forget = _load.cache_clear
"""What was found or missing, for tests."""
