"""Training (torch) and evaluation (no torch); nothing is imported here."""
