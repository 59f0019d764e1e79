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
from models.preprocessing import formats, raw
from models.preprocessing.errors import ImageError, ImageFacts, Refusal
from models.preprocessing.openers import format_of, opened
from models.preprocessing.seen import Crop, Law, Seen, SeenFrame
from models.preprocessing.upright import checked_size, stored_size, upright_rgb

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


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB picture and the facts of its file."""

    rgb: Image.Image
    facts: ImageFacts


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode the first frame of ``data`` to an upright RGB picture.

    JPEGs larger than ``DRAFT_SIZE`` come back reduced. Alpha is composited over white, 16- and 32-bit
    integers are scaled linearly from the full range of their type, ICC profiles are ignored. Of a RAW file it is the
    largest picture that the camera embedded, and ``facts.pixels`` says so.

    Raises :class:`ImageError`, and nothing else, whatever the bytes are.
    """
    return decode_reduced(data, DRAFT_SIZE, max_pixels)


def decode_reduced(data: bytes, draft_size: tuple[int, int], max_pixels: int) -> DecodedImage:
    """:func:`decode_image` with JPEGs reduced to no less than ``draft_size``."""
    format = format_of(data)
    if format == raw.RAW:
        preview = raw.preview_of(data)
        with raw.told_of_the_file():
            attempt = _Attempt(preview.format, max_pixels, draft_size, preview.orientation)
            decoded = _decoded(attempt, preview.data)
        return replace(decoded, facts=raw.facts_of(decoded.facts))
    return _decoded(_Attempt(format, max_pixels, draft_size), data)


def _decoded(attempt: _Attempt, data: bytes) -> DecodedImage:
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
        again = _Attempt(attempt.format, attempt.max_pixels, attempt.draft_size, attempt.orientation)
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

    def __init__(
        self, format: str, max_pixels: int, draft_size: tuple[int, int], orientation: int = 1
    ) -> None:
        self.format, self.max_pixels, self.draft_size = format, max_pixels, draft_size
        self.orientation = orientation
        self.facts: ImageFacts | None = None

    def decode(self, data: bytes) -> DecodedImage:
        """The whole way; raises what Pillow raises, too."""
        with opened(self.format, data) as image:
            facts = self._learn(image, data)
            image = formats.checked(self.format, image, data)
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", self.draft_size)
            # Everything is taken from the first frame before frames are counted: counting moves to others.
            rgb = upright_rgb(image, self.orientation)
            checked_size(rgb, self.max_pixels)  # a HEIF may hold more than it says
            facts = ImageFacts(facts.format, facts.width, facts.height, _frame_count(image))
        return DecodedImage(rgb, facts)

    def _learn(self, image: Image.Image, data: bytes) -> ImageFacts:
        heif_size = formats.heif_size(data, image.size) if image.format == "HEIF" else None
        facts = self.facts = ImageFacts(image.format or "", *(heif_size or stored_size(image)), None)
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


def _frame_count(image: Image.Image) -> int | None:
    if image.format == "PSD":
        return 1  # Pillow counts layers
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - damage behind the first frame costs the count, not the picture
        return None
