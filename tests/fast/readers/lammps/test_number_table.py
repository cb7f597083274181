"""Words to numbers: every digit as Python reads it, whatever was written with whatever format."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molgun_lmp.readers.lammps.number_table import DamagedTableError, Table

FORMATS = ("%.9g", "%.15g", "%.17g", "%g", "%f", "%.3f", "%.10f", "%.12f", "%e", "%.0f", "%r")


def table(words: list[str], columns: int = 1) -> Table:
    lines = [" ".join(words[start : start + columns]) for start in range(0, len(words), columns)]
    return Table.of([("\n".join(lines) + "\n").encode()], rows=len(lines), columns=columns)


def bits(number: float) -> bytes:
    return b"nan" if math.isnan(number) else struct.pack("d", number)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.floats(width=64, allow_subnormal=False), st.sampled_from(FORMATS), st.integers(-12, 9)),
        min_size=1,
        max_size=40,
    )
)
def test_numbers_are_those_of_python_bit_for_bit(drawn: list[tuple[float, str, int]]) -> None:
    words = [form % number for number, form, _ in drawn]
    words += [form % ((number % 1.0 if math.isfinite(number) else 0.5) * 10.0**power) for number, form, power in drawn]
    found = table(words).numbers([0])[:, 0]
    assert [bits(number) for number in found.tolist()] == [bits(float(word)) for word in words]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=30))
def test_whole_numbers(numbers: list[int]) -> None:
    assert table([str(number) for number in numbers]).integers([0])[:, 0].tolist() == numbers


@pytest.mark.parametrize("word", ["1.2.3", "--1", "1-2", "abc", "1_0", ".", "-", "0x10", "1e", "5,0", "\u0661"])
def test_words_that_are_no_numbers(word: str) -> None:
    with pytest.raises(DamagedTableError):
        table(["1.5", word, "2.5"]).numbers([0])
    with pytest.raises(DamagedTableError):
        table(["1", word, "2"]).integers([0])


def test_columns_by_place_and_elements() -> None:
    made = table(["1", "Si", "0.5", "2", "H", "-.25", "3", "Xx", "5."], columns=3)
    assert made.numbers([2, 0]).tolist() == [[0.5, 1.0], [-0.25, 2.0], [5.0, 3.0]]
    assert made.elements(1).tolist() == [14, 1, 0]
    assert made.word(2, 1) == "Xx"


@pytest.mark.parametrize("text", [b"1 2\n3 4 5\n6\n", b"1 2 3 4\n\n5 6\n", b"1 2\n3 4\n", b"1 2 3\n4 5 6\n"])
def test_words_on_the_wrong_line(text: bytes) -> None:
    with pytest.raises(DamagedTableError):
        Table.of([text], rows=3, columns=2)


def test_tabs_carriage_returns_and_pieces() -> None:
    made = Table.of([b"1\t2 \r\n", b"  3   4\r\n"], rows=2, columns=2)
    assert np.array_equal(made.integers([0, 1]), [[1, 2], [3, 4]])
