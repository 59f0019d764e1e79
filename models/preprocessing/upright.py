"""A picture that Pillow has opened, made upright and RGB; how large it is as stored."""

from __future__ import annotations

from PIL import Image

from models.error_codes import ErrorCode
from models.preprocessing.errors import Refusal

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


def checked_size(image: Image.Image, max_pixels: int) -> None:
    """Raises :class:`Refusal` for more pixels than that, before they are decoded."""
    width, height = stored_size(image)
    if width * height > max_pixels:
        detail = f"{width}×{height} pixels, the limit is {max_pixels}"
        raise Refusal(ErrorCode.TOO_MANY_PIXELS, detail)


def upright_rgb(image: Image.Image, otherwise: int = 1) -> Image.Image:
    """The frame in hand, decoded; raises what Pillow raises, and :class:`Refusal`.

    ``otherwise`` is the orientation, as EXIF numbers them, of a picture that says none itself.
    """
    if image.mode == "F":
        raise Refusal(ErrorCode.UNSUPPORTED_MODE, "floating-point pixels have no fixed range")
    image.load()
    orientation = _orientation(image, otherwise)
    rgb = _to_rgb(image)
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height before the picture is turned."""
    # Before it is loaded, Pillow gives a TIFF the size that it will have upright.
    tags = getattr(image, "tag_v2", None)
    if tags is not None and tags.get(_EXIF_ORIENTATION) in (5, 6, 7, 8):
        return image.height, image.width
    return image.width, image.height


def _orientation(image: Image.Image, otherwise: int) -> int:
    try:
        own = int(image.getexif().get(_EXIF_ORIENTATION, otherwise))
    except Exception:  # noqa: BLE001 - a damaged EXIF block costs the orientation, not the picture
        return otherwise
    return own if 1 <= own <= 8 else otherwise


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
