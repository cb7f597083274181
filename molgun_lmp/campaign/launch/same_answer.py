"""Does the chosen LAMMPS compute what this environment's own does? Asked of one frame, before workers are started.

A style under a suffix is another program than the style itself: `morse/kk` of LAMMPS 4 Jul 2026 leaves out the shift of
`pair_modify shift yes`, so that its forces are right, and its energy is neither right nor conserved.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker import first_frame
from molgun_lmp.engine.chosen_lammps import ARGUMENTS_VARIABLE, LIBRARY_VARIABLE, asked_apart, chosen_lammps
from molgun_lmp.engine.lammps_build import last_words
from molgun_lmp.errors import EngineError
from molgun_lmp.models.predict import Prediction

_LIMIT_S: Final = 600.0
_ENERGY_EV_PER_ATOM: Final = 1e-5
_FORCE_EV_PER_ANGSTROM: Final = 1e-3
"""Far above rounding, the single precision of a model, and charges that a solver leaves at its tolerance; what differs
by more computes another formula."""


def require_same_answer(work: Work, deck: Path) -> list[str]:
    """Hold the chosen LAMMPS against this environment's own on the first frame of the deck in a folder.

    Returns a remark where its own cannot compute that. Raises `EngineError` where the two differ, or the chosen one
    fails.
    """
    chosen = chosen_lammps()
    there = _answer(work, deck, os.environ)
    own = {name: value for name, value in os.environ.items() if name not in {LIBRARY_VARIABLE, ARGUMENTS_VARIABLE}}
    if chosen.library is not None:
        own.pop("LAMMPS_PLUGIN_PATH", None)  # it leads to a pair style for that library
    try:
        here = _answer(work, deck, own)
    except EngineError as error:
        return [
            f"What LAMMPS ({chosen.named}) computes was held against nothing: this environment's own fails: {error}"
        ]
    require_equal(there, here, chosen.named)
    return []


def require_equal(there: Prediction, here: Prediction, named: str) -> None:
    """Raise `EngineError` where two answers to one frame are not those of one formula."""
    energy = abs(there.energy_ev - here.energy_ev) / len(here.forces)
    force = float(np.abs(there.forces - here.forces).max())
    if energy <= _ENERGY_EV_PER_ATOM and force <= _FORCE_EV_PER_ANGSTROM:
        return
    raise EngineError(
        f"LAMMPS ({named}) computes something else than this environment's: on the first frame the energy differs by "
        f"{energy:.1e} eV/atom, a force by up to {force:.1e} eV/Å. A style under a suffix (-sf) may lack an option of "
        "the style itself, such as pair_modify shift yes under morse/kk: leave the suffix out, or the option."
    )


def _answer(work: Work, deck: Path, environment: Mapping[str, str]) -> Prediction:
    with tempfile.TemporaryDirectory(prefix="molgun-first-") as name:
        words = [str(work.root), str(deck), str(Path(name) / "asked")]
        try:
            found, said, status = asked_apart(first_frame.__name__, words, environment, limit_s=_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise EngineError(f"LAMMPS did not compute the first frame within {_LIMIT_S:g} s.") from None
    if found is None or status != 0:
        raise EngineError(f"LAMMPS fails on the first frame: {last_words(said)}")
    return Prediction(energy_ev=found["energy_ev"], forces=np.array(found["forces"]))
