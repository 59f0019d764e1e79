"""What a file says of its own origin: facts beside the score, never part of it, and as easily removed as written.

Read from the containers alone, without decoding the picture, within :class:`Budget`: one file for each container,
``said.py`` for what stands in them, ``declaration.py`` for the one word that follows. ``docs/report.md`` says which
format gives which fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scanner.media.provenance import bmff, gif, jpeg, png, psd, said, tiff, webp
from scanner.media.provenance.bounds import Budget, as_far_as_sound
from scanner.media.provenance.credentials import Check
from scanner.media.provenance.declaration import EDITS, SOURCE_TYPES, declared
from scanner.results.credentials import Credentials
from scanner.results.declared import Declared

MAX_LENGTH = 300
_LEFT_OUT = "…"
_UNTRUSTED = "signingCredential.untrusted"
# Where not all facts fit: those that say most of a picture's making first.
_BY_WEIGHT = ("c2pa", "source=", "png_text=", "generator_text=", "camera=", "software=")


class Origin(NamedTuple):
    """What a file says of its own origin."""

    provenance: str | None
    """For instance ``c2pa; software=Adobe Photoshop 25.0; source=trainedAlgorithmicMedia``; ``None`` without any fact.

    Facts stand in the file's order, each one whole; where more than ``MAX_LENGTH`` characters would be needed,
    ``…`` stands for the rest.
    """
    declared: Declared | None
    """What follows from all the facts."""
    credentials: Credentials | None = None
    """Of a manifest that was checked, or lies elsewhere."""


def origin(data: bytes, check: Check | None = None) -> Origin:
    """Whatever the bytes are, this returns; parts that are cut off say nothing. ``check`` is asked about a manifest."""
    facts = list(dict.fromkeys(as_far_as_sound(_facts(memoryview(data), Budget()))))
    if said.C2PA in facts and said.C2PA_ELSEWHERE in facts:
        facts.remove(said.C2PA_ELSEWHERE)  # the one at hand is the file's
    credentials = None
    if said.C2PA in facts and check is not None:
        credentials = check(data)
        place = facts.index(said.C2PA)
        facts[place : place + 1] = _credential_facts(credentials)
    return Origin(_joined(facts) or None, declared(facts), credentials)


def _credential_facts(found: Credentials) -> Iterator[str]:
    yield f"c2pa={found.state.value}"
    yield from said.named("c2pa_by", found.signer or "")
    yield from said.named("c2pa_generator", found.generator or "")
    yield from (f"c2pa_source={name}" for name in found.sources if name in SOURCE_TYPES)
    yield from (f"c2pa_action={name}" for name in found.actions if name in EDITS)
    # Without a trust list nobody is trusted, which is never why a manifest is invalid.
    failures = sorted(found.failures, key=lambda code: code == _UNTRUSTED)
    yield from (f"c2pa_code={code}" for code in failures[:1])


def _facts(data: memoryview, budget: Budget) -> Iterator[str]:
    head = bytes(data[:12])
    if head.startswith(b"\xff\xd8"):
        yield from jpeg.facts(data, budget)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from png.facts(data, budget)
    elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
        yield from webp.facts(data, budget)
    elif head.startswith((b"GIF87a", b"GIF89a")):
        yield from gif.facts(data, budget)
    elif head.startswith(b"8BPS"):
        yield from psd.facts(data, budget)
    elif head[4:8] == b"ftyp":
        yield from bmff.facts(data, budget)
    elif head.startswith((b"II", b"MM")):
        yield from tiff.file_facts(data, budget)


def _joined(facts: list[str]) -> str:
    text = "; ".join(facts)
    if len(text) <= MAX_LENGTH:
        return text
    kept: list[str] = []
    for fact in sorted(
        facts, key=lambda fact: next(n for n, k in enumerate(_BY_WEIGHT) if fact.startswith(k))
    ):
        if len("; ".join([*kept, fact, _LEFT_OUT])) <= MAX_LENGTH:
            kept.append(fact)
    return "; ".join([*(fact for fact in facts if fact in kept), _LEFT_OUT])
