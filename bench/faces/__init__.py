"""The face detector measured: equality with OpenCV's, recall, false finds, time. ``python -m bench.faces --help``."""
