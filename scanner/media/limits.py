"""What one file may cost before it gets a row with an error instead of a score."""

from __future__ import annotations

from dataclasses import dataclass

from models.preprocessing import MAX_PIXELS

MAX_BYTES = 1 << 30
MAX_FACES = 64
MOST_PICTURES = 4096
"""Of one part, whatever it is."""


@dataclass(frozen=True)
class Limits:
    """Of each file. Raises ``ValueError`` for more faces than :data:`MOST_PICTURES`.

    Time and memory need a process of its own to be kept: :mod:`scanner.sandbox`.
    """

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    """Width × height as stored."""
    max_faces: int = MAX_FACES
    """The largest are scored, and the others have no score."""
    cpu_seconds: float = 60.0
    """User and system time: the same on a busy machine."""
    stall_seconds: float = 120.0
    """On the clock, for a file that waits and does not work. It is tried once more before its row is written."""
    memory_bytes: int = 4 << 30
    """Address space beyond what a decoder takes by itself."""

    def __post_init__(self) -> None:
        if not 0 < self.max_faces <= MOST_PICTURES:
            raise ValueError(f"max_faces is {self.max_faces}, not between 1 and {MOST_PICTURES}")

    @classmethod
    def of(
        cls,
        *,
        max_bytes: int | None = None,
        max_pixels: int | None = None,
        max_faces: int | None = None,
        cpu_seconds: float | None = None,
        memory_mib: int | None = None,
    ) -> Limits:
        """The limits as a user gives them, ``None`` for the default; a file may stand still for twice its CPU time."""
        return cls(
            max_bytes or cls.max_bytes,
            max_pixels or cls.max_pixels,
            max_faces or cls.max_faces,
            cpu_seconds or cls.cpu_seconds,
            2 * (cpu_seconds or cls.cpu_seconds),
            memory_mib << 20 if memory_mib is not None else cls.memory_bytes,
        )
