"""Values of conditions: numbers in words, and the bonds of a molecule in words.

Each is a set of possible answers, so that two can be compared without any structure.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from ase.data import atomic_numbers
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

NAMED_NUMBERS: Final = {"max_fragments": "outcomes.max_fragments"}
"""Numbers that a condition may name in place of a figure -> the key of the campaign file that says them."""

_FORMS: Final = "2, at least 2, at most 2, more than 2, less than 2, 2 to 4, or none"
_COUNT: Final = re.compile(r"(?:(at least|at most|more than|less than)\s+)?(\S+?)(?:\s+to\s+(\S+))?")


@dataclasses.dataclass(frozen=True)
class Count:
    """The numbers from `low` to `high`, such as `at least 2`; an end that is open does not belong to them.

    An end may be the name of a number of the campaign file.
    """

    low: float | str = -math.inf
    high: float | str = math.inf
    open_low: bool = False
    open_high: bool = False

    @classmethod
    def parse(cls, value: object) -> "Count":
        """From a number or from words. Raises `ValueError`: which forms there are."""
        if isinstance(value, Count):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return cls(low=value, high=value)
        text = " ".join(str(value).split())
        found = _COUNT.fullmatch("0" if text == "none" else text)
        if found is None or isinstance(value, bool) or (found[1] and found[3]):
            raise ValueError(f"{value!r} is no number: write {_FORMS}")
        first, second = _number(found[2], value), None if found[3] is None else _number(found[3], value)
        if second is not None:
            if isinstance(first, float) and isinstance(second, float) and first > second:
                raise ValueError(f"{value!r}: the first number is larger than the second")
            return cls(low=first, high=second)
        return {
            "at least": cls(low=first),
            "more than": cls(low=first, open_low=True),
            "at most": cls(high=first),
            "less than": cls(high=first, open_high=True),
        }.get(found[1] or "", cls(low=first, high=first))

    def holds(self, number: float, named: Mapping[str, float]) -> bool:
        """Whether a number is one of these, `named` telling the numbers that are named."""
        low, high = (end if isinstance(end, int | float) else named[end] for end in (self.low, self.high))
        return (number > low if self.open_low else number >= low) and (
            number < high if self.open_high else number <= high
        )

    def in_words(self, named: Mapping[str, float] | None = None) -> str:
        """As a file says it, `named` numbers as figures where they are given."""
        low, high = (_text(end, named) for end in (self.low, self.high))
        if self.low == self.high:
            return "none" if self.low == 0 else low
        if self.high == math.inf:
            return f"{'more than' if self.open_low else 'at least'} {low}"
        if self.low == -math.inf:
            return f"{'less than' if self.open_high else 'at most'} {high}"
        return f"{low} to {high}"

    def contains(self, other: "Count") -> bool:
        """Whether all of the other's numbers are among these, as far as can be told without the campaign."""
        if self == other:
            return True
        low = self.low == other.low or (_figures(self.low, other.low) and self.low <= other.low)  # type: ignore[operator]
        high = self.high == other.high or (_figures(self.high, other.high) and self.high >= other.high)  # type: ignore[operator]
        return (low and not (self.low == other.low and self.open_low and not other.open_low)) and (
            high and not (self.high == other.high and self.open_high and not other.open_high)
        )

    def excludes(self, other: "Count") -> bool:
        """Whether no number is among both."""
        return _below(self, other) or _below(other, self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda count: count.in_words())
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        return {"type": "string"}


def _number(text: str, value: object) -> float | str:
    if text in NAMED_NUMBERS:
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no number: write {_FORMS}; numbers with a name: {', '.join(NAMED_NUMBERS)}")
    return number


def _text(end: float | str, named: Mapping[str, float] | None) -> str:
    if isinstance(end, str):
        return end if named is None else f"{named[end]:g}"
    return f"{end:g}"


def _figures(one: float | str, other: float | str) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float)


def _below(one: Count, other: Count) -> bool:
    if not (isinstance(one.high, int | float) and isinstance(other.low, int | float)):
        return False
    return one.high < other.low or (one.high == other.low and (one.open_high or other.open_low))


class BondWord(str):
    """Which bonds of the molecule: `any`, `none`, `skeleton` (between two atoms that are not hydrogen), two elements
    such as `C-H`, or `group NAME` (between the two atoms of a named group)."""

    @classmethod
    def parse(cls, value: object) -> "BondWord":
        """From a file. Raises `ValueError`: which words there are."""
        text = " ".join(str(value).split())
        pair = text.split("-")
        if text in {"any", "none", "skeleton"} or re.fullmatch(r"group \S+", text):
            return cls(text)
        if len(pair) == 2 and all(atomic_numbers.get(element, 0) > 0 for element in pair):
            return cls("-".join(sorted(pair)))
        raise ValueError(
            f"{value!r} names no bonds: write any, none, skeleton, two elements such as C-H, or group NAME"
        )

    def contains(self, other: "BondWord") -> bool:
        """Whether every bond that the other word names is one of these."""
        if self == other:
            return True
        if self == "any":
            return other != "none"
        return self == "skeleton" and "-" in other and "H" not in other.split("-")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str.__str__)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        return {"type": "string"}
