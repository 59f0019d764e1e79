"""Brands of ISO base media files (ISO/IEC 14496-12, 4.3; registered at mp4ra.org): which are pictures. Standard library
only."""

from __future__ import annotations

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    b"""avci avcs evbi heic heim heis heix hevc hevm hevs hevx j2is j2ki jpeg jpgs miaf mif1 mif2 msf1 vvic
    vvis""".split()
)
# Brands that say "pictures" without saying how they are coded; the two that Pillow, too, takes for a possible AVIF.
_HEIF_CONTAINERS = frozenset({b"mif1", b"msf1"})
AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"aaxc"})


def is_heif(head: bytes) -> bool:
    """Whether a file is of the family of HEIC, and no AVIF."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and not is_avif(head)


def is_avif(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is an AVIF, by its first brand or by one that goes with it."""
    size = int.from_bytes(head[:4], "big")
    major = head[8:12]
    compatible = head[16 : min(size, len(head))] if size >= 16 else b""
    brands = {compatible[i : i + 4] for i in range(0, len(compatible) - 3, 4)}
    return major in _AVIF_BRANDS or (major in _HEIF_CONTAINERS and bool(brands & _AVIF_BRANDS))
