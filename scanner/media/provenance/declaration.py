"""From facts to the one word of the column ``declared``: a small closed table, each line with its source.

``docs/declared.md`` shows the same table to users. A fact that is not in it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scanner.results.declared import Declared

_G, _E, _C = Declared.GENERATED, Declared.EDITED, Declared.CAMERA

# IPTC Digital Source Type NewsCodes, https://cv.iptc.org/newscodes/digitalsourcetype/; the names without a word here
# (film, print, screen, drawings by people …) are neither. trainedAlgorithmicData is C2PA's own (C2PA 2.1, 18.15).
SOURCE_TYPES: Mapping[str, Declared] = {
    "trainedAlgorithmicMedia": _G,
    "trainedAlgorithmicData": _G,
    "algorithmicMedia": _G,
    "compositeSynthetic": _G,
    "compositeWithTrainedAlgorithmicMedia": _G,
    "humanEdits": _E,
    "minorHumanEdits": _E,
    "algorithmicallyEnhanced": _E,
    "compositeCapture": _E,
    "digitalCapture": _C,
    "computationalCapture": _C,
}

# The beginning of a program's name, in small letters, as it stands in EXIF's or PNG's Software, XMP's CreatorTool or a
# comment. The first two: lllyasviel/Fooocus, modules/meta_parser.py; NovelAI/novelai-image-metadata.
PROGRAMS: Mapping[str, Declared] = {
    "fooocus": _G,
    "novelai": _G,
    "acdsee": _E,
    "adobe lightroom": _E,
    "adobe photoshop": _E,
    "affinity photo": _E,
    "capture one": _E,
    "darktable": _E,
    "gimp": _E,
    "krita": _E,
    "luminar": _E,
    "paint.net": _E,
    "paintshop pro": _E,
    "picsart": _E,
    "pixelmator": _E,
    "rawtherapee": _E,
    "snapseed": _E,
}

# Actions that change what a picture shows: C2PA 2.1, actions. Sizes, formats and publishing are none.
EDITS = frozenset(
    {
        "c2pa.adjustedColor",
        "c2pa.color_adjustments",
        "c2pa.cropped",
        "c2pa.deleted",
        "c2pa.drawing",
        "c2pa.edited",
        "c2pa.enhanced",
        "c2pa.filtered",
        "c2pa.placed",
        "c2pa.removed",
    }
)


def declared(facts: Iterable[str]) -> Declared | None:
    """Of facts as :mod:`scanner.media.provenance` gives them; ``None`` where none of them is in the table.

    A manifest that is not intact may speak against its picture, never for it.
    """
    said = list(facts)
    words = {word for fact in said if (word := _word(fact)) is not None}
    if "c2pa=invalid" in said and words == {_C}:
        return None
    return next((word for word in Declared if word in words), None)


def _word(fact: str) -> Declared | None:
    key, _, value = fact.partition("=")
    match key:
        # Keywords and contents that only generators write: png.py, said.py.
        case "png_text" | "generator_text":
            return _G
        case "c2pa_action":
            return _E if value in EDITS else None
        case "source" | "c2pa_source":
            return _BY_SMALL_LETTERS.get(value.lower())
        case "software":
            return _program(value.lower())
        # Make, model and an exposure together: EXIF 3.0, tags 271, 272, 33434, 33437, 34855.
        case "camera":
            return _C
    return None


def _program(name: str) -> Declared | None:
    for beginning, word in PROGRAMS.items():
        if name.startswith(beginning) and not name[len(beginning) : len(beginning) + 1].isalpha():
            return word
    return None


_BY_SMALL_LETTERS = {name.lower(): word for name, word in SOURCE_TYPES.items()}
