"""What a file says of its own origin, from files that programs really write and from bytes that nobody should."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from scanner.decoding.provenance import MAX_LENGTH, provenance

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
)


def saved(format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 7), (10, 20, 30)).save(out, format, **options)
    return out.getvalue()


def exif(software: str) -> Image.Exif:
    made = Image.Exif()
    made[0x0110] = "Camera"
    made[0x0131] = software
    return made


def png_texts(**texts: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    return info


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_plain_file_says_nothing(format: str) -> None:
    assert provenance(saved(format)) is None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_software_tag_is_found_in_every_container(format: str) -> None:
    assert provenance(saved(format, exif=exif("Adobe Photoshop 25.0"))) == "software=Adobe Photoshop 25.0"
    assert provenance(saved(format, exif=exif("Gi"))) == "software=Gi"  # stands in the entry itself


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_digital_source_type_is_found(format: str) -> None:
    if format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        data = saved(format, pnginfo=info)
    else:
        data = saved(format, xmp=XMP)
    assert provenance(data) == "source=trainedAlgorithmicMedia"


def test_the_texts_of_generators_are_named_and_not_quoted() -> None:
    data = saved("PNG", pnginfo=png_texts(parameters="a secret prompt", Software="NovelAI", Title="x"))
    assert provenance(data) == "png_text=parameters; software=NovelAI"
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "{}", zip=True)
    assert provenance(saved("PNG", pnginfo=info)) == "png_text=workflow"


def test_a_c2pa_manifest_is_found_in_every_container() -> None:
    jumbf = b"JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x40jumb\x00\x00\x00\x20jumdc2pa" + bytes(40)
    assert provenance(with_segment(saved("JPEG"), 0xEB, jumbf)) == "c2pa"
    assert provenance(with_chunk(saved("PNG"), b"caBX", bytes(20))) == "c2pa"
    webp = saved("WEBP")
    assert provenance(webp + b"C2PA" + struct.pack("<I", 4) + bytes(4)) == "c2pa"
    box = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(9)
    avif = saved("AVIF")
    assert provenance(avif + struct.pack(">I", len(box) + 8) + b"uuid" + box) == "c2pa"


def test_other_segments_of_the_same_kind_are_not_taken_for_it() -> None:
    assert provenance(with_segment(saved("JPEG"), 0xEB, b"JP\x00\x01 something else")) is None


def test_what_stands_behind_the_picture_is_not_looked_at() -> None:
    hidden = with_segment(saved("JPEG"), 0xEB, b"c2pa")[2:]
    assert provenance(saved("JPEG") + hidden) is None


@pytest.mark.parametrize("text", ["=cmd()\n\x1b[31m; c2pa\x00rest", "\u202ereversed", "ä" * 500])
def test_a_text_cannot_pass_for_another_fact_or_steer_a_terminal(text: str) -> None:
    found = provenance(saved("JPEG", exif=exif(text)))
    assert found is not None and found.startswith("software=") and found.isprintable()
    assert "; " not in found and len(found) <= MAX_LENGTH


@given(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]), st.data())
def test_damaged_containers_say_something_short_or_nothing(format: str, data: st.DataObject) -> None:
    options = {} if format == "AVIF" else {"exif": exif("Program 1")}
    raw = bytearray(saved(format, **options))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=12)):
        raw[place] = data.draw(st.integers(0, 255))
    found = provenance(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert found is None or (len(found) <= MAX_LENGTH and found.isprintable())


SIGNATURES = (b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*", b"\0\0\0\x08ftyp")


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_any_bytes_after_a_signature_end(signature: bytes, rest: bytes) -> None:
    found = provenance(signature + rest)
    assert found is None or found.isprintable()


def test_it_reaches_the_report_and_never_the_score(
    tmp_path: Path, scan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(saved("PNG"))
    Path("b.png").write_bytes(saved("PNG", pnginfo=png_texts(parameters="cat")))
    a, b = scan("a.png", "b.png", "--out", "-").rows
    assert (a["provenance"], b["provenance"]) == ("", "png_text=parameters")
    assert a["prob_fake"] == b["prob_fake"]
