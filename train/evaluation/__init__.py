"""How good a model is on a labelled tree: runs the scanner, never torch; nothing is imported here."""
