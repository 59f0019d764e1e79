"""What a file says of its own origin, from files that programs really write and from bytes that nobody should."""

from __future__ import annotations

import re
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damaged_files import SIGNATURES
from hypothesis import given
from hypothesis import strategies as st
from origin_files import (
    SAYS,
    TELLING,
    XMP,
    Maker,
    bmff,
    box,
    exif,
    extended_xmp,
    gif_xmp,
    jumbf,
    png_text,
    saved,
    tiff,
    with_chunk,
    with_segment,
)
from PIL import PngImagePlugin

from scanner.media.provenance import MAX_LENGTH, origin
from scanner.media.provenance.bounds import Budget

REPORT = Path(__file__).parents[2] / "docs" / "report.md"
FILES = [
    pytest.param(fact, make, id=f"{fact}-{format}-{way}")
    for (fact, format), ways in TELLING.items()
    for way, make in ways.items()
]


def provenance(data: bytes) -> str | None:
    return origin(data).provenance


def documented() -> set[tuple[str, str]]:
    """Fact and format of each cell of the page's table that is not empty."""
    table = REPORT.read_text(encoding="utf-8").partition("\n| fact | JPEG |")[2].partition("\n\n")[0]
    head, _, *rows = ("| fact | JPEG |" + table).splitlines()
    formats = [cell.strip() for cell in head.strip("|").split("|")][1:]
    found = set()
    for row in rows:
        name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        (fact,) = re.findall(r"`(\w+)", name)
        found |= {(fact, format) for format, cell in zip(formats, cells, strict=True) if cell != "–"}
    return found


@pytest.mark.parametrize(("fact", "make"), FILES)
def test_each_fact_comes_from_each_format_that_has_a_way_to_say_it(fact: str, make: Maker) -> None:
    assert provenance(make()) == SAYS[fact]


def test_the_page_says_which_format_gives_which_fact() -> None:
    names = ("JPEG", "PNG", "WebP", "AVIF", "TIFF", "PSD")
    by_rule = {("camera", name) for name in names} | {("generator_text", name) for name in (*names, "GIF")}
    assert documented() == set(TELLING) | by_rule


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_plain_file_says_nothing(format: str) -> None:
    assert provenance(saved(format)) is None


def test_a_short_name_stands_in_the_entry_itself() -> None:
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        assert provenance(saved(format, exif=exif("Gi"))) == "software=Gi"


def test_facts_stand_in_the_files_order() -> None:
    data = with_segment(saved("JPEG", exif=exif("A"), xmp=XMP), 0xEB, jumbf())
    assert provenance(data) == "c2pa; software=A; source=trainedAlgorithmicMedia"


def test_the_texts_of_generators_are_named_and_not_quoted() -> None:
    info = PngImagePlugin.PngInfo()
    for name, text in {"parameters": "a secret prompt", "Software": "NovelAI", "Title": "x"}.items():
        info.add_text(name, text)
    info.add_text("workflow", "{}", zip=True)
    assert (
        provenance(saved("PNG", pnginfo=info)) == "png_text=parameters; software=NovelAI; png_text=workflow"
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("Größe 2".encode(), "Größe 2"),
        ("Größe 2".encode("latin-1"), "Größe 2"),
        (("é" * 300).encode(), "é" * 79 + "…"),
        (("x" + "é" * 300).encode(), "x" + "é" * 78 + "…"),
        (b"x" * 80, "x" * 80),
    ],
)
def test_a_name_in_either_encoding_and_a_long_one_with_the_mark_that_it_is_cut(raw: bytes, said: str) -> None:
    assert provenance(tiff("<", [{305: (2, raw + b"\0")}])) == f"software={said}"


@pytest.mark.parametrize(
    "text", ["", " ", "a holiday", "Created by Jane Doe", "made with love", "Created with "]
)
def test_a_comment_that_names_no_program_says_nothing(text: str) -> None:
    assert provenance(saved("GIF", comment=text.encode())) is None
    assert provenance(saved("JPEG", comment=text.encode())) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_xmp_in_every_encoding_of_unicode(encoding: str) -> None:
    assert provenance(tiff(">", [{700: (1, XMP.decode().encode(encoding))}])) == SAYS["source"]


def test_a_source_type_of_any_length_is_whole_or_not_said() -> None:
    named = XMP.replace(b"trainedAlgorithmicMedia", b"x" * 61)
    assert provenance(saved("JPEG", xmp=named)) is None


def test_where_not_all_facts_fit_the_rest_is_marked_and_none_is_cut() -> None:
    jpeg = saved("JPEG", xmp=XMP)
    for number in range(5):
        jpeg = with_segment(jpeg, 0xFE, b"Created with " + str(number).encode() * 70)
    found = provenance(with_segment(jpeg, 0xEB, jumbf()))
    assert found is not None and len(found) <= MAX_LENGTH
    first, *names, source, rest = found.split("; ")
    assert (first, source, rest) == ("c2pa", "source=trainedAlgorithmicMedia", "…")
    assert names == [f"software={str(number) * 70}" for number in (4, 3, 2)]


def test_other_parts_of_the_same_kind_are_not_taken_for_it() -> None:
    assert provenance(with_segment(saved("JPEG"), 0xEB, b"JP\x00\x01 something else")) is None
    assert provenance(saved("AVIF") + box(b"uuid", bytes(16) + XMP)) is None
    assert provenance(bmff(XMP, b"mime", protected=1)) is None
    assert provenance(bmff(XMP, b"mime", encoding=b"br")) is None
    assert provenance(with_segment(saved("JPEG"), 0xE1, tiff("<", [{52545: (7, bytes(9))}]))) is None


def test_what_stands_behind_the_picture_is_not_looked_at() -> None:
    assert provenance(saved("JPEG") + with_segment(saved("JPEG"), 0xEB, jumbf())[2:]) is None


@pytest.mark.parametrize("text", ["=cmd()\n\x1b[31m; c2pa\x00rest", "\u202ereversed", "ä" * 500])
def test_a_text_cannot_pass_for_another_fact_or_steer_a_terminal(text: str) -> None:
    found = provenance(saved("JPEG", exif=exif(text)))
    assert found is not None and found.startswith("software=") and found.isprintable()
    assert "; " not in found and len(found) <= MAX_LENGTH


# Damage and size


@pytest.mark.parametrize(("fact", "make"), FILES)
def test_a_file_that_is_cut_off_says_a_whole_fact_or_nothing(fact: str, make: Maker) -> None:
    data = make()
    said = [provenance(data[:size]) for size in range(len(data) + 1)]
    assert said == sorted(said, key=lambda one: one is not None), "what was said stays"
    assert set(said) == {None, SAYS[fact]}


def test_damage_in_one_part_hides_no_fact_in_another() -> None:
    broken = png_text("zTXt", "XML:com.adobe.xmp", XMP).replace(b"x\x9c", b"x\x00")
    assert provenance(broken) is None
    assert provenance(with_chunk(broken, b"caBX", bytes(9))) == "c2pa"
    behind = png_text("tEXt", "Software", b"x")[33:]
    assert provenance(broken[:-12] + behind) == "software=x"
    jpeg = with_segment(saved("JPEG", xmp=XMP), 0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert provenance(jpeg) == SAYS["source"]


@given(st.sampled_from([param.values[1] for param in FILES]), st.data())
def test_damaged_containers_say_something_short_or_nothing(make: Maker, data: st.DataObject) -> None:
    raw = bytearray(make())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=12)):
        raw[place] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]) | st.integers(0, 255))
    found = provenance(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert found is None or (len(found) <= MAX_LENGTH and found.isprintable())


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_any_bytes_after_a_signature_end(signature: bytes, rest: bytes) -> None:
    found = provenance(signature + rest)
    assert found is None or found.isprintable()


def test_directories_in_a_circle_end() -> None:
    page = tiff("<", [{305: (2, b"Gi")}])
    circle = page[:-4] + page[4:8]
    assert provenance(circle) == "software=Gi"


def peak(data: bytes) -> tuple[str | None, int]:
    tracemalloc.start()
    try:
        return provenance(data), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """128 MiB of a text, packed."""
    engine, piece = zlib.compressobj(1), bytes(2**20)
    return b"".join([*(engine.compress(piece) for _ in range(128)), engine.flush()])


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "AVIF"])
def test_a_packed_text_is_unpacked_no_further_than_the_limit(kind: str, bomb: bytes) -> None:
    if kind == "AVIF":
        data = bmff(bomb, b"mime", encoding=b"deflate")
    else:
        start = b"XML:com.adobe.xmp\0" + (b"\0" if kind == "zTXt" else b"\1\0\0\0")
        data = saved("PNG")
        for _ in range(10):
            data = with_chunk(data, kind.encode(), start + bomb)
    found, memory = peak(data)
    assert found is None
    assert memory < 5 * Budget.MAX_BYTES + len(data)  # of 8 for one that is unpacked to its end


def test_the_limit_is_for_all_the_texts_of_a_file_together(bomb: bytes) -> None:
    budget = Budget()
    sizes = [len(budget.inflate(memoryview(bomb), most=10 * 2**20)) for _ in range(3)]
    assert sizes == [10 * 2**20, 6 * 2**20, 0]


def test_a_giant_packet_is_read_as_far_as_the_limit_and_not_copied() -> None:
    size = Budget.MAX_BYTES
    for filler, said in ((b" " * (size - len(XMP)), SAYS["source"]), (b" " * size, None)):
        found, memory = peak(tiff("<", [{700: (1, filler + XMP)}]))
        assert found == said
        assert memory < 2**20


def test_a_long_packet_is_found_in_full() -> None:
    packet = b" " * 150_000 + XMP
    assert provenance(extended_xmp(packet, 65_000)) == SAYS["source"]
    for kind in ("zTXt", "iTXt", "iTXt+"):
        assert provenance(png_text(kind, "XML:com.adobe.xmp", packet)) == SAYS["source"]
    assert provenance(gif_xmp(packet)) == SAYS["source"]


def test_a_packet_with_a_hole_is_not_read_across_it() -> None:
    cut = XMP.index(b"AlgorithmicMedia")
    packet = XMP[:cut] + b"x" * cut + XMP[cut:]
    data = bytearray(extended_xmp(packet, cut))
    hole = data.index(b"x" * cut) - 40 - len(b"http://ns.adobe.com/xmp/extension/\0") - 4
    data[hole + 1] = 0xE2  # another kind of segment
    assert provenance(bytes(data)) is None


def test_the_steps_of_a_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "MAX_STEPS", 40)
    text = png_text("tEXt", "Software", b"x")
    assert provenance(text) == "software=x"
    for number, data in enumerate(
        (
            saved("PNG")[:33] + 50 * bytes(12) + text[33:],
            saved("JPEG")[:2] + 50 * b"\xff\xfe\0\2" + saved("JPEG", exif=exif("x"))[2:],
            saved("AVIF") + 50 * box(b"free", b"") + box(b"uuid", bytes(16)),
            tiff("<", [dict.fromkeys(range(256, 306), (3, b"\0\0")) | {305: (2, b"x")}]),
        )
    ):
        assert provenance(data) is None, number


def test_it_reaches_the_report_and_never_the_score(
    tmp_path: Path, scan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(saved("PNG"))
    Path("b.png").write_bytes(with_chunk(saved("PNG"), b"tEXt", b"parameters\0cat"))
    a, b = scan("a.png", "b.png", "--out", "-").rows
    assert (a["provenance"], b["provenance"]) == ("", "png_text=parameters")
    assert a["prob_fake"] == b["prob_fake"]
