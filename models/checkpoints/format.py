"""What a run's checkpoint says of itself, for the room that writes it and the one that exports it. No torch."""

from __future__ import annotations

CHECKPOINT_FORMAT = "deepfake-scanner checkpoint"
CHECKPOINT_FORMAT_VERSION = 1
BEST_OF_RUN = "best.pt"
"""What a run's folder stands for: its best epoch on the select role."""
