from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from scanner.sandbox.read_ahead import ReadAhead


def wait(source: ReadAhead[int]) -> None:
    assert select.select([source.wake], [], [], 5)[0], "nothing came"


def everything(source: ReadAhead[int], most: int = 3) -> Iterator[int]:
    while not source.ended:
        if not (taken := source.take(most)):
            wait(source)
        yield from taken


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_all_items_come_in_order(limit: int) -> None:
    source = ReadAhead(range(200), limit)
    assert list(everything(source)) == list(range(200))
    source.close()


def test_nothing_comes_of_nothing() -> None:
    source: ReadAhead[int] = ReadAhead([], 5)
    wait(source)
    assert source.take(3) == [] and source.ended
    source.close()


def test_it_reads_only_so_far_ahead() -> None:
    read: list[int] = []
    source = ReadAhead((read.append(number) or number for number in count()), 10)  # type: ignore[func-returns-value]
    assert list(islice(everything(source), 25)) == list(range(25))
    time.sleep(0.05)
    assert len(read) <= 25 + 3 + 10 + 1
    source.close()
    assert "walk" not in [thread.name for thread in threading.enumerate()]


def test_what_is_there_comes_while_the_rest_is_waited_for() -> None:
    gate = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        yield 2
        gate.wait()
        yield 3

    source = ReadAhead(slow(), 10)
    found: list[int] = []
    while len(found) < 2:
        found += source.take(5)
    assert found == [1, 2] and source.take(5) == [] and not source.ended
    gate.set()
    assert list(everything(source)) == [3]
    source.close()


def test_an_error_comes_after_what_was_read_before_it() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("the list is broken")

    source = ReadAhead(fails(), 10)
    found = []
    with pytest.raises(ValueError, match="the list is broken"):
        for number in everything(source, most=1):
            found.append(number)
    assert found == [1]
    source.close()


def test_it_wakes_once_for_all_that_has_come() -> None:
    source = ReadAhead(range(100), 50)
    wait(source)
    while len(source._ready) < 50:
        time.sleep(0.001)
    assert len(os.read(source.wake, 4096)) == 1
    source.close()
