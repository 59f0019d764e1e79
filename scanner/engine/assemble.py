"""From the scored parts of files, in order, to one final result for each file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from scanner.engine.tracks import tracks_of
from scanner.results import Coverage, ErrorCode, FileResult, Finding, Unjudged
from scanner.results.parts import Gap, Looked, PartResult
from scanner.sandbox.work import Extracted


class Scored(NamedTuple):
    """A part, and what the model said of it."""

    part: Extracted
    result: PartResult


def part_result(extracted: Extracted, scores: Sequence[tuple[float, float]]) -> PartResult:
    """``scores``: logit and prob_fake of each of the part's pictures."""
    if extracted.known is not None:
        return extracted.known
    if extracted.gap is not None:
        return PartResult(gap=extracted.gap)
    findings = []
    for picture, (logit, prob_fake) in zip(extracted.pictures, scores, strict=True):
        if not (math.isfinite(logit) and 0.0 <= prob_fake <= 1.0):
            detail = f"the model gave logit {logit}, prob_fake {prob_fake}"
            return PartResult(gap=Gap(ErrorCode.INFERENCE_FAILED, detail))
        findings.append(Finding(logit, prob_fake, *picture.where))
    return PartResult(tuple(findings), looked=extracted.looked)


class Assembler:
    """Of one run; told of every part in order."""

    def __init__(self, temperature: float = 1.0) -> None:
        """``temperature``: the model's, by which a mean logit becomes a probability."""
        self._temperature = temperature
        self._begin()

    def _begin(self) -> None:
        self._findings: list[Finding] = []
        self._gaps: list[tuple[int, Gap]] = []
        self._looked: list[Looked] = []
        self._tracks = 0
        """Of the file so far."""

    def add(self, part: Extracted, found: PartResult) -> FileResult | None:
        """The file's final result with its last part, else ``None``."""
        if part.parts is None:
            return _still(part.result, found)
        self._add_findings(found.findings)
        if found.looked is not None:
            self._looked.append(found.looked)
        if found.gap is not None:
            self._gaps.append((part.index, found.gap))
        if not part.is_last:
            return None
        result = self._whole(part.result, part.parts)
        self._begin()
        return result

    def _add_findings(self, findings: Sequence[Finding]) -> None:
        """Tracks are numbered through the parts; a whole picture's goes on."""
        before = self._tracks
        for one in findings:
            if one.track:
                self._tracks = max(self._tracks, before + one.track)
                one = replace(one, track=before + one.track)
            self._findings.append(one)

    def _whole(self, opened: FileResult, parts: int) -> FileResult:
        findings, failed = tuple(self._findings), tuple((index, gap.code) for index, gap in self._gaps)
        told: dict[str, Any] = {"coverage": Coverage(parts, len(findings), failed)}
        if self._looked:
            asked, got = sum(one.asked for one in self._looked), sum(one.got for one in self._looked)
            told["coverage"] = Coverage(parts, len(findings), failed, asked, got)
            told["frames"] = got if opened.frames is None else opened.frames
            told["unscored_faces"] = tuple(face for one in self._looked for face in one.unscored)
        result = replace(opened, findings=findings, tracks=tracks_of(findings, self._temperature), **told)
        if result.faces is not None:
            result = replace(result, faces=result.values)
        if self._gaps:
            index, gap = self._gaps[0]
            return _failed(result, gap.code, f"part {index} of {parts}: {gap.detail}")
        return _judged(result, next((one.why for one in self._looked if one.why is not None), None))


def _judged(result: FileResult, why: Gap | None) -> FileResult:
    """Of media all of whose parts were read: whether all that was asked for was there, and anything to score in it."""
    coverage = result.coverage
    asked, got = (coverage.frames_asked, coverage.frames_got) if coverage is not None else (None, None)
    if asked is not None and got is not None and got < asked:
        said = f"{got} of {asked} frames could be read"
        if why is None:
            return _failed(result, ErrorCode.CORRUPT_IMAGE, said)
        return _failed(result, why.code, f"{said}; {why.detail}")
    if result.findings or result.faces is None:
        return result
    small = [face for face in result.unscored_faces if face.reason is Unjudged.TOO_SMALL]
    if not small:
        return _failed(result, ErrorCode.NO_FACE, "no face was found")
    largest = max(face.side for face in small)
    return _failed(
        result, ErrorCode.FACE_TOO_SMALL, f"the largest of {len(small)} faces has {largest} pixels"
    )


def _still(result: FileResult, found: PartResult) -> FileResult:
    if found.gap is not None:
        return _failed(result, *found.gap)
    return result.scored(found.findings) if found.findings else result


def _failed(result: FileResult, code: ErrorCode, detail: str) -> FileResult:
    return replace(result, status=code.status, error=code, detail=detail)
