"""The engine `stock`: LAMMPS's own analytic pair potentials, given in the campaign file. No model, no torch.

For trying a protocol, a machine or the campaign's own machinery in seconds. Only styles that read no file and run no
code are known here (https://docs.lammps.org/pair_style.html); their parameters are numbers.
"""

import re
from collections.abc import Sequence
from typing import Final

from molgun_lmp.config import Engine
from molgun_lmp.errors import ConfigError
from molgun_lmp.models.card import Architecture, Licences, ModelCard

STYLES: Final = ("born", "buck", "gauss", "lj/cut", "lj/expand", "lj/smooth/linear", "morse", "soft", "yukawa", "zbl")
"""Names of pair styles that are formulas of the distance and the atoms' types."""

_NUMBERS: Final = r"(?: [0-9*.eE+-]+)+"
_COMMAND: Final = re.compile(
    rf"pair_style (?:{'|'.join(map(re.escape, STYLES))}){_NUMBERS}|pair_coeff{_NUMBERS}|pair_modify shift (?:yes|no)"
)


def stock_include(commands: Sequence[str]) -> str:
    """The text of `engine.in`. Raises `ConfigError` for a command that is not a known pair style's."""
    if not commands:
        raise ConfigError(
            "engine.kind is `stock`, and engine.commands is empty: give the pair potential, such as "
            "[pair_style lj/cut 4.0, pair_coeff * * 0.01 2.5]."
        )
    for command in commands:
        if not _COMMAND.fullmatch(command):
            raise ConfigError(
                f"engine.commands: {command!r} is not taken: only `pair_style` of {', '.join(STYLES)}, `pair_coeff` "
                "and `pair_modify shift`, with numbers after them, since a deck can run programs."
            )
    return "".join(f"{command}\n" for command in commands)


def stock_card(engine: Engine, elements: Sequence[str]) -> ModelCard:
    """What stands in place of a model's card: the pair potential of the campaign file, for any `elements`.

    Raises `ConfigError` for commands that are not taken, and where the cutoff is missing.
    """
    commands = stock_include(engine.commands).splitlines()
    if engine.cutoff_angstrom is None:
        raise ConfigError(
            "engine.kind is `stock`, and engine.cutoff_angstrom is missing: give the longest range of engine.commands."
        )
    return ModelCard(
        name="; ".join(commands),
        elements=tuple(elements),
        head="none",
        level_of_theory="no quantum chemistry: an analytic pair potential, no model of these substances",
        architecture=Architecture(
            hidden_irreps="none",
            max_ell=0,
            num_interactions=0,
            r_max_angstrom=engine.cutoff_angstrom,
            parameters=0,
        ),
        e0s_ev=dict.fromkeys(elements, 0.0),
        e0s_kind="none",
        training=None,
        errors=(),
        parity=(),
        not_exported={},
        licences=Licences(),
        files=(),
        versions={},
        created="in the campaign file",
    )
