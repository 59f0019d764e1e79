"""Archives and documents of the tests' own, by the libraries' writers and by hand."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

Named = Iterable[tuple[str, bytes]]
LONG_AGO = 1_000_000_000


def picture(value: int, format_: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """One grey, which the tests' model reads."""
    out = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(out, format_)
    return out.getvalue()


def zipped(files: Named, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", compression) as archive:
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Named, way: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{way}") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven_zipped(files: Named, password: str | None = None) -> bytes:
    import py7zr

    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, data in files:
            archive.writestr(data, name)
    return out.getvalue()


def overlapping_zip(entries: int, size: int) -> bytes:
    """Every entry of the directory is the same file, which would unpack to ``entries`` times ``size`` bytes."""
    data = bytearray(zipped([("a.png", bytes(size))]))
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    record = bytes(data[directory:end])
    records = b"".join(record[:46] + f"{number:05}"[:5].encode() + record[51:] for number in range(entries))
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, entries, entries, len(records), directory)
    return bytes(data[:directory]) + records + bytes(tail)


def pdf(pictures: Sequence[tuple[str, bytes, int, int]], objects: Sequence[bytes] = ()) -> bytes:
    """A page for each picture: its filter, its stream, width and height; RGB of 8 bits, or CMYK for ``CMYK``."""
    bodies: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for filter_, stream, width, height in pictures:
        space = "DeviceCMYK" if filter_ == "CMYK" else "DeviceRGB"
        name = "DCTDecode" if filter_ == "CMYK" else filter_
        first = len(bodies) + 1
        kids.append(f"{first + 2} 0 R")
        head = (
            f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /{space} "
            f"/BitsPerComponent 8 /Filter /{name} /Length {len(stream)} >>"
        )
        bodies.append(head.encode() + b"\nstream\n" + stream + b"\nendstream")
        draw = f"q {width} 0 0 {height} 0 0 cm /I Do Q".encode()
        bodies.append(f"<< /Length {len(draw)} >>".encode() + b"\nstream\n" + draw + b"\nendstream")
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {first + 1} 0 R "
            f"/Resources << /XObject << /I {first} 0 R >> >> >>".encode()
        )
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate([*bodies, *objects], start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)


def flate(data: bytes) -> bytes:
    return zlib.compress(data)


def put(path: Path, data: bytes) -> Path:
    """A file that was written long ago: it may be known by what the file system says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path
