"""Version 1: what becomes of any picture, from the bytes of a file to the network's input.

``decode_image`` takes the bytes of a file to an RGB picture, ``to_input`` takes a picture to the network's
``uint8[260, 260, 3]``, and ``preprocess`` is both (``whole_picture`` without numpy, which costs a process most of
its start). Any change to what they return is a new version
(``models.contract.PREPROCESS_VERSION``). ImageNet mean and deviation are inside the exported graph.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from models.contract import IMAGE_SIZE, InputSpec
from models.error_codes import ErrorCode
from models.preprocessing import formats
from models.preprocessing.errors import ImageError, ImageFacts, Refusal
from models.preprocessing.openers import format_of, opened
from models.preprocessing.seen import Crop, Law, Seen, SeenFrame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DRAFT_SIZE = (2 * IMAGE_SIZE, 2 * IMAGE_SIZE)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size: 4 times faster at 12 megapixels, and pixels
differ from the full decode by at most 7/255 (mean 0.29)."""

MAX_PIXELS = 178_956_970
"""Default limit on width × height as stored; ``Image.open`` refuses above the same number."""

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
    return decode_reduced(data, DRAFT_SIZE, max_pixels)


def decode_reduced(data: bytes, draft_size: tuple[int, int], max_pixels: int) -> DecodedImage:
    """:func:`decode_image` with JPEGs reduced to no less than ``draft_size``."""
    attempt = _Attempt(format_of(data), max_pixels, draft_size)
    try:
        return attempt.decode(data)
    except Exception as error:  # noqa: BLE001 - on damaged bytes Pillow's decoders raise whatever they run into
        known = attempt.known(data, error)
        if known is not None:
            raise known from None
        return _second_look(attempt, data, error)


def _second_look(attempt: _Attempt, data: bytes, error: Exception) -> DecodedImage:
    """After a failure: a sound file of a kind that is not read, metadata that cost the picture, or damage."""
    rules = formats.of_format(attempt.format)
    try:
        refused = rules.refusal(data, error)
    except Refusal as raised:
        refused = raised
    except Exception:  # noqa: BLE001 - too damaged to say what it is
        refused = None
    if refused is not None:
        raise attempt.error(data, refused.code, refused.detail) from None
    for bare in _without_metadata(rules, data):
        if bare.data == data:
            continue
        again = _Attempt(attempt.format, attempt.max_pixels, attempt.draft_size)
        try:
            decoded = again.decode(bare.data)
        except Exception as second:  # noqa: BLE001 - the first error is the one to report
            known = again.known(data, second)
            if known is not None:
                raise known from None
            continue
        return decoded if bare.all_frames else replace(decoded, facts=replace(decoded.facts, frames=None))
    raise attempt.error(data, ErrorCode.CORRUPT_IMAGE, f"{type(error).__name__}: {error}") from None


def _without_metadata(rules: formats.FormatRules, data: bytes) -> Iterator[formats.Bare]:
    # Too damaged to be taken apart is damaged.
    with contextlib.suppress(Exception):
        yield from rules.without_metadata(data)


class _Attempt:
    """One decoding, and what it learnt before it ended."""

    def __init__(self, format: str, max_pixels: int, draft_size: tuple[int, int]) -> None:
        self.format, self.max_pixels, self.draft_size = format, max_pixels, draft_size
        self.facts: ImageFacts | None = None

    def decode(self, data: bytes) -> DecodedImage:
        """The whole way; raises what Pillow raises, too."""
        with opened(self.format, data) as image:
            facts = self._learn(image, data)
            image = formats.checked(self.format, image, data)
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", self.draft_size)
            # Everything is taken from the first frame before frames are counted: counting moves to others.
            rgb = upright_rgb(image)
            checked_size(rgb, self.max_pixels)  # a HEIF may hold more than it says
            facts = ImageFacts(facts.format, facts.width, facts.height, _frame_count(image))
        return DecodedImage(rgb, facts)

    def _learn(self, image: Image.Image, data: bytes) -> ImageFacts:
        heif_size = formats.heif_size(data, image.size) if image.format == "HEIF" else None
        facts = self.facts = ImageFacts(image.format or "", *(heif_size or _stored_size(image)), None)
        checked_size(image, self.max_pixels)
        return facts

    def known(self, data: bytes, error: Exception) -> ImageError | None:
        """What an exception means whatever the format; ``None`` if that takes a look into the file."""
        match error:
            case Refusal():
                return self.error(data, error.code, error.detail)
            case Image.DecompressionBombError():
                return self.error(data, ErrorCode.TOO_MANY_PIXELS, str(error))
            case MemoryError():
                return self.error(data, ErrorCode.OUT_OF_MEMORY, "not enough memory to decode")
        return None

    def error(self, data: bytes, code: ErrorCode, detail: str) -> ImageError:
        """With what is known of the file: what the decoding learnt, else what the header says."""
        return ImageError(code, detail, self.facts or _header_facts(self.format, data), self.format)


def _header_facts(format: str, data: bytes) -> ImageFacts | None:
    try:
        size = formats.of_format(format).size(data)
    except Exception:  # noqa: BLE001 - too damaged to tell
        return None
    return ImageFacts(format, *size, None) if size is not None and min(size) > 0 else None


def checked_size(image: Image.Image, max_pixels: int) -> None:
    """Raises :class:`Refusal` for more pixels than that, before they are decoded."""
    width, height = _stored_size(image)
    if width * height > max_pixels:
        detail = f"{width}×{height} pixels, the limit is {max_pixels}"
        raise Refusal(ErrorCode.TOO_MANY_PIXELS, detail)


def upright_rgb(image: Image.Image) -> Image.Image:
    """The frame in hand, decoded; raises what Pillow raises, and :class:`Refusal`."""
    if image.mode == "F":
        raise Refusal(ErrorCode.UNSUPPORTED_MODE, "floating-point pixels have no fixed range")
    image.load()
    orientation = _orientation(image)
    rgb = _to_rgb(image)
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def to_input(rgb: Image.Image, size: int = IMAGE_SIZE) -> npt.NDArray[np.uint8]:
    """Resize an RGB picture to ``uint8[size, size, 3]``: bilinear with antialiasing, aspect not kept.

    ``size`` other than 260 is for the early stages of training only.
    """
    import numpy as np

    return np.array(resized(rgb, size), dtype=np.uint8)


def preprocess(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[npt.NDArray[np.uint8], ImageFacts]:
    """The whole law: bytes → ``uint8[260, 260, 3]`` and the file's facts. Raises :class:`ImageError`."""
    decoded = decode_image(data, max_pixels=max_pixels)
    return to_input(decoded.rgb), decoded.facts


def whole_picture(
    data: bytes, size: int = IMAGE_SIZE, max_pixels: int = MAX_PIXELS
) -> tuple[bytes, ImageFacts]:
    """:func:`preprocess` for any edge, with the array as its bytes, row by row."""
    decoded = decode_reduced(data, (2 * size, 2 * size), max_pixels)
    return resized(decoded.rgb, size).tobytes(), decoded.facts


def resized(rgb: Image.Image, size: int) -> Image.Image:
    """To ``size`` × ``size``: bilinear with antialiasing, aspect not kept."""
    return rgb.resize((size, size), Image.Resampling.BILINEAR)


def _of_file(data: bytes, spec: InputSpec, max_pixels: int, *_: object) -> Seen:
    pixels, facts = whole_picture(data, spec.size, max_pixels)
    return Seen((Crop(pixels),), facts)


def _of_picture(rgb: Image.Image, spec: InputSpec) -> tuple[Crop, ...]:
    return (Crop(resized(rgb, spec.size).tobytes()),)


def _of_frame(rgb: Image.Image, spec: InputSpec, *_: object) -> SeenFrame:
    return SeenFrame(_of_picture(rgb, spec))


LAW = Law(_of_file, _of_picture, _of_frame)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    # Before it is loaded, Pillow gives a TIFF the size that it will have upright.
    tags = getattr(image, "tag_v2", None)
    if tags is not None and tags.get(_EXIF_ORIENTATION) in (5, 6, 7, 8):
        return image.height, image.width
    return image.width, image.height


def _frame_count(image: Image.Image) -> int | None:
    if image.format == "PSD":
        return 1  # Pillow counts layers
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - damage behind the first frame costs the count, not the picture
        return None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block costs the orientation, not the picture
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;"):
        return _grey_from_integers(image).convert("RGB")
    try:
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
        # A copy costs a twentieth of a small JPEG's time; other formats may have frames that take this one's place.
        return image if image.mode == "RGB" and image.format == "JPEG" else image.convert("RGB")
    except ValueError as error:
        raise Refusal(ErrorCode.UNSUPPORTED_MODE, f"{image.mode}: {error}") from None


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
