"""From a candidate to pictures, whatever kind of media it is: never an exception out for what a file holds.

This is all that a decoder does, and all that a scan without decoders does: :mod:`scanner.engine.serial`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from models.preprocessing.laws import law_of
from scanner.media import openers
from scanner.media.file import MediaError, MediaFile, opened
from scanner.media.inside.opener import prepare_containers
from scanner.media.opener import Opened, Opener, Part, Picture, Reading
from scanner.media.provenance import credentials
from scanner.media.results import failed, failed_candidate
from scanner.media.video.opener import prepare_films
from scanner.results import ErrorCode
from scanner.results.parts import Gap, Looked
from scanner.sources import Candidate


def prepare(reading: Reading) -> None:
    """Load what all files need, so that none of them pays for it out of its limits."""
    law_of(reading.spec).prepare()
    if (verification := reading.verification) is not None:
        credentials.prepare("" if verification.trust_list is None else verification.trust_list.pem)
    if reading.sampling.video:
        prepare_films()
    if reading.sampling.archives or reading.sampling.documents:
        prepare_containers()


def open_candidate(candidate: Candidate, reading: Reading) -> Opened:
    """Facts, and pictures or parts; a failure is a final result with its code."""
    if candidate.problem is not None:
        return Opened(failed_candidate(candidate, candidate.problem, candidate.detail))
    file: MediaFile | None = None
    try:
        with _opened(candidate, reading) as file:
            return _opener(file).open(file, reading)
    except MediaError as error:
        code, detail = error.code, error.detail
        if file is None or error.size is None:
            return Opened(failed_candidate(candidate, code, detail))
        return Opened(failed(file, code, detail, bytes=error.size))
    except MemoryError:
        return Opened(failed_candidate(candidate, ErrorCode.OUT_OF_MEMORY, "not enough memory to read"))


def part_pictures(candidate: Candidate, part: Part, reading: Reading) -> Iterator[Picture | Looked | Gap]:
    """The pictures of one part, in order; a :class:`Gap` at the end if it cannot be read to its end."""
    try:
        with _opened(candidate, reading) as file:
            yield from _opener(file).pictures(file, part, reading)
    except MediaError as error:
        yield Gap(error.code, error.detail)
    except MemoryError:
        yield Gap(ErrorCode.OUT_OF_MEMORY, "not enough memory to read")


def _opened(candidate: Candidate, reading: Reading) -> AbstractContextManager[MediaFile]:
    if candidate.inside is None:
        return opened(candidate)
    from scanner.media.inside.reader import opened_member

    return opened_member(candidate, reading)


def _opener(file: MediaFile) -> Opener:
    """The first that takes the file; still pictures take what nobody else did."""
    return next(opener for opener in openers.OPENERS if opener.takes(file))
