"""From weights to better weights: the loop, what is frozen, checkpoints, calibration."""
