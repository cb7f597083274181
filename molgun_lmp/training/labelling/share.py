"""The part of the structures that one of several `molgun label` labels in one folder, on one machine or many."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from molgun_lmp.errors import ConfigError

T = TypeVar("T")
_FORM: Final = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True, kw_only=True)
class Share:
    """Every `of`-th structure from structure `number` on, both counted from 0."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The share that `3/16` is. Raises `ConfigError` for what is none."""
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            raise ConfigError(f"share {text!r}: give NUMBER/SHARES, counted from 0, such as 0/16 to 15/16.")
        return cls(number=int(match[1]), of=int(match[2]))

    @property
    def is_all(self) -> bool:
        """Whether there is no other share."""
        return self.of == 1

    @property
    def name(self) -> str:
        """For files of its own."""
        return f"{self.number}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, items: Sequence[T]) -> list[T]:
        """Those of its share."""
        return list(items[self.number :: self.of])


ALL: Final = Share(number=0, of=1)
