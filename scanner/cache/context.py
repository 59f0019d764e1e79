"""Everything but the bytes that a result depends on, as one text."""

from __future__ import annotations

import json

from models.contract import ModelMetadata
from scanner.inference.detector import Detector

# Pillow's names for the libraries that decode.
_CODECS = ("jpg", "libjpeg_turbo", "zlib", "zlib_ng", "webp", "libtiff", "avif")


def build_context(detector: Detector) -> str:
    """With any other value, no result is taken over."""
    import PIL
    from PIL import features

    metadata: ModelMetadata = detector.metadata
    return json.dumps(
        {
            "model": detector.sha256,
            "preprocess": metadata.preprocess,
            "pillow": PIL.__version__,
            "codecs": {name: features.version(name) for name in _CODECS},
            "provider": detector.provider,
            "device": detector.device,
            "precision": metadata.precision,
            "runtime": detector.runtime.rsplit(".", 1)[0],
        },
        sort_keys=True,
    )
