"""HEIC pictures, which no library of ours writes: made once from our own pictures with ``heif-enc`` of libheif 1.15.1
(x265, ``-q 80``): 48 × 32 pixels in four quarters: red, green, blue, white. The second holds EXIF with orientation 6,
taken from a JPEG, and is stored upright all the same, as phones write it.
"""

from __future__ import annotations

import base64
import struct

QUARTERS = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
    AA5waXRtAAAAAAACAAAAEGlkYXQAAAAAADAAIAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHRAAEAAAAAAAABBQACAAEAAAAAAAAA
    AQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAA
    ALZpcGNvAAAAdmh2Y0MBA3AAAAAAAAAAAAAe8AD8/fj4AAAPAyAAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQED
    cAAAAwCQAAADAAADAB6gIIEFlurkprm4EBAwIAAAAwAgAAADACEiAAEABkQBwXPAiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlz
    cGUAAAAAAAAAMAAAACAAAAAQcGl4aQAAAAADCAgIAAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAAAAAAAAAOZGlt
    ZwACAAEAAQAAAQ1tZGF0AAABASgBrwT47Frp+t/7Q///+tEey/bnblHieP7cuv/7j+JK01nEWnDmLKhgj+Um6N90E1/+G3BaMZP6
    4Tf/kpXjr82no/OCue9JP9/8rfukCKSEyY6Ds4gIGUQSGCb2gfmNaPqdw6gSgnlZyNc38Gc/keH4P+JtjtClAT4+5bqwEWrhK886
    K/ESyAACwTQaJmkPUqdSiEmhXuyHeKw/U1UImLKS4ozrNMnQAAplsPW8TDSVLLQ5iW+DJIAAeSZ9RZ01LQz9xLSwulH3F/f621tf
    yqpU7w9Xe58P/yVXq+5Hb9vkziF9kFKIyYGEnqH55wbEB8o9cgf4y9i+N4mgT9lt6Fsw
    """
)
WITH_EXIF = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAeFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
    AA5waXRtAAAAAAACAAAAEGlkYXQAAAAAADAAIAAAAExpbG9jAQAAAERAAAMAAQAAAAAAAAIFAAEAAAAAAAABBQACAAEAAAAAAAAA
    AQAAAAAAAAAIAAMAAAAAAAADCgABAAAAAAAAAB4AAABNaWluZgAAAAAAAwAAABVpbmZlAgAAAQABAABodmMxAAAAABVpbmZlAgAA
    AAACAABncmlkAAAAABVpbmZlAgAAAQADAABFeGlmAAAAANVpcHJwAAAAs2lwY28AAABzaHZjQwEDcAAAAAAAAAAAAB7wAPz9+PgA
    AA8DIAABABhAAQwB//8DcAAAAwCQAAADAAADAB66AkAhAAEAJ0IBAQNwAAADAJAAAAMAAAMAHqAggQWW6uSmubAgAAADACAAAAMA
    ISIAAQAGRAHBc8CJAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAUaXNwZQAAAAAAAAAwAAAAIAAAABBwaXhpAAAAAAMICAgAAAAaaXBt
    YQAAAAAAAAACAAECgQIAAgIDhAAAAChpcmVmAAAAAAAAAA5kaW1nAAIAAQABAAAADmNkc2MAAwABAAIAAAErbWRhdAAAAQEoAa8E
    +Oxa6frf+0P///rRHsv2525R4nj+3Lr/+4/iStNZxFpw5iyoYI/lJujfdBNf/htwWjGT+uE3/5KV46/Np6PzgrnvST/f/K37pAik
    hMmOg7OICBlEEhgm9oH5jWj6ncOoEoJ5WcjXN/BnP5Hh+D/ibY7QpQE+PuW6sBFq4SvPOivxEsgAAsE0GiZpD1KnUohJoV7sh3is
    P1NVCJiykuKM6zTJ0AAKZbD1vEw0lSy0OYlvgySAAHkmfUWdNS0M/cS0sLpR9xf3+ttbX8qqVO8PV3ufD/8lV6vuR2/b5M4hfZBS
    iMmBhJ6h+ecGxAfKPXIH+MvYvjeJoE/ZbehbMAAAAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA==
    """
)
_ADDED = 10


def placed_in_file(data: bytes) -> bytes:
    """Of :data:`QUARTERS`, the same picture with both items behind ``mdat``, named by their places in the file alone:
    the library that signs pictures moves no others rightly."""
    meta, iloc, idat, mdat = (data.index(name) - 4 for name in (b"meta", b"iloc", b"idat", b"mdat"))
    size, length = (int.from_bytes(data[place : place + 4], "big") for place in (iloc, mdat))
    items = ((1, mdat + 8, length - 8), (2, mdat + length, 8))
    box = struct.pack(">I4s4xHH", 16 + 14 * len(items), b"iloc", 0x4400, len(items))
    less = size - len(box) - 14 * len(items)
    box += b"".join(struct.pack(">HHHII", number, 0, 1, at - less, long) for number, at, long in items)
    out = bytearray(data[:iloc] + box + data[iloc + size :] + data[idat + 8 : idat + 16])
    struct.pack_into(">I", out, meta, int.from_bytes(data[meta : meta + 4], "big") - less)
    struct.pack_into(">I", out, mdat - less, length + 8)
    return bytes(out)


def turned(data: bytes, quarters: int) -> bytes:
    """Of one of the two, with the property ``irot``: so many quarters of a turn, anticlockwise."""
    out = bytearray(data)
    associations = out.index(b"ipma") - 4
    # The last item of the box is the picture: one more property of it, the fifth, and essential.
    end = associations + int.from_bytes(out[associations : associations + 4], "big")
    assert out[end - 3] == 2
    out[end - 3] = 3
    out[end:end] = b"\x85"
    properties = out.index(b"ipco") - 4
    size = int.from_bytes(out[properties : properties + 4], "big")
    out[properties + size : properties + size] = struct.pack(">I4sB", 9, b"irot", quarters)
    for name, added in ((b"meta", _ADDED), (b"iprp", _ADDED), (b"ipco", 9), (b"ipma", 1)):
        place = out.index(name) - 4
        struct.pack_into(">I", out, place, int.from_bytes(out[place : place + 4], "big") + added)
    _move_items(out)
    return bytes(out)


def _move_items(out: bytearray) -> None:
    """Of version 1 with offsets of four bytes, as ``heif-enc`` writes it."""
    place = out.index(b"iloc") + 4
    count = int.from_bytes(out[place + 6 : place + 8], "big")
    for item in range(count):
        at = place + 8 + 20 * item
        if int.from_bytes(out[at + 2 : at + 4], "big") == 0:  # in the file, not beside the list
            base = int.from_bytes(out[at + 6 : at + 10], "big")
            struct.pack_into(">I", out, at + 6, base + _ADDED)
