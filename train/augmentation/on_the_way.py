"""What happens to most pictures on their way to a scanner: the conditions that thresholds are chosen to hold under.

They are applied to the decoded picture at its own size, before the preprocessing law, and nothing in them is drawn.
Pictures made smaller are left out on purpose: docs/training.md has what holding under them would cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from train.augmentation.degradations import Step, jpeg_in_full

ON_THE_WAY: Mapping[str, Step] = {"JPEG q50": partial(jpeg_in_full, quality=50)}
"""By the name that a calibration gives them."""
