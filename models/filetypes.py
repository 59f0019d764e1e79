"""What a file is, by its suffix and by its first bytes: the one list, for scanning, training and evaluation.

Signatures: the formats' own specifications; ISO base media files (HEIC, AVIF, CR3, MP4 …) by the brands of
their ``ftyp`` box (ISO/IEC 14496-12, 4.3; registered brands at mp4ra.org). Short signatures that ordinary
text or data could begin with are accepted only together with further fields of the header, because a false
one costs an error row.
"""

from __future__ import annotations

import os
import re
import struct
from enum import StrEnum

from models.bmff_brands import AUDIO_BRANDS, is_avif, is_heif
from models.raw_types import TIFF_PREFIXES, is_raw, is_raw_head

HEAD_BYTES = 512
"""How many first bytes recognition looks at: tar's signature stands at 257, a third MPEG-TS packet at 376."""

UNSCANNED_FOLDER = ".git"
"""Such a folder holds a repository's objects, not pictures; it is entered only when named as an operand."""


class MediaKind(StrEnum):
    """What the scanner does with a file."""

    IMAGE = "image"
    """Decoded: JPEG (with MPO), PNG, GIF, BMP, WebP, TIFF, AVIF, PSD; HEIC and RAW with an extra each."""
    UNDECODABLE_IMAGE = "undecodable_image"
    """Pixels in a format that this tool does not decode: JPEG XL, PSB, ICO …"""
    OTHER_MEDIA = "other_media"
    """May hold pictures and is none: video, PDF and other page descriptions, vector drawings, archives."""
    COMPANION = "companion"
    """No media whatever the name says: an AppleDouble file (RFC 1740), which macOS keeps beside a file of its own."""
    POINTER = "pointer"
    """Stands for a file that was not fetched, of Git LFS or git-annex; what that holds nobody here knows."""
    UNKNOWN = "unknown"
    """Anything else, among it audio and zip-based documents and packages (.docx, .epub, .jar, .whl …)."""


def words(text: str) -> frozenset[str]:
    """Of a list in one text."""
    return frozenset(text.split())


RAW_SUFFIXES = words(
    """3fr arw cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw
    x3f"""
)
_IMAGE_SUFFIXES = RAW_SUFFIXES | words(
    """apng avif avifs bmp gif heic heics heif heifs hif jfi jfif jif jpe jpeg jpg jps mpo pjp pjpeg png psd tif
    tiff webp"""
)
_UNDECODABLE_SUFFIXES = words(
    """afphoto ani avci avcs bpg cur dcm dds dib dicom eps epsf epsi exr fits flif hdp hdr icns ico j2c j2k jls
    jng jp2 jpc jpf jpm jpx jxl jxr kra mng ora pam pbm pcd pcx pdn pfm pgm pict pnm ppm psb qoi ras rgb sgi tga
    wdp xbm xcf xpm"""
)
# Not in these lists, because they mean something else far more often: .ts and .mts (TypeScript), .raw, .fit,
# .mod. Their first bytes tell.
_VIDEO_SUFFIXES = words(
    """264 265 3g2 3gp amv asf avi bik divx dv f4v flv gifv h264 h265 hevc insv ivf lrv m1v m2ts m2v m4v mj2
    mjpeg mjpg mkv mov mp4 mpe mpeg mpg mpv mxf ogm ogv qt rm rmvb swf vob webm wmv wtv y4m"""
)
_DRAWING_SUFFIXES = words("ai djv djvu emf emz oxps pdf ps svg svgz wmf wmz xps")
_ARCHIVE_SUFFIXES = words(
    """7z ace arj bz2 cab cb7 cbr cbt cbz cpio dmg gz iso lha lz lz4 lzh lzma rar sit tar taz tbz tbz2 tgz tlz
    txz tzst xz z zip zipx zst"""
)
_SUFFIXES = {
    MediaKind.IMAGE: _IMAGE_SUFFIXES,
    MediaKind.UNDECODABLE_IMAGE: _UNDECODABLE_SUFFIXES,
    MediaKind.OTHER_MEDIA: _VIDEO_SUFFIXES | _DRAWING_SUFFIXES | _ARCHIVE_SUFFIXES,
}
# A zip file under one of these names is a document, a package or a program's data, not a plain archive.
ZIP_DOCUMENT_SUFFIXES = words(
    """3mf aab aar apk apkm appx conda docm docx dotm dotx ear egg epub f3d fla idml ipa jar keras key kmz kra
    msix mxl npz nupkg numbers odb odf odg odp ods odt ora otp ots ott pages pbix pkpass potx ppsm ppsx
    pptm pptx pt pth ptl sb3 sketch twbx usdz vsdx vsix war whl xapk xlam xlsb xlsm xlsx xltm xltx xmind
    xpi"""
)

ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_VIDEO_PREFIXES = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",
    b".RMF\x00",
    b"\x06\x0e+4\x02\x05\x01\x01",  # MXF
    b"DKIF\x00\x00",  # IVF
    b"YUV4MPEG2 ",
)

_PREFIXES: tuple[tuple[bytes, MediaKind], ...] = (
    (b"\x00\x05\x16\x07", MediaKind.COMPANION),
    # Before the prefixes that they begin with.
    (b"\xff\xd8\xff\xf7", MediaKind.UNDECODABLE_IMAGE),  # JPEG-LS
    (b"%!PS-Adobe-3.0 EPSF", MediaKind.UNDECODABLE_IMAGE),
    (b"%!PS-Adobe-2.0 EPSF", MediaKind.UNDECODABLE_IMAGE),
    (b"\xff\xd8\xff", MediaKind.IMAGE),
    (b"\x89PNG\r\n\x1a\n", MediaKind.IMAGE),
    (b"GIF87a", MediaKind.IMAGE),
    (b"GIF89a", MediaKind.IMAGE),
    (b"8BPS\x00\x01", MediaKind.IMAGE),
    *((signature, MediaKind.IMAGE) for signature in TIFF_PREFIXES),
    *(
        (signature, MediaKind.UNDECODABLE_IMAGE)
        for signature in (
            b"\xff\x0a",  # JPEG XL codestream
            b"\x00\x00\x00\x0cJXL \r\n\x87\n",
            b"\x00\x00\x00\x0cjP  \r\n\x87\n",  # JPEG 2000
            b"\xffO\xffQ",  # JPEG 2000 codestream
            b"II\xbc\x01",  # JPEG XR
            b"8BPS\x00\x02",
            b"gimp xcf ",
            b"v/1\x01",  # OpenEXR
            b"#?RADIANCE",
            b"#?RGBE",
            b"DDS |\x00\x00\x00",
            b"icns\x00",
            b"qoif\x00",
            b"BPG\xfb",
            b"\x8aMNG\r\n\x1a\n",
            b"\x8bJNG\r\n\x1a\n",
            b"Y\xa6j\x95",  # Sun raster
            b"\xc5\xd0\xd3\xc6",  # EPS with a preview
            b"SIMPLE  =",  # FITS
            b"/* XPM */",
        )
    ),
    *(
        (signature, MediaKind.OTHER_MEDIA)
        for signature in (
            *_VIDEO_PREFIXES,
            b"%PDF-",
            b"%!PS-",
            b"AT&TFORM",  # DjVu
            *ZIP_HEADS,
            b"\x1f\x8b\x08",
            b"\x1f\x9d\x90",
            b"7z\xbc\xaf'\x1c",
            b"Rar!\x1a\x07",
            b"\xfd7zXZ\x00",
            b"(\xb5/\xfd",  # Zstandard
            b"\x04\x22M\x18",  # LZ4
            b"LZIP\x01",
            b"MSCF\x00\x00\x00\x00",
        )
    ),
)

_PNM = re.compile(rb"P(?:[1-6Ff])\s(?:\s|#[^\n]*\n)*\d+\s(?:\s|#[^\n]*\n)*-?\d+\s|P7\n(?:#[^\n]*\n)*WIDTH ")
# Git LFS: docs/spec.md, version 1. git-annex: its pointer file, and its link where links are checked out as files.
_POINTERS = {
    "Git LFS": re.compile(rb"version https://git-lfs\.github\.com/spec/v\d+\n"),
    "git-annex": re.compile(rb"(?:(?:\.\./)*\.git)?/annex/objects/[^\n\0]+(?:\n|\Z)"),
}
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_TS_PACKETS = ((0, 188), (4, 192))
_QUICKTIME_ATOMS = (b"moov", b"wide", b"free", b"skip", b"pnot")
_RIFF_KINDS = {
    b"WEBP": MediaKind.IMAGE,
    b"ACON": MediaKind.UNDECODABLE_IMAGE,
    b"AVI ": MediaKind.OTHER_MEDIA,
}


def suffix_of(name: str) -> str:
    """What follows the last dot of a path's last part, in lower case; the name ``.jpg`` has one too."""
    name = os.path.basename(name)  # noqa: PTH119 - a Path per file costs more than all the rest
    return name.rpartition(".")[2].lower() if "." in name else ""


def suffixes_of(kind: MediaKind) -> frozenset[str]:
    """In lower case and without the dot; none for kinds that are known by content alone."""
    return _SUFFIXES.get(kind, frozenset())


def kind_by_suffix(name: str) -> MediaKind:
    """What a file's name says of it; ``name`` may be a whole path."""
    suffix = suffix_of(name)
    return next((kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes), MediaKind.UNKNOWN)


def kind_by_magic(head: bytes) -> MediaKind:
    """What a file's first :data:`HEAD_BYTES` bytes say of it (fewer only if the file has no more)."""
    if is_raw_head(head):
        return MediaKind.IMAGE
    for signature, kind in _PREFIXES:
        if head.startswith(signature):
            return kind
    if head[4:8] == b"ftyp":
        return _kind_by_brands(head)
    if head.startswith(b"RIFF"):
        return _RIFF_KINDS.get(head[8:12], MediaKind.UNKNOWN)
    if _is_bmp(head):
        return MediaKind.IMAGE
    if _PNM.match(head) or _is_icon(head) or _is_pcx_or_sgi(head) or head[128:132] == b"DICM":
        return MediaKind.UNDECODABLE_IMAGE
    if pointer_of(head):
        return MediaKind.POINTER
    if _BZIP2.match(head) or head[257:262] == b"ustar" or _is_stream(head):
        return MediaKind.OTHER_MEDIA
    return MediaKind.UNKNOWN


def pointer_of(head: bytes) -> str:
    """By what a file is kept that begins with ``head`` and only stands for another; empty for any other file."""
    return next((system for system, pattern in _POINTERS.items() if pattern.match(head)), "")


def classify(name: str, head: bytes) -> MediaKind:
    """What a file is: by its first bytes where they are recognised, else by its suffix.

    Two exceptions, where many formats share one signature: a zip file named as a document or package is what its name
    says, and so is a pointer to what would not be decoded either.
    """
    if head.startswith(ZIP_HEADS) and suffix_of(name) in ZIP_DOCUMENT_SUFFIXES:
        return kind_by_suffix(name)
    by_magic = kind_by_magic(head)
    if by_magic is MediaKind.POINTER and kind_by_suffix(name) is MediaKind.OTHER_MEDIA:
        return MediaKind.OTHER_MEDIA
    return by_magic if by_magic is not MediaKind.UNKNOWN else kind_by_suffix(name)


def may_be_a_thumbnail(name: str, data: bytes) -> bool:
    """Whether a whole file is a TIFF that its name alone calls RAW: what opens as a TIFF may be its thumbnail."""
    return data.startswith(TIFF_PREFIXES) and suffix_of(name) in RAW_SUFFIXES and not is_raw(data)


def is_video(name: str, head: bytes) -> bool:
    """Of a file of the kind :attr:`MediaKind.OTHER_MEDIA`, whether it is moving pictures."""
    if head.startswith(_VIDEO_PREFIXES) or head[4:8] == b"ftyp" or _is_stream(head):
        return True
    if head.startswith(b"RIFF"):
        return head[8:12] == b"AVI "
    return kind_by_magic(head) is MediaKind.UNKNOWN and suffix_of(name) in _VIDEO_SUFFIXES


def _kind_by_brands(head: bytes) -> MediaKind:
    if is_avif(head) or is_heif(head):
        return MediaKind.IMAGE
    if head[8:12] in AUDIO_BRANDS:
        return MediaKind.UNKNOWN
    return MediaKind.OTHER_MEDIA


def _is_bmp(head: bytes) -> bool:
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def _is_icon(head: bytes) -> bool:
    """ICO and CUR: a plausible count of pictures, and a first one that begins after the directory."""
    if not head.startswith((b"\x00\x00\x01\x00", b"\x00\x00\x02\x00")) or len(head) < 22:
        return False
    count, reserved, length, offset = struct.unpack_from("<H3xB4xII", head, 4)
    return bool(1 <= count <= 256 and reserved == 0 and length >= 40 and 6 + 16 * count <= offset < 1 << 24)


def _is_pcx_or_sgi(head: bytes) -> bool:
    if len(head) < 12:
        return False
    if head[0] == 0x0A:
        return head[1] in (0, 2, 3, 4, 5) and head[2] == 1 and head[3] in (1, 2, 4, 8)
    plausible_sgi = head[2] in (0, 1) and head[3] in (1, 2) and 1 <= int.from_bytes(head[4:6], "big") <= 3
    return head.startswith(b"\x01\xda") and plausible_sgi


def _is_stream(head: bytes) -> bool:
    """Video without a prefix of its own: MPEG transport streams, QuickTime before ``ftyp``, Theora in Ogg."""
    # Packets of 188 bytes, or of 192 with a time code before each (.m2ts).
    if any(head[start::step][:3] == b"GGG" for start, step in _TS_PACKETS):
        return True
    if head[4:8] == b"mdat" or (head[:1] == b"\x00" and head[4:8] in _QUICKTIME_ATOMS):
        return True
    return head.startswith(b"OggS") and b"theora" in head
