"""From candidates to results, in order."""
