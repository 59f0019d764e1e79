"""Pictures without a face: how many get a score all the same. ``python -m bench.no_faces --help``."""
