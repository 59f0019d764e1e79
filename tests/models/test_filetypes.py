"""Files are recognised by content first, by suffix where content says nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.bmff_brands import is_heif
from models.filetypes import (
    HEAD_BYTES,
    MediaKind,
    classify,
    kind_by_magic,
    kind_by_suffix,
    may_be_a_thumbnail,
    suffix_of,
    suffixes_of,
)
from models.raw_types import is_raw_head

IMAGE = MediaKind.IMAGE
UNDECODABLE = MediaKind.UNDECODABLE_IMAGE
OTHER = MediaKind.OTHER_MEDIA
UNKNOWN = MediaKind.UNKNOWN

TIFF_HEAD = b"II*\x00\x08\x00\x00\x00" + bytes(40)


def made_by_pillow(format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(buffer, format_, **options)
    return buffer.getvalue()[:HEAD_BYTES]


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    return (
        struct.pack(">I", 16 + 4 * len(compatible))
        + b"ftyp"
        + major
        + bytes(4)
        + b"".join(compatible)
        + b"mdat"
    )


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()[:HEAD_BYTES]


@pytest.mark.parametrize("format_", ["JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_every_decoded_format_is_an_image_by_its_bytes(format_: str) -> None:
    head = made_by_pillow(format_)
    assert kind_by_magic(head) is IMAGE
    assert classify("photo.dat", head) is IMAGE
    assert classify("clip.mp4", head) is IMAGE


@pytest.mark.parametrize("format_", ["ICO", "JPEG2000", "PPM", "PCX", "SGI", "DDS", "ICNS", "EPS"])
def test_images_that_are_not_decoded_are_recognised(format_: str) -> None:
    head = made_by_pillow(format_)
    assert kind_by_magic(head) is UNDECODABLE
    assert classify("photo.jpg", head) is UNDECODABLE


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (ftyp(b"avif", b"mif1", b"miaf"), IMAGE),
        (ftyp(b"avis", b"msf1"), IMAGE),
        (ftyp(b"mif1", b"miaf", b"avif"), IMAGE),
        (ftyp(b"mif1", b"heic"), IMAGE),
        (ftyp(b"mif1"), IMAGE),
        (ftyp(b"heic", b"mif1", b"avif"), IMAGE),
        (ftyp(b"heix", b"mif1"), IMAGE),
        (ftyp(b"crx ", b"isom"), IMAGE),
        (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), OTHER),
        (ftyp(b"qt  "), OTHER),
        (ftyp(b"isom", b"avif"), OTHER),
        (ftyp(b"M4A ", b"isom"), UNKNOWN),
        (b"\x00\x00\x00\x18ftyp", OTHER),
    ],
)
def test_brands_decide_between_pictures_and_video(head: bytes, kind: MediaKind) -> None:
    assert kind_by_magic(head) is kind


def test_brands_decide_between_heif_and_avif() -> None:
    assert is_heif(ftyp(b"mif1", b"heic")) and is_heif(ftyp(b"heic", b"mif1", b"avif"))
    assert not is_heif(ftyp(b"mif1", b"miaf", b"avif")) and not is_heif(ftyp(b"isom"))
    # The brand beyond the end of the box belongs to something else.
    assert is_heif(ftyp(b"mif1", b"heic") + b"avif")
    assert is_heif(b"\x00\x00\x00\x08ftypmif1\x00\x00\x00\x00avif")


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\x0a\xfa\x1f",
        b"\x00\x00\x00\x0cJXL \r\n\x87\n",
        b"8BPS\x00\x02",
        b"gimp xcf file",
        b"v/1\x01\x02\x00\x00\x00",
        b"#?RADIANCE\n",
        b"P6\n# made by hand\n3 2\n255\n",
        b"P7\nWIDTH 3\n",
        b"Pf\n3 2\n-1.0\n",
        b"\xff\xd8\xff\xf7",
    ],
)
def test_signatures_of_undecoded_images(head: bytes) -> None:
    assert kind_by_magic(head) is UNDECODABLE


@pytest.mark.parametrize(
    "head",
    [
        b"II*\x00\x10\x00\x00\x00CR\x02\x00",
        ftyp(b"crx ", b"isom"),
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\x00",
        b"IIU\x00\x18\x00",
    ],
)
def test_signatures_of_raw(head: bytes) -> None:
    assert is_raw_head(head) and kind_by_magic(head) is IMAGE
    assert classify("a.jpg", head) is IMAGE
    assert not is_raw_head(TIFF_HEAD)


@pytest.mark.parametrize(
    "head",
    [
        zipped(),
        tarred(),
        gzip.compress(b"a", mtime=0),
        bz2.compress(b"a"),
        bz2.compress(b""),
        lzma.compress(b"a"),
        b"7z\xbc\xaf'\x1c\x00\x04",
        b"Rar!\x1a\x07\x01\x00",
        b"(\xb5/\xfd\x04",
        b"%PDF-1.7\n",
        b"\x1aE\xdf\xa3\x01",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"FLV\x01\x05",
        b"0&\xb2u\x8ef\xcf\x11\xa6\xd9",
        b"\x00\x00\x01\xba\x44",
        (b"G" + bytes(187)) * 3,
        (bytes(4) + b"G" + bytes(187)) * 3,
        b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat",
        b"OggS\x00\x02" + bytes(22) + b"\x80theora",
    ],
)
def test_video_documents_and_archives_are_other_media_even_if_called_jpg(head: bytes) -> None:
    assert kind_by_magic(head) is OTHER
    assert classify("holiday.jpg", head) is OTHER


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"B",
        b"BM",
        b"BMW is a maker of cars",
        b"The wide road, with free parking",
        b"P1 is the first of all",
        b"P6 and so on, 12",
        b"Plain text",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"OggS\x00\x02" + bytes(22) + b"\x01vorbis",
        b"ID3\x04",
        b"\x7fELF\x02",
        b"\x00\x01\x00\x00\x00\x0f",  # a TrueType font
        b"\x00\x00\x01\x00" + bytes(30),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xfea\x00",
    ],
)
def test_other_bytes_are_not_taken_for_media(head: bytes) -> None:
    assert kind_by_magic(head) is UNKNOWN


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", IMAGE),
        ("a.JPEG", IMAGE),
        ("folder.d/b.Png", IMAGE),
        (".jpg", IMAGE),
        ("two.dots.webp", IMAGE),
        ("=cmd.png", IMAGE),
        ("a.heic", IMAGE),
        ("a.NEF", IMAGE),
        ("a.psd", IMAGE),
        ("favicon.ico", UNDECODABLE),
        ("a.mp4", OTHER),
        ("a.pdf", OTHER),
        ("a.tar.gz", OTHER),
        ("drawing.svg", OTHER),
        ("notes.txt", UNKNOWN),
        ("module.ts", UNKNOWN),
        ("song.mp3", UNKNOWN),
        ("report.docx", UNKNOWN),
        ("jpg", UNKNOWN),
        ("photo.jpg/readme", UNKNOWN),
        ("photo.", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_kind_by_suffix(name: str, kind: MediaKind) -> None:
    assert kind_by_suffix(name) is kind


@pytest.mark.parametrize("suffix", ["nef", "DNG", "cr2", "arw"])
def test_a_tiff_that_only_its_name_calls_raw_is_told_apart(suffix: str) -> None:
    for name in (f"a.{suffix}", "a.tif"):
        assert classify(name, TIFF_HEAD) is IMAGE
    assert may_be_a_thumbnail(f"a.{suffix}", TIFF_HEAD) and not may_be_a_thumbnail("a.tif", TIFF_HEAD)
    # Anything else that is called RAW is what it is.
    assert classify(f"a.{suffix}", made_by_pillow("JPEG")) is IMAGE
    assert not may_be_a_thumbnail(f"a.{suffix}", made_by_pillow("JPEG"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.zip", OTHER),
        ("a.cbz", OTHER),
        ("a", OTHER),
        ("a.odd", OTHER),
        ("a.png", OTHER),
        ("a.docx", UNKNOWN),
        ("a.XLSX", UNKNOWN),
        ("a.odt", UNKNOWN),
        ("a.epub", UNKNOWN),
        ("a.jar", UNKNOWN),
        ("a.whl", UNKNOWN),
        ("a.apk", UNKNOWN),
        ("a.kra", UNDECODABLE),
    ],
)
def test_a_zip_file_is_an_archive_unless_its_name_says_document(name: str, kind: MediaKind) -> None:
    assert classify(name, zipped()) is kind


def test_unrecognised_bytes_leave_it_to_the_suffix() -> None:
    assert classify("file.jpg", b"just text") is IMAGE
    assert classify("file.jxl", b"just text") is UNDECODABLE
    assert classify("file.mov", b"just text") is OTHER
    assert classify("file.txt", b"just text") is UNKNOWN
    assert classify("file.jpg", b"") is IMAGE


def test_suffix_is_that_of_the_last_part_in_lower_case() -> None:
    assert suffix_of("a.B/c.D.Ef") == "ef"
    assert suffix_of("a.b/c") == ""


@given(st.binary(max_size=HEAD_BYTES), st.text(max_size=8))
def test_any_bytes_and_name_have_a_kind(head: bytes, name: str) -> None:
    by_magic = kind_by_magic(head)
    if by_magic is IMAGE:
        assert classify(name, head) is IMAGE
    elif by_magic is UNKNOWN:
        assert classify(name, head) is kind_by_suffix(name)


def test_every_listed_suffix_is_known_by_its_name_in_any_case() -> None:
    for kind in (IMAGE, UNDECODABLE, OTHER):
        assert suffixes_of(kind)
        for suffix in suffixes_of(kind):
            assert kind_by_suffix(f"a.{suffix}") is kind_by_suffix(f"a.b.{suffix.upper()}") is kind
    assert suffixes_of(UNKNOWN) == frozenset()
