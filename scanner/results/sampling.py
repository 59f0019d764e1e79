"""What is looked at in files that hold several pictures: part of what a result depends on."""

from __future__ import annotations

from dataclasses import dataclass

from models.container_types import ContainerType
from models.support.dependencies import require_extra

BURSTS = 8
MAX_FRAMES = 100


@dataclass(frozen=True)
class Sampling:
    """The default looks into no video, and at the first frame of any picture."""

    video: bool = False
    """Whether films are looked into."""
    bursts: int = BURSTS
    """Of a film, spread evenly over it."""
    max_seconds: float | None = None
    """How much of a film is sampled, from its start; ``None`` for all of it."""

    all_frames: bool = False
    """Whether all frames and pages of pictures that have several are looked at."""
    max_frames: int = MAX_FRAMES
    """Of them, the first."""

    archives: bool = False
    """Whether archives are looked into."""
    documents: bool = False
    """Whether pictures in documents are looked at."""

    @property
    def is_default(self) -> bool:
        """Whether it changes nothing."""
        return not (self.video or self.all_frames or self.archives or self.documents)

    def looks_into(self, kind: ContainerType) -> bool:
        """Whether its members have rows."""
        return self.documents if kind.is_document else self.archives


FIRST_FRAMES = Sampling()


def require_library(sampling: Sampling) -> None:
    """Raises :class:`models.support.dependencies.MissingExtra` where films are to be looked into without PyAV."""
    if sampling.video:
        require_extra(
            "video", ["av"], needed_by="--video sample", otherwise="or leave films out: --video off"
        )
