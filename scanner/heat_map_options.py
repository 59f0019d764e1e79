"""From ``--heatmaps`` and ``--heatmaps-for`` to what a run draws, and what it says of that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scanner.engine.heat_maps import HeatMapper, Mapped
from scanner.heat_maps.folder import OverlayFolder
from scanner.heat_maps.overlay import overlay
from scanner.inference.detector import Detector
from scanner.judgement.policy import Policy, Verdict
from scanner.media import Limits
from scanner.results import FileResult
from scanner.results.names import printable
from scanner.terminal.speaker import Speaker


class HeatMapsFor(StrEnum):
    """The files that get heat maps."""

    FAKE = "fake"
    INCONCLUSIVE = "inconclusive"
    """Or fake."""
    ALL = "all"
    """That have a score."""

    def takes(self, verdict: Verdict | None) -> bool:
        if verdict is None or self is HeatMapsFor.ALL:
            return verdict is not None
        return verdict is Verdict.FAKE or (
            self is HeatMapsFor.INCONCLUSIVE and verdict is Verdict.INCONCLUSIVE
        )


@dataclass
class HeatMaps:
    """Of one run."""

    folder: OverlayFolder
    chosen: HeatMapsFor
    drawn: int = 0
    missing: int = 0
    """Findings that were to have one and have none."""

    @classmethod
    def of(cls, folder: Path, chosen: str) -> HeatMaps:
        """Before the model is loaded. Raises :class:`models.support.errors.OutputError`."""
        return cls(OverlayFolder(folder), HeatMapsFor(chosen))

    @property
    def path(self) -> Path:
        return self.folder.path

    def begin(self, detector: Detector) -> None:
        """Make the folder. Raises :class:`models.support.errors.ModelFileError` for a model that does not say where its
        scores came from, and what a model raises that cannot be loaded."""
        detector.open_maps()
        self.folder.make()

    def mapper(self, detector: Detector, limits: Limits, workers: int, policy: Policy) -> HeatMapper:
        size = detector.spec.size

        def keep(mapped: Mapped) -> None:
            finding, sha256 = mapped.finding, mapped.result.sha256
            assert sha256 is not None, "what was read has a hash"
            png = overlay(mapped.pixels, size, mapped.grid, finding.logit, finding.prob_fake)
            self.folder.write(sha256, mapped.number, png)

        def wanted(result: FileResult) -> bool:
            return self.chosen.takes(policy.verdict(result))

        return HeatMapper(detector, limits, workers, wanted=wanted, keep=keep)

    def count(self, result: FileResult, speaker: Speaker) -> None:
        """A map that is missing is said at once."""
        maps = [one.heat_map for one in result.findings if one.heat_map is not None]
        missing = [one for one in maps if one.grid is None]
        self.drawn += len(maps) - len(missing)
        self.missing += len(missing)
        if missing:
            speaker.warn(f"no heat map: {result.path}: {missing[0].why}")

    def summary(self) -> str:
        lack = f"; {self.missing:,} could not be made" if self.missing else ""
        return f"heat maps: {self.drawn:,} in {printable(str(self.path))}{lack}"
