"""How many decoders a run needs: one keeps many cores of a slow network busy, and each further one costs its start."""

from __future__ import annotations

_PATIENCE = 0.02
"""Seconds that a run may wait for decoders that are at work before it gets as many again."""


class Scaling:
    """Of one pool; told of the seconds in which nothing was ready."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waited = 0.0
        """Since decoders were last added."""
        self.wanted = 1
        """Decoders."""

    def waited(self, seconds: float) -> None:
        self._waited += seconds
        if self._waited > _PATIENCE and self.wanted < self._most:
            self.wanted, self._waited = min(2 * self.wanted, self._most), 0.0
