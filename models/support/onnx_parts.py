"""Outputs taken out of an exported file without the package onnx, which takes longer to load than the file.

An ONNX file is a protobuf message; only its outermost fields are read here, everything else is passed on as it is.
Sources: onnx.proto of onnx 1.18 (field numbers); protobuf's description of its encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_GRAPH = 7
"""Of a ModelProto."""
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12
"""Of a GraphProto."""
_NODE_INPUT, _NODE_OUTPUT, _TENSOR_NAME, _VALUE_NAME, _VALUE_TYPE = 1, 2, 8, 1, 2
_TENSOR_TYPE, _ELEMENT_TYPE, _SHAPE, _DIM = 1, 1, 2, 1
_FLOAT = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Split(NamedTuple):
    """A file, and whether it has an output."""

    without: bytes
    """The file without it, and without what is computed for it alone."""
    is_map: bool
    """Whether it had it as ``float32[N, h, w]``, or with a shape that it does not tell."""


class _Field(NamedTuple):
    number: int
    value: memoryview
    """Of fields of bytes; empty elsewhere."""
    number_value: int
    whole: memoryview
    """With the field's head."""


def without_output(model: bytes, name: str) -> Split:
    """``name``'s output, and the nodes and constants called ``name`` or ``name.…`` that nothing else reads.

    What is no ONNX file comes back as it is: whoever loads it says so.
    """
    kept: list[bytes | memoryview] = []
    maps: list[bool] = []
    try:
        for field in _fields(memoryview(model)):
            if field.number != _GRAPH:
                kept.append(field.whole)
                continue
            parts = list(_fields(field.value))
            named = [part for part in parts if part.number == _OUTPUT and _name(part) == name.encode()]
            if not named:
                return Split(model, False)
            maps += [_is_map(part.value) for part in named]
            left = [part.whole for part in _without(parts, name.encode())]
            kept += [_head(_GRAPH, sum(map(len, left))), *left]
    except (ValueError, IndexError):
        return Split(model, False)
    return Split(b"".join(kept), any(maps)) if maps else Split(model, False)


def _without(parts: list[_Field], name: bytes) -> list[_Field]:
    """Of a GraphProto, whose nodes stand in the order in which they are computed."""

    def is_named(tensor: bytes) -> bool:
        return tensor == name or tensor.startswith(name + b".")

    read: set[bytes] = set()
    dropped: set[int] = set()
    for place, part in reversed(list(enumerate(parts))):
        # Of most nodes a look is enough, and it is a hundred times as fast.
        if part.number == _NODE and name in bytes(part.value):
            made = _texts(part.value, _NODE_OUTPUT)
            if made and read.isdisjoint(made) and all(map(is_named, made)):
                dropped.add(place)
            else:
                read.update(_texts(part.value, _NODE_INPUT))
    for place, part in enumerate(parts):
        if part.number == _INITIALIZER:
            tensor = bytes(_first(part.value, _TENSOR_NAME))
            if is_named(tensor) and tensor not in read:
                dropped.add(place)
        elif part.number == _OUTPUT and _name(part) == name:
            dropped.add(place)
    return [part for place, part in enumerate(parts) if place not in dropped]


def _name(output: _Field) -> bytes:
    return bytes(_first(output.value, _VALUE_NAME))


def _texts(message: memoryview, number: int) -> list[bytes]:
    return [bytes(field.value) for field in _fields(message) if field.number == number]


def _is_map(value: memoryview) -> bool:
    """Whether a ValueInfoProto is of floats in three dimensions, or does not tell how many."""
    tensor = _first(_first(value, _VALUE_TYPE), _TENSOR_TYPE)
    kind = [field.number_value for field in _fields(tensor) if field.number == _ELEMENT_TYPE]
    dims = [field for field in _fields(_first(tensor, _SHAPE)) if field.number == _DIM]
    return kind == [_FLOAT] and len(dims) in (0, 3)


def _first(message: memoryview, number: int) -> memoryview:
    return next((field.value for field in _fields(message) if field.number == number), memoryview(b""))


def _fields(message: memoryview) -> Iterator[_Field]:
    """Raises ``ValueError`` or ``IndexError`` for what is no protobuf message."""
    place = 0
    while place < len(message):
        start = place
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        value, numeric = memoryview(b""), 0
        if kind == _VARINT:
            numeric, place = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
            value, place = message[place : place + length], place + length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(kind)
        if place > len(message) or not number:
            raise ValueError(place)
        yield _Field(number, value, numeric, message[start:place])


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError(place)


def _head(number: int, length: int) -> bytes:
    """Of a field of bytes."""
    head, value = bytearray([number << 3 | _BYTES]), length
    while value >= 0x80:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    head.append(value)
    return bytes(head)
