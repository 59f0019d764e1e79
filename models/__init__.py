"""The contract, the one preprocessing law, the network and the shipped weights.

This page offers only what every room needs: the contract and the law. Names load on first use
(PEP 562), so that reading the contract does not pay for numpy and Pillow. Nothing here imports torch or
onnxruntime; the network is in :mod:`models.network`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.contract import CONTRACT_VERSION as CONTRACT_VERSION
    from models.contract import IMAGE_SIZE as IMAGE_SIZE
    from models.contract import PREPROCESS_VERSION as PREPROCESS_VERSION
    from models.contract import Label as Label
    from models.contract import ModelMetadata as ModelMetadata
    from models.preprocessing import DecodedImage as DecodedImage
    from models.preprocessing import ImageError as ImageError
    from models.preprocessing import decode_image as decode_image
    from models.preprocessing import preprocess as preprocess
    from models.preprocessing import to_input as to_input

_HOME = {
    "CONTRACT_VERSION": "contract",
    "IMAGE_SIZE": "contract",
    "PREPROCESS_VERSION": "contract",
    "Label": "contract",
    "ModelMetadata": "contract",
    "DecodedImage": "preprocessing",
    "ImageError": "preprocessing",
    "decode_image": "preprocessing",
    "preprocess": "preprocessing",
    "to_input": "preprocessing",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    return getattr(import_module(f"models.{_HOME[name]}"), name)
