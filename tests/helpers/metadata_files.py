"""Pictures made by rule that say something of themselves: one saver for each format, one list of facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from origin_files import saved
from PIL import Image, PngImagePlugin, TiffImagePlugin
from psd_files import psd

DATE_TIME = 306
MAKE, MODEL, SOFTWARE, EXIF_PART, EXPOSURE_TIME, F_NUMBER, COMMENT = 271, 272, 305, 34665, 33434, 33437, 37510
XMP = 700
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
A1111 = "a portrait of nobody\nNegative prompt: hands\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
COMFY = '{"3": {"class_type": "KSampler", "inputs": {}}}'
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "PSD")


@dataclass(frozen=True)
class Said:
    """Metadata that every format can carry."""

    tags: dict[int, str] = field(default_factory=dict)
    """Of EXIF's first directory."""
    inner: dict[int, Any] = field(default_factory=dict)
    """Of its own."""
    xmp: str = ""

    def exif(self) -> Image.Exif:
        made = Image.Exif()
        made[DATE_TIME] = "2026:01:02 03:04:05"  # Pillow writes no first directory that is empty
        for tag, text in self.tags.items():
            made[tag] = text
        if self.inner:
            made.get_ifd(EXIF_PART).update(self.inner)
        return made

    def packet(self) -> bytes:
        return (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f"<rdf:Description {self.xmp}/></rdf:RDF></x:xmpmeta>"
        ).encode()

    def directory(self) -> TiffImagePlugin.ImageFileDirectory_v2:
        """As a TIFF holds it, whose first directory is the picture's own."""
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.update(self.tags)
        if self.inner:
            tags[EXIF_PART] = self.inner
        if self.xmp:
            tags.tagtype[XMP] = 1
            tags[XMP] = self.packet()
        return tags

    def in_format(self, format: str) -> bytes:
        """A picture of the format with this in it."""
        if format == "PSD":
            exif = {1058: self.exif().tobytes()[6:]} if self.tags or self.inner else {}
            return psd(resources={**exif, **({1060: self.packet()} if self.xmp else {})})
        options: dict[str, Any] = {}
        if self.tags or self.inner:
            options["exif"] = self.exif()
        if self.xmp and format == "PNG":
            info = PngImagePlugin.PngInfo()
            info.add_itxt("XML:com.adobe.xmp", self.packet().decode())
            options["pnginfo"] = info
        elif format == "TIFF":
            options = {"tiffinfo": self.directory()}
        elif self.xmp:
            options["xmp"] = self.packet()
        return saved(format, **options)


def source(name: str) -> Said:
    return Said(xmp=f'Iptc4xmpExt:DigitalSourceType="{SOURCE}{name}"')


def tool(name: str) -> Said:
    return Said(xmp=f'xmp:CreatorTool="{name}"')


def user_comment(text: str, encoding: str = "utf-16-be") -> Said:
    return Said(inner={COMMENT: b"UNICODE\0" + text.encode(encoding)})


def png_texts(**texts: str) -> Callable[[], bytes]:
    def make() -> bytes:
        info = PngImagePlugin.PngInfo()
        for name, text in texts.items():
            info.add_text(name, text)
        return saved("PNG", pnginfo=info)

    return make


PHOTO = Said({MAKE: "Canon", MODEL: "Canon EOS R5"}, {EXPOSURE_TIME: (1, 250), F_NUMBER: (4, 1)})

SAYS: dict[str, dict[str, Said]] = {
    "generated": {
        **{
            name: source(name)
            for name in (
                "trainedAlgorithmicMedia",
                "compositeWithTrainedAlgorithmicMedia",
                "compositeSynthetic",
                "algorithmicMedia",
                "trainedAlgorithmicData",
            )
        },
        "A1111 in UTF-16": user_comment(A1111),
        "A1111, the other order": user_comment(A1111, "utf-16-le"),
        "A1111 in ASCII": Said(inner={COMMENT: b"ASCII\0\0\0" + A1111.encode()}),
        "SwarmUI": user_comment('{"sui_image_params": {"prompt": "x"}}'),
        "ComfyUI's prompt in a comment": user_comment(COMFY),
        "ComfyUI's prompt for a model": Said({MODEL: "prompt:" + COMFY}),
        "ComfyUI's workflow for a maker": Said({MAKE: 'workflow:{"nodes": []}'}),
        "A1111 in XMP": Said(xmp=f"exif:UserComment={A1111!r}".replace("'", '"')),
        "Fooocus": Said({SOFTWARE: "Fooocus v2.5.5"}),
        "NovelAI": Said({SOFTWARE: "NovelAI"}),
        "more than a camera": Said(PHOTO.tags, PHOTO.inner, source("trainedAlgorithmicMedia").xmp),
        "more than an editor": Said({SOFTWARE: "GIMP 2.10.36"}, user_comment(A1111).inner),
    },
    "edited": {
        **{
            name: source(name)
            for name in ("humanEdits", "minorHumanEdits", "algorithmicallyEnhanced", "compositeCapture")
        },
        "Photoshop": Said({SOFTWARE: "Adobe Photoshop 25.0 (Windows)"}),
        "Lightroom in XMP": tool("Adobe Lightroom 7.1 (iOS)"),
        "GIMP": Said({SOFTWARE: "GIMP 2.10.36"}),
        "more than a camera": Said({**PHOTO.tags, SOFTWARE: "Snapseed 2.0"}, PHOTO.inner),
    },
    "camera": {
        "make, model, exposure": PHOTO,
        "digitalCapture": source("digitalCapture"),
        "computationalCapture": source("computationalCapture"),
    },
}
"""By the word, and in every format."""

NOTHING: dict[str, Said] = {
    "a scanner's make and model": Said({MAKE: "EPSON", MODEL: "Perfection V600"}),
    "an exposure without a device": Said(inner={EXPOSURE_TIME: (1, 250)}),
    "a camera's firmware": Said({SOFTWARE: "Ver.1.00"}),
    "another program": Said({SOFTWARE: "ImageMagick 7.1"}),
    "a program that begins alike": Said({SOFTWARE: "Gimpel Viewer"}),
    "a caption about generation": user_comment(
        "He took 20 Steps: then a Sampler of cake, generated laughter"
    ),
    "film": source("negativeFilm"),
    "a screen": source("screenCapture"),
    "a drawing": source("digitalCreation"),
    "an unknown source": source("somethingNew"),
    "a tool without a name": tool("17.4.1"),
}
"""Metadata that says nothing about the making."""
