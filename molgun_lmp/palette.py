"""Colours, and how a class or a series is drawn: what all figures share and nothing but the eye depends on."""

import dataclasses
from typing import Final, Literal

# The report page gives these three their colours of the dark theme; nothing else may be drawn in them.
INK: Final = "#1b1f24"
RULE: Final = "#c9ced6"
PAPER: Final = "#fffffe"

# Colours by M. Okabe and K. Ito, told apart with any colour vision (https://jfly.uni-koeln.de/color/).
VERMILION: Final = "#d55e00"
ORANGE: Final = "#e69f00"
YELLOW: Final = "#f0e442"
GREEN: Final = "#009e73"
SKY: Final = "#56b4e9"
BLUE: Final = "#0072b2"
PURPLE: Final = "#cc79a7"

PALE: Final = "#c3c8d0"
FADED: Final = "#8a919c"
DIM: Final = "#5b6470"
"""Greys that stand out less than any colour and are seen on paper of both themes."""

ALARM: Final = VERMILION

_HATCHES: Final = {"-": None, "--": "////", ":": "xxxx", "-.": "...."}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeStyle:
    """How one mode or one series is drawn. Colours tell families apart, markers and dashes their members.

    `colour` as `#rrggbb`; `marker` and `dash` as Matplotlib names them.
    """

    colour: str
    marker: str
    dash: Literal["-", "--", ":", "-."] = "-"

    @property
    def hatch(self) -> str | None:
        """What a bar has where a line has its dash."""
        return _HATCHES[self.dash]
