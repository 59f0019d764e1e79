"""The file-name law: valid text, no formula, and the way back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.results import names
from scanner.results.names import decode_path, encode_path

# Weighted towards the bytes that the law treats in a special way.
_hot = st.sampled_from(b"\\x=+-@\t\r\n./ 8f\x80\xc3\xa9\xe2\xed\xa0\xf0\xff")
raw_paths = st.lists(_hot | st.integers(1, 255), min_size=1, max_size=12).map(bytes)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a/b.jpg", "a/b.jpg"),
        (b"/abs/=x.png", "/abs/=x.png"),
        (b"back\\slash.png", "back\\\\slash.png"),
        (b"caf\xc3\xa9.png", "café.png"),
        (b"caf\xe9.png", "caf\\xe9.png"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"cut\xe2\x82", "cut\\xe2\\x82"),
        (b"two\nlines.jpg", "two\nlines.jpg"),
        (b"=cmd.png", "./=cmd.png"),
        (b"+1.png", "./+1.png"),
        (b"-1.png", "./-1.png"),
        (b"@a.png", "./@a.png"),
        (b"\ta.png", "./\ta.png"),
        (b"\ra.png", "./\ra.png"),
        (b"\na.png", "./\na.png"),
        (b"a/=cmd.png", "a/=cmd.png"),
        (b"./=cmd.png", "./=cmd.png"),
        (b"", ""),
    ],
)
def test_the_law_by_example(raw: bytes, text: str) -> None:
    assert encode_path(os.fsdecode(raw)) == text


@given(raw_paths)
def test_any_name_comes_back_up_to_a_leading_dot(raw: bytes) -> None:
    back = os.fsencode(decode_path(encode_path(os.fsdecode(raw))))
    assert back in (raw, b"./" + raw)


@given(raw_paths)
def test_the_text_is_valid_and_never_a_formula(raw: bytes) -> None:
    text = encode_path(os.fsdecode(raw))
    text.encode("utf-8")
    assert not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(raw_paths, raw_paths)
def test_two_paths_share_a_text_only_if_they_name_the_same_file(one: bytes, other: bytes) -> None:
    if encode_path(os.fsdecode(one)) == encode_path(os.fsdecode(other)):
        assert one.removeprefix(b"./") == other.removeprefix(b"./")


@pytest.mark.parametrize("raw", [b"=cmd.png", b"caf\xe9\\x41.png", b"two\nlines.jpg", b"-\xff", b"\\\\x80"])
def test_the_decoded_path_opens_the_file(raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(raw)
    Path(path).write_bytes(raw)
    assert Path(decode_path(encode_path(path))).read_bytes() == raw


@pytest.mark.parametrize(
    "text", ["\\", "a\\b", "\\x", "\\x8", "\\xFF", "\\xfg", "\\x41", "\\x00", "\\x2f", "\\\\\\", "\udc80"]
)
def test_what_no_report_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_path(text)


def test_the_other_separator_becomes_a_slash_and_is_no_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_SEPARATOR", "\\")
    assert encode_path("a\\b\\c.jpg") == "a/b/c.jpg"
    assert encode_path("=a\\b.jpg") == "./=a/b.jpg"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain/ünïcode 名.jpg", "plain/ünïcode 名.jpg"),
        ("\x1b[31mred.jpg", "\\x1b[31mred.jpg"),
        ("new\nline\ttab", "new\\nline\\ttab"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_names_cannot_steer_the_terminal(name: str, shown: str) -> None:
    assert names.printable(name) == shown
