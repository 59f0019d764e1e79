"""URIs of scanned files, in the one spelling that code scanning matches with the files of a repository.

It takes a relative URI for one that starts at the repository's root, whatever ``uriBaseId`` says.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path, PurePath
from urllib.parse import quote

from scanner.results.names import decode_path, encode_path

ROOT = "%SRCROOT%"
"""The ``uriBaseId`` of relative URIs."""
_FOLDERS = 1024


class Uris:
    """Of files that were named from one working folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` is absolute and free of links; the default is the working folder."""
        self._folder = folder or Path.cwd()
        # os.path.exists: a folder above that may not be looked into is no reason to end a scan.
        self._repository = next(
            (
                place
                for place in (self._folder, *self._folder.parents)
                if os.path.exists(place / ".git")  # noqa: PTH110
            ),
            None,
        )
        self._root = self._repository or self._folder
        # Rows come folder by folder, and each step of a path costs a call to the system.
        self._real = lru_cache(_FOLDERS)(self._real_folder)

    @property
    def root_description(self) -> str:
        if self._repository is not None:
            return "The root of the repository: the nearest folder with .git above the one where the scan was started."
        return "The folder in which the scan was started."

    def location(self, path: str) -> dict[str, str]:
        """SARIF's ``artifactLocation`` for a path as reports print it.

        Below the repository, or else the working folder: relative to it. Elsewhere: an absolute ``file:`` URI. Links
        and ``..`` in the folder are resolved; a file that is a link itself keeps its own name.
        """
        full = self._full(path)
        if full.is_relative_to(self._root):
            # A first segment with a colon would be read as a scheme: quote() encodes it.
            return {"uri": _quoted(full.relative_to(self._root)), "uriBaseId": ROOT}
        return {"uri": full.as_uri()}

    def path(self, path: str) -> str:
        """The same place as a path, as reports print it: relative where the URI is, else absolute."""
        full = self._full(path)
        return encode_path(
            os.fspath(full.relative_to(self._root) if full.is_relative_to(self._root) else full)
        )

    def _full(self, path: str) -> PurePath:
        typed = decode_path(path)
        folder, name = os.path.split(typed)
        if name in ("", os.curdir, os.pardir):
            return PurePath(self._real(typed))
        return PurePath(self._real(folder), name)

    def _real_folder(self, folder: str) -> str:
        place = os.path.join(self._folder, folder)  # noqa: PTH118 - a Path would drop what ".." follows
        try:
            return os.path.realpath(place)
        except ValueError:  # a NUL in a list of names: there is no such folder to look at
            return os.path.normpath(place)


def plain_location(name: str) -> dict[str, str]:
    """For a name that stands for no file: nothing is looked up."""
    return {"uri": _quoted(PurePath(name)), "uriBaseId": ROOT}


def _quoted(path: PurePath) -> str:
    return quote(os.fsencode(path.as_posix()))
