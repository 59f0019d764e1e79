"""What a person decides about a report's findings: shown one at a time, kept for good, and what follows from it."""
