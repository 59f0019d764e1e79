"""Recipes measured on sources that they have not seen. ``python -m bench.left_out --help``."""
