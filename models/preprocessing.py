"""Preprocessing, version 1: the one law from bytes to pixels, for training, evaluation, export and scan.

``decode_image`` takes the bytes of a file to an RGB picture, ``to_input`` takes a picture to the network's
``uint8[260, 260, 3]``, and ``preprocess`` is both. Any change to what they return is a new version
(``models.contract.PREPROCESS_VERSION``). ImageNet mean and deviation are inside the exported graph.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from models.contract import IMAGE_SIZE

DECODED_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")
"""Pillow's names of the formats that may be opened; EPS, which runs Ghostscript, is one that must not."""

DRAFT_SIZE = (2 * IMAGE_SIZE, 2 * IMAGE_SIZE)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size: 4 times faster at 12 megapixels, and
pixels differ from the full decode by at most 7/255 (mean 0.29)."""

MAX_PIXELS = 178_956_970
"""Default limit on width × height as stored; Pillow refuses above the same number."""

# What Pillow's decoders raise on damaged input, beside OSError (which covers UnidentifiedImageError).
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    ZeroDivisionError,
)

_EXIF_ORIENTATION = 0x0112
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_SAMPLE_FORMAT = 339
_TIFF_SIGNED = 2

# EXIF 2.32, 4.6.4 A "Orientation": how to turn the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageErrorCode(StrEnum):
    """Why bytes did not become pixels. The same words stand in the report's ``error`` column."""

    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    CORRUPT_IMAGE = "corrupt_image"
    UNSUPPORTED_MODE = "unsupported_mode"
    TOO_MANY_PIXELS = "too_many_pixels"
    OUT_OF_MEMORY = "out_of_memory"


class ImageError(Exception):
    """Bytes that the law cannot take to pixels.

    ``facts`` holds what was learnt from the header before the failure, ``None`` if nothing was.
    """

    def __init__(self, code: ImageErrorCode, detail: str, facts: ImageFacts | None = None) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.facts = facts


@dataclass(frozen=True)
class ImageFacts:
    """What the file says of its picture, as stored (before orientation and draft)."""

    format: str
    """Pillow's name of the format, by content."""
    width: int
    height: int
    frames: int | None
    """Number of frames, of which only the first is decoded; ``None`` when the file is too damaged to tell."""


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB picture and the facts of its file."""

    rgb: Image.Image
    facts: ImageFacts


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode the first frame of ``data`` to an upright RGB picture.

    JPEGs larger than ``DRAFT_SIZE`` come back reduced. Alpha is composited over white, 16- and 32-bit
    integers are scaled linearly from the full range of their type, ICC profiles are ignored.

    Raises :class:`ImageError`, and nothing else, whatever the bytes are.
    """
    if not data:
        raise ImageError(ImageErrorCode.EMPTY_FILE, "the file has no bytes")
    facts: ImageFacts | None = None
    try:
        with Image.open(io.BytesIO(data), formats=DECODED_FORMATS) as image:
            facts = ImageFacts(image.format or "", image.width, image.height, None)
            if image.width * image.height > max_pixels:
                raise ImageError(
                    ImageErrorCode.TOO_MANY_PIXELS,
                    f"{image.width}×{image.height} pixels, the limit is {max_pixels}",
                    facts,
                )
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", DRAFT_SIZE)
            image.load()
            # Tags are read before frames are counted: counting moves a TIFF to other frames' tags.
            scale = _integer_scale(image)
            orientation = _orientation(image)
            picture = image.copy()
            facts = ImageFacts(facts.format, facts.width, facts.height, _frame_count(image))
        if orientation in _UPRIGHT:
            picture = picture.transpose(_UPRIGHT[orientation])
        return DecodedImage(_to_rgb(picture, scale, facts), facts)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(ImageErrorCode.TOO_MANY_PIXELS, str(error), facts) from None
    except UnidentifiedImageError:
        # Pillow's own text holds a memory address: of no use, and different in each run.
        raise ImageError(ImageErrorCode.NOT_AN_IMAGE, "no known image format in these bytes") from None
    except MemoryError:
        raise ImageError(ImageErrorCode.OUT_OF_MEMORY, "not enough memory to decode", facts) from None
    except _DAMAGE as error:
        raise ImageError(ImageErrorCode.CORRUPT_IMAGE, f"{type(error).__name__}: {error}", facts) from None


def to_input(rgb: Image.Image, size: int = IMAGE_SIZE) -> npt.NDArray[np.uint8]:
    """Resize an RGB picture to ``uint8[size, size, 3]``: bilinear with antialiasing, aspect not kept.

    ``size`` other than 260 is for the early stages of training only.
    """
    resized = rgb.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.uint8)


def preprocess(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[npt.NDArray[np.uint8], ImageFacts]:
    """The whole law: bytes → ``uint8[260, 260, 3]`` and the file's facts. Raises :class:`ImageError`."""
    decoded = decode_image(data, max_pixels=max_pixels)
    return to_input(decoded.rgb), decoded.facts


def _frame_count(image: Image.Image) -> int | None:
    try:
        return int(getattr(image, "n_frames", 1))
    except _DAMAGE:
        return None


def _orientation(image: Image.Image) -> int:
    # A damaged EXIF block costs the orientation, not the picture.
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except _DAMAGE:
        return 1


def _integer_scale(image: Image.Image) -> tuple[int, int] | None:
    """Lowest value and span of the stored integer type, for pictures of more than 8 bits per channel."""
    if not (image.mode == "I" or image.mode.startswith("I;")):
        return None
    bits, signed = (32, True) if image.mode == "I" else (16, False)
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        bits = int(tags.get(_TIFF_BITS_PER_SAMPLE, (bits,))[0])
        signed = int(tags.get(_TIFF_SAMPLE_FORMAT, (1,))[0]) == _TIFF_SIGNED
    return (-(2 ** (bits - 1)) if signed else 0), 2**bits - 1


def _to_rgb(image: Image.Image, scale: tuple[int, int] | None, facts: ImageFacts) -> Image.Image:
    if image.mode == "F":
        raise ImageError(ImageErrorCode.UNSUPPORTED_MODE, "floating-point pixels have no fixed range", facts)
    if scale is not None:
        low, span = scale
        values = np.asarray(image).astype(np.int64)
        if low == 0:
            values %= span + 1  # Pillow keeps unsigned 32-bit values in a signed type
        grey = ((values - low) * 255 + span // 2) // span
        return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")
    try:
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError(ImageErrorCode.UNSUPPORTED_MODE, f"{image.mode}: {error}", facts) from None
