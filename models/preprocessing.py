"""Preprocessing, version 1: the one law from bytes to pixels, for training, evaluation, export and scan.

``decode_image`` takes the bytes of a file to an RGB picture, ``to_input`` takes a picture to the network's
``uint8[260, 260, 3]``, and ``preprocess`` is both (``preprocess_bytes`` without numpy, which costs a process most of
its start). Any change to what they return is a new version
(``models.contract.PREPROCESS_VERSION``). ImageNet mean and deviation are inside the exported graph.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

from PIL import Image, ImageFile

from models.contract import IMAGE_SIZE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DECODED_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")
"""Pillow's names of the formats that may be opened; EPS, which runs Ghostscript, is one that must not."""

DRAFT_SIZE = (2 * IMAGE_SIZE, 2 * IMAGE_SIZE)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size: 4 times faster at 12 megapixels, and
pixels differ from the full decode by at most 7/255 (mean 0.29)."""

MAX_PIXELS = 178_956_970
"""Default limit on width × height as stored; ``Image.open`` refuses above the same number."""

_OPENERS = {
    "JPEG": "JpegImagePlugin",  # of MPO files, too, for which Pillow registers none
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
}
"""Pillow's modules by format, in the order in which they are asked. Each is loaded when first needed, and no other
ever is: ``Image.init()`` would load forty."""
_SIGNATURE_BYTES = 16

# Pillow warns of damaged metadata and truncated tags. What a file's result is must not depend on whether the
# interpreter turns warnings into errors (-W error, PYTHONWARNINGS).
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_EXIF_ORIENTATION = 0x0112
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_PHOTOMETRIC = 262
_TIFF_WHITE_IS_ZERO = 0
_TIFF_SAMPLE_FORMAT = 339
_TIFF_SIGNED = 2

_BAND_ROWS = 256

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
    facts: ImageFacts | None = None
    try:
        with _open(data) as image:
            facts = ImageFacts(image.format or "", *_stored_size(image), None)
            if facts.width * facts.height > max_pixels:
                raise ImageError(
                    ImageErrorCode.TOO_MANY_PIXELS,
                    f"{facts.width}×{facts.height} pixels, the limit is {max_pixels}",
                    facts,
                )
            if image.mode == "F":
                raise ImageError(
                    ImageErrorCode.UNSUPPORTED_MODE, "floating-point pixels have no fixed range", facts
                )
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", DRAFT_SIZE)
            image.load()
            # Everything is taken from the first frame before frames are counted: counting moves to others.
            orientation = _orientation(image)
            rgb = _to_rgb(image, facts)
            facts = ImageFacts(facts.format, facts.width, facts.height, _frame_count(image))
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        return DecodedImage(rgb, facts)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(ImageErrorCode.TOO_MANY_PIXELS, str(error), facts) from None
    except MemoryError:
        raise ImageError(ImageErrorCode.OUT_OF_MEMORY, "not enough memory to decode", facts) from None
    except Exception as error:  # noqa: BLE001 - on damaged bytes Pillow's decoders raise whatever they run into
        raise ImageError(ImageErrorCode.CORRUPT_IMAGE, f"{type(error).__name__}: {error}", facts) from None


def to_input(rgb: Image.Image, size: int = IMAGE_SIZE) -> npt.NDArray[np.uint8]:
    """Resize an RGB picture to ``uint8[size, size, 3]``: bilinear with antialiasing, aspect not kept.

    ``size`` other than 260 is for the early stages of training only.
    """
    import numpy as np

    return np.array(_resized(rgb, size), dtype=np.uint8)


def preprocess(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[npt.NDArray[np.uint8], ImageFacts]:
    """The whole law: bytes → ``uint8[260, 260, 3]`` and the file's facts. Raises :class:`ImageError`."""
    decoded = decode_image(data, max_pixels=max_pixels)
    return to_input(decoded.rgb), decoded.facts


def preprocess_bytes(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, ImageFacts]:
    """:func:`preprocess` with the array as its bytes, row by row."""
    decoded = decode_image(data, max_pixels=max_pixels)
    return _resized(decoded.rgb, IMAGE_SIZE).tobytes(), decoded.facts


def _resized(rgb: Image.Image, size: int) -> Image.Image:
    return rgb.resize((size, size), Image.Resampling.BILINEAR)


def _open(data: bytes) -> ImageFile.ImageFile:
    """The file's header, read by the opener that knows its signature.

    ``Image.open(formats=…)`` does the same, but forgets an opener's reason and, above its process-wide limit,
    the picture's size; both belong in the report.
    """
    if not data:
        raise ImageError(ImageErrorCode.EMPTY_FILE, "the file has no bytes")
    for name, module in _OPENERS.items():
        if name not in Image.OPEN:
            import_module(f"PIL.{module}")
        opener, accepts = Image.OPEN[name]
        known = accepts(data[:_SIGNATURE_BYTES]) if accepts is not None else True
        if isinstance(known, str):
            raise ImageError(ImageErrorCode.UNSUPPORTED_MODE, known)
        if not known:
            continue
        try:
            return opener(io.BytesIO(data), "")
        except SyntaxError as error:
            if "unknown pixel mode" in str(error):
                # A sound TIFF of a kind that Pillow has no pixels for, such as 64-bit floating point.
                raise ImageError(ImageErrorCode.UNSUPPORTED_MODE, f"{name}: {error}") from None
            raise
    raise ImageError(ImageErrorCode.NOT_AN_IMAGE, "no known image format in these bytes")


def _stored_size(image: Image.Image) -> tuple[int, int]:
    # Before it is loaded, Pillow gives a TIFF the size that it will have upright.
    tags = getattr(image, "tag_v2", None)
    if tags is not None and tags.get(_EXIF_ORIENTATION) in (5, 6, 7, 8):
        return image.height, image.width
    return image.width, image.height


def _frame_count(image: Image.Image) -> int | None:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - damage behind the first frame costs the count, not the picture
        return None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block costs the orientation, not the picture
        return 1


def _to_rgb(image: Image.Image, facts: ImageFacts) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;"):
        return _grey_from_integers(image).convert("RGB")
    try:
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError(ImageErrorCode.UNSUPPORTED_MODE, f"{image.mode}: {error}", facts) from None


def _grey_from_integers(image: Image.Image) -> Image.Image:
    """Scale a picture of more than 8 bits per channel linearly from the full range of its stored type."""
    import numpy as np

    bits, signed, white_is_zero = (32, True, False) if image.mode == "I" else (16, False, False)
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        bits = int(tags.get(_TIFF_BITS_PER_SAMPLE, (bits,))[0])
        signed = int(tags.get(_TIFF_SAMPLE_FORMAT, (1,))[0]) == _TIFF_SIGNED
        white_is_zero = tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO
    low, span = (-(2 ** (bits - 1)) if signed else 0), 2**bits - 1
    stored = np.asarray(image)
    grey = np.empty(stored.shape, np.uint8)
    # In bands: the sums need 64 bits, and the whole picture in them eight times its memory.
    for top in range(0, len(stored), _BAND_ROWS):
        band = stored[top : top + _BAND_ROWS].astype(np.int64)
        if not signed:
            band %= span + 1  # Pillow keeps unsigned 32-bit values in a signed type
        grey[top : top + _BAND_ROWS] = ((band - low) * 255 + span // 2) // span
    if white_is_zero:
        grey = 255 - grey
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[stored == transparent] = 255
    return Image.fromarray(grey)
