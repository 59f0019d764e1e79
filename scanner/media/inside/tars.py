"""Tar, as it is or compressed; compressed, it is read from its start to its end, and once more for its pictures."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import BinaryIO, cast

from models.container_types import COMPRESSED
from scanner.media.file import MediaError
from scanner.media.inside.budget import Budget, Counted
from scanner.media.inside.entry import Entry, own_words
from scanner.results import ErrorCode


def tar_entries(stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """In their order. Raises what :mod:`tarfile` and the libraries of compression raise, and :class:`MediaError`."""
    head = stream.read(max(map(len, COMPRESSED.values())))
    stream.seek(0)
    way = next((way for way, first in COMPRESSED.items() if head.startswith(first)), None)
    try:
        archive = _opened(stream, way, budget)
    except tarfile.ReadError:
        if way is None:
            raise
        detail = "a compressed file that is no tar, and is not looked into"
        raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, detail) from None
    with archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # it would keep all of them
            if info.isreg():
                content = cast(Callable[[], BinaryIO], partial(archive.extractfile, info))
                yield Entry(own_words(info.name), content, info.size, is_charged=way is not None)
            else:
                budget.entry()


def _opened(stream: BinaryIO, way: str | None, budget: Budget) -> tarfile.TarFile:
    words = {"encoding": "utf-8", "errors": "surrogateescape"}
    if way is None:
        return tarfile.open(fileobj=stream, mode="r:", **words)  # type: ignore[call-overload,no-any-return]
    unpacked = Counted(_unpacking(stream, way), budget)
    return tarfile.open(fileobj=unpacked, mode="r|", **words)  # type: ignore[call-overload,no-any-return]


def _unpacking(stream: BinaryIO, way: str) -> BinaryIO:
    match way:
        case "gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        case "bz2":
            return cast(BinaryIO, bz2.BZ2File(stream))
        case "xz":
            return cast(BinaryIO, lzma.LZMAFile(stream))
    try:
        zstd = import_module("compression.zstd")  # of Python 3.14
    except ImportError:
        try:
            zstd = import_module("backports.zstd")  # which py7zr brings
        except ImportError:
            detail = 'a .zst needs backports.zstd: pip install "deepfake-scanner[7z]"'
            raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, detail) from None
    return cast(BinaryIO, zstd.ZstdFile(stream))
