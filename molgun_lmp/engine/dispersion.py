"""D3 dispersion besides a model whose labels hold none: LAMMPS's own `dispersion/d3`, laid over the pair style.

Grimme, Antony, Ehrlich and Krieg, J. Chem. Phys. 132, 154104 (2010); https://docs.lammps.org/pair_dispersion_d3.html.
Pairs only: no three-body term.
"""

import re
from collections.abc import Sequence
from typing import Final

from molgun_lmp.config import Dispersion
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.models.card import ModelCard

_HOLDS: Final = re.compile(r"\bd[234]|-d\b|-ts\b|-3c\b|vdw|vv10|\bmbd|\bxdm|gfn\d", re.IGNORECASE)
"""Levels of theory whose energies hold dispersion, by their names."""
_STYLES: Final = {"zero": "original", "bj": "bj", "zerom": "zerom", "bjm": "bjm"}
"""Damping -> LAMMPS's word."""


def check_dispersion(dispersion: Dispersion | None, card: ModelCard) -> None:
    """Refuse a correction that the labels hold already, and ask where nobody knows.

    Raises `ModelError` for a model whose card, or whose level of theory, says that its labels hold dispersion,
    `ConfigError` where the card says nothing and the campaign file does not either.
    """
    if dispersion is None or card.labels_hold_dispersion is False:
        return
    named = _HOLDS.search(card.level_of_theory)
    if card.labels_hold_dispersion or named is not None:
        raise ModelError(
            f"model {card.name!r} was trained on {card.level_of_theory}, which holds dispersion already: D3 would "
            "count it twice. Remove model.dispersion from the campaign file."
        )
    if not dispersion.labels_hold_none:
        raise ConfigError(
            f"model.dispersion: the card of model {card.name!r} does not say whether its labels "
            f"({card.level_of_theory}) hold dispersion. If they hold none, say so: `labels_hold_none: true`."
        )


def dispersion_name(dispersion: Dispersion) -> str:
    """The correction in words, such as `D3(bj, pbe) by LAMMPS`, to stand behind a model's level of theory."""
    return f"D3({dispersion.damping}, {dispersion.functional}) by LAMMPS"


def with_dispersion(text: str, dispersion: Dispersion | None, elements: Sequence[str]) -> str:
    """The text of engine.in with the correction laid over its pair style.

    `elements` one chemical symbol for each atom type. Raises `ConfigError` for a text that does not hold exactly one
    pair style, or one that is a hybrid itself.
    """
    if dispersion is None:
        return text
    lines = text.splitlines()
    styles = [line.split() for line in lines if line.split()[:1] == ["pair_style"]]
    if len(styles) != 1 or len(styles[0]) < 2 or styles[0][1].startswith("hybrid"):
        found = len(styles) if len(styles) != 1 else "a hybrid one"
        raise ConfigError(
            f"model.dispersion is laid over one pair style, and this engine or target gives {found}: write "
            "`hybrid/overlay` and dispersion/d3 into your target yourself, and leave model.dispersion out."
        )
    name = styles[0][1]
    reach = f"{dispersion.cutoff_angstrom:g} {dispersion.coordination_cutoff_angstrom:g}"
    d3 = f"dispersion/d3 {_STYLES[dispersion.damping]} {dispersion.functional} {reach}"
    made = []
    for line in lines:
        words = line.split()
        if words[:1] == ["pair_style"]:
            made.append(f"pair_style hybrid/overlay {' '.join(words[1:])} {d3}")
        elif words[:1] == ["pair_coeff"]:
            made.append(" ".join([*words[:3], name, *words[3:]]))
        else:
            made.append(line)
    made += [
        f"pair_coeff * * dispersion/d3 {' '.join(elements)}",
        "neigh_modify one 50000 page 500000  # of one atom within the long cutoff",
    ]
    return "\n".join(made) + "\n"
