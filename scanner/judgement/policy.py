"""From probabilities to verdicts and exit codes. Facts come in, decisions go out; nothing is read or written."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, assert_never

from models.contract import PROB_DECIMALS, ModelMetadata
from models.support.errors import ExitCode, Failure
from scanner.results import Declared, ErrorCode, FileResult, Status


class Verdict(StrEnum):
    """A reading of ``prob_fake`` at a threshold."""

    FAKE = "fake"
    INCONCLUSIVE = "inconclusive"
    REAL = "real"
    """Not flagged at this threshold; not a finding that the picture is genuine."""


class FailOn(StrEnum):
    """What makes ``scan`` exit with 1."""

    FAKE = "fake"
    INCONCLUSIVE = "inconclusive"
    """Inconclusive or fake."""
    DECLARED = "declared"
    """Fake, or declared by the file itself to be generated, whatever its score and its status are."""
    NEVER = "never"


class ThresholdError(Failure):
    """The threshold asked for is no number in [0, 1], or a name that the model does not have."""


def format_probability(prob_fake: float) -> str:
    """As every report prints it."""
    return f"{prob_fake:.{PROB_DECIMALS}f}"


@dataclass(frozen=True)
class Policy:
    """``fake`` from the threshold up, ``inconclusive`` from ``low`` up to it, ``real`` below."""

    threshold: float
    """Of a file with one score."""
    low: float
    threshold_source: str
    """``model default``, ``option``, ``fpr1``, ``fpr5`` or ``uncalibrated default``."""
    by_faces: tuple[float, ...] | None = None
    """Thresholds of files with 1, 2, … scores, the last one for any more; ``None``: :attr:`threshold` for all."""

    @classmethod
    def for_model(cls, metadata: ModelMetadata, threshold: str | None = None) -> Policy:
        """The policy in force; ``threshold`` is a number, or the name of one of the model's.

        A number holds for any number of faces. Raises :class:`ThresholdError`.
        """
        if threshold is None:
            value, name = metadata.default_threshold(), "default"
            source = "model default" if name in metadata.thresholds else "uncalibrated default"
        elif threshold in metadata.thresholds:
            value, name, source = metadata.thresholds[threshold].value, threshold, threshold
        else:
            value, name, source = _number(threshold, metadata), "", "option"
        low = value if metadata.inconclusive_low is None else min(metadata.inconclusive_low, value)
        by_faces = (metadata.thresholds_by_faces or {}).get(name)
        return cls(value, low, source, None if by_faces is None else tuple(by_faces))

    def threshold_of(self, scores: int) -> float:
        """The threshold of a file with so many scores, one for each face, or track of a face, that was judged.

        The file's value is the largest of them, and the largest of many reaches any threshold more often. A picture
        that was scored whole has one score.
        """
        return self.threshold if self.by_faces is None else self.by_faces[min(scores, len(self.by_faces)) - 1]

    def limit(self, result: FileResult, verdict: Verdict) -> float:
        """From which probability up a file as this one has this verdict, of those that are findings."""
        return self.threshold_of(result.values) if verdict is Verdict.FAKE else self.low

    def words(self) -> str:
        """The threshold as people are told it."""
        if self.by_faces is None or self.by_faces[-1] == self.threshold:
            return f"{self.threshold:g} ({self.threshold_source})"
        return f"{self.threshold:g} ({self.threshold_source}, for one face)"

    def facts(self) -> dict[str, Any]:
        """Plain values for a report; without ``by_faces`` where there is one threshold for all."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def verdict(self, result: FileResult) -> Verdict | None:
        """``None`` for a file without a probability. It is read off the printed one and the printed number of scored
        faces, so that the report's columns never contradict each other."""
        if result.status is not Status.OK or result.prob_fake is None:
            return None
        printed = float(format_probability(result.prob_fake))
        if printed >= self.threshold_of(result.values):
            return Verdict.FAKE
        return Verdict.INCONCLUSIVE if printed >= self.low else Verdict.REAL


@dataclass(frozen=True)
class Gate:
    """What decides the exit code of a finished scan."""

    fail_on: FailOn = FailOn.FAKE
    max_errors: int = 0
    strict: bool = False
    """Count skipped media as errors, though not what was left out because the user said so."""
    exit_zero: bool = False

    def errors(self, codes: Counter[ErrorCode]) -> int:
        """How many of the files without a score ``--max-errors`` counts."""
        return sum(number for code, number in codes.items() if code.is_error(strict=self.strict))

    def exit_code(
        self,
        codes: Counter[ErrorCode],
        verdicts: Counter[Verdict],
        declared: Counter[Declared] | None = None,
    ) -> ExitCode:
        """2 (too many errors) outranks 1 (something matched)."""
        if self.errors(codes) > self.max_errors:
            return ExitCode.INCOMPLETE
        matched = any(count and self.matches(verdict) for verdict, count in verdicts.items())
        matched |= any(count and self.matches_declared(word) for word, count in (declared or {}).items())
        return ExitCode.FINDINGS if matched and not self.exit_zero else ExitCode.OK

    def matches(self, verdict: Verdict) -> bool:
        """Whether a file with this verdict is what ``--fail-on`` names."""
        match self.fail_on:
            case FailOn.FAKE | FailOn.DECLARED:
                return verdict is Verdict.FAKE
            case FailOn.INCONCLUSIVE:
                return verdict in (Verdict.FAKE, Verdict.INCONCLUSIVE)
            case FailOn.NEVER:
                return False
            case _:
                assert_never(self.fail_on)

    def matches_declared(self, declared: Declared | None) -> bool:
        """Whether what a file says of itself is what ``--fail-on`` names."""
        return self.fail_on is FailOn.DECLARED and declared is Declared.GENERATED


def _number(text: str, metadata: ModelMetadata) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        names = ", ".join(sorted(metadata.thresholds)) or "none: it is not calibrated"
        raise ThresholdError(
            f"--threshold {text}: not a number from 0 to 1, nor a threshold of this model ({names})"
        )
    return value
