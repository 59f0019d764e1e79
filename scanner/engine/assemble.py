"""From the scored parts of files, in order, to one final result for each file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from scanner.results import Coverage, ErrorCode, FileResult, Finding
from scanner.results.parts import Gap, PartResult
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
    return PartResult(tuple(findings))


class Assembler:
    """Of one run; told of every part in order."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._gaps: list[tuple[int, Gap]] = []

    def add(self, part: Extracted, found: PartResult) -> FileResult | None:
        """The file's final result with its last part, else ``None``."""
        if part.parts is None:
            return _still(part.result, found)
        self._findings += found.findings
        if found.gap is not None:
            self._gaps.append((part.index, found.gap))
        if not part.is_last:
            return None
        findings, gaps = tuple(self._findings), tuple(self._gaps)
        self._findings, self._gaps = [], []
        failed = tuple((index, gap.code) for index, gap in gaps)
        coverage = Coverage(part.parts, len(findings), failed)
        result = replace(part.result, findings=findings, coverage=coverage)
        if not gaps:
            return result
        index, gap = gaps[0]
        detail = f"part {index} of {part.parts}: {gap.detail}"
        return _failed(result, gap.code, detail)


def _still(result: FileResult, found: PartResult) -> FileResult:
    if found.gap is not None:
        return _failed(result, *found.gap)
    return replace(result, findings=found.findings) if found.findings else result


def _failed(result: FileResult, code: ErrorCode, detail: str) -> FileResult:
    return replace(result, status=code.status, error=code, detail=detail)
