"""The column ``declared``: from facts in every format to one word, and nothing from what says nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metadata_files import A1111, COMFY, FORMATS, NOTHING, PHOTO, SAYS, SOFTWARE, Said, png_texts
from origin_files import saved, with_segment

from scanner.media.provenance import origin
from scanner.media.provenance.declaration import PROGRAMS, SOURCE_TYPES, declared
from scanner.results import Declared

PAGE = Path(__file__).parents[2] / "docs" / "declared.md"
FILES = [
    pytest.param(word, said, format, id=f"{word}-{name}-{format}")
    for word, ways in SAYS.items()
    for name, said in ways.items()
    for format in FORMATS
]
EMPTY = [
    pytest.param(said, format, id=f"{name}-{format}") for name, said in NOTHING.items() for format in FORMATS
]


@pytest.mark.parametrize(("word", "said", "format"), FILES)
def test_each_fact_in_each_format_gives_its_word(word: str, said: Said, format: str) -> None:
    found = origin(said.in_format(format))
    assert found.declared == word, found


@pytest.mark.parametrize(("said", "format"), EMPTY)
def test_what_says_nothing_of_the_making_leaves_the_column_empty(said: Said, format: str) -> None:
    assert origin(said.in_format(format)).declared is None


@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": A1111},
        {"prompt": COMFY, "workflow": "{}"},
        {"invokeai_metadata": "{}"},
        {"Software": "NovelAI", "Comment": "{}"},
    ],
)
def test_the_texts_of_generators_in_png(texts: dict[str, str]) -> None:
    assert origin(png_texts(**texts)()).declared is Declared.GENERATED


def test_the_texts_of_people_in_png() -> None:
    texts = {
        "Title": "prompt",
        "Description": "a workflow",
        "Author": "Novel AI Ltd",
        "Software": "Firefly TV",
    }
    assert origin(png_texts(**texts)()).declared is None


def test_comments_of_gif_and_jpeg() -> None:
    for format in ("GIF", "JPEG"):
        assert origin(saved(format, comment=A1111.encode())).declared is Declared.GENERATED
        assert origin(saved(format, comment=b"Created with GIMP")).declared is Declared.EDITED
        assert origin(saved(format, comment=b"20 steps to the beach")).declared is None
    assert origin(saved("GIF", comment=(300 * "long " + A1111).encode())).declared is Declared.GENERATED


def test_the_row_shows_what_the_word_follows_from() -> None:
    assert origin(PHOTO.in_format("JPEG")).provenance == "camera=Canon EOS R5"
    other = Said({**PHOTO.tags, 272: "PowerShot"}, PHOTO.inner)
    assert origin(other.in_format("WEBP")).provenance == "camera=Canon PowerShot"
    both = SAYS["generated"]["more than an editor"].in_format("JPEG")
    assert origin(both).provenance == "software=GIMP 2.10.36; generator_text=parameters"
    assert origin(SAYS["edited"]["Lightroom in XMP"].in_format("AVIF")).provenance == (
        "software=Adobe Lightroom 7.1 (iOS)"
    )


def test_a_word_counts_even_where_its_fact_has_no_room_in_the_row() -> None:
    jpeg = with_segment(saved("JPEG"), 0xFE, b"Created with NovelAI " + b"x" * 59)
    for number in range(9):
        jpeg = with_segment(jpeg, 0xFE, b"Created with " + str(number).encode() * 70)
    found = origin(jpeg)
    assert found.declared is Declared.GENERATED
    assert found.provenance is not None and "NovelAI" not in found.provenance


def test_the_graver_word_holds_in_whatever_order() -> None:
    facts = ["camera=X", "software=GIMP 2", "source=trainedAlgorithmicMedia"]
    assert [declared(facts[:count]) for count in range(4)] == [None, "camera", "edited", "generated"]
    assert declared(reversed(facts)) is Declared.GENERATED


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=60)


@settings(max_examples=500)
@given(format=st.sampled_from(FORMATS), title=WORDS, artist=WORDS, keywords=WORDS, comment=WORDS)
def test_500_pictures_with_harmless_metadata_declare_nothing(
    format: str, title: str, artist: str, keywords: str, comment: str
) -> None:
    """Words of any kind where people write them: caption, artist, copyright, comment, XMP's subject."""
    text = re.sub(r"[<>&\"']", "", keywords)
    said = Said(
        {270: title, 315: artist, 33432: f"(c) {artist}"},
        {37510: b"UNICODE\0" + comment.encode("utf-16-be", "replace")},
        f'dc:subject="{text}" photoshop:City="{text}"',
    )
    assert origin(said.in_format(format)).declared is None


def test_the_page_has_the_whole_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = {
        word: set(
            re.findall(r"`([^`]+)`", " ".join(re.findall(rf"^\| `{word}` \|(.+)\|$", page, re.MULTILINE)))
        )
        for word in Declared
    }
    for name, word in SOURCE_TYPES.items():
        assert name in rows[word], name
    for name, word in PROGRAMS.items():
        assert name in {one.lower() for one in rows[word]}, name


def test_programs_are_known_by_whole_words() -> None:
    for name, word in PROGRAMS.items():
        assert declared([f"software={name.title()} 3.1"]) is word
        assert declared([f"software={name}ish"]) is None
    assert origin(Said({SOFTWARE: "gimp"}).in_format("TIFF")).declared is Declared.EDITED
