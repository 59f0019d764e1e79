"""Which files hold others that may be looked into: archives, and documents with pictures. Standard library only."""

from __future__ import annotations

from enum import StrEnum

from models.filetypes import ZIP_DOCUMENT_SUFFIXES, ZIP_HEADS, suffix_of, words


class ContainerType(StrEnum):
    """As the report's column ``format`` says it."""

    ZIP = "ZIP"
    TAR = "TAR"
    """Also compressed."""
    SEVEN_ZIP = "7Z"
    OFFICE = "OFFICE"
    """A zip of a text, a table, slides or a book: OOXML, OpenDocument, EPUB."""
    PDF = "PDF"

    @property
    def is_document(self) -> bool:
        return self in (ContainerType.OFFICE, ContainerType.PDF)


OFFICE_SUFFIXES = words(
    """docm docx dotm dotx epub odg odp ods odt otp ots ott potm potx ppsm ppsx pptm pptx xlam xlsb xlsm xlsx xltm
    xltx"""
)
"""Other zips that are a document or a package by their name are not looked into."""
SEVEN_ZIP_HEAD = b"7z\xbc\xaf'\x1c"
COMPRESSED = {"gz": b"\x1f\x8b\x08", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zst": b"(\xb5/\xfd"}
"""First bytes by the way in which a tar may be compressed."""
_COMPRESSED_HEADS = tuple(COMPRESSED.values())


def container_type(name: str, head: bytes) -> ContainerType | None:
    """By the first bytes, and a zip by its name, too; ``None`` for what is not looked into."""
    if head.startswith(ZIP_HEADS):
        suffix = suffix_of(name)
        if suffix in OFFICE_SUFFIXES:
            return ContainerType.OFFICE
        return None if suffix in ZIP_DOCUMENT_SUFFIXES else ContainerType.ZIP
    if head.startswith(b"%PDF-"):
        return ContainerType.PDF
    if head.startswith(SEVEN_ZIP_HEAD):
        return ContainerType.SEVEN_ZIP
    if head[257:262] == b"ustar" or head.startswith(_COMPRESSED_HEADS):
        return ContainerType.TAR
    return None
