"""Whether what `molgun equilibrate` made is what was asked for: the structure, its bonds, its temperature."""

import dataclasses
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.arrays import BoolArray
from molgun_lmp.config import Campaign, OutcomeCriteria
from molgun_lmp.geometry import make_whole
from molgun_lmp.gun.equilibration_output import EquilibrationStats
from molgun_lmp.gun.equilibration_verdict import slab_fault, temperature_fault
from molgun_lmp.gun.pools import Part
from molgun_lmp.surface.frozen import moves_as_a_whole
from molgun_lmp.surface.minimum_image import MinimumImage

_AT_A_DISTANCE: Final = 1000.0
"""Å: a cell in which a whole molecule is alone."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Equilibrated:
    """The runs of one part: the snapshots and the statistics of each, what they started from, and (N,) frozen atoms."""

    part: Part
    start: Atoms
    runs: tuple[tuple[Atoms, ...], ...]
    stats: tuple[EquilibrationStats, ...]
    frozen: BoolArray


def faults_of(found: Equilibrated, campaign: Campaign) -> tuple[str, ...]:
    """Why it is no good pool, each in words; nothing for a good one."""
    if found.part == "slab":
        structure = slab_fault(found.start, found.runs, found.frozen, campaign.system.slab.frozen_layers)
    else:
        structure = _broken_bond(found, campaign.outcomes)
    at_rest = 3 if moves_as_a_whole(found.frozen) else 0
    freedom = 3 * int(np.count_nonzero(~found.frozen)) - at_rest
    warmth = temperature_fault(found.stats, campaign.system.equilibration, freedom)
    return tuple(fault for fault in (structure, warmth) if fault)


def bonds_of(molecule: Atoms, criteria: OutcomeCriteria) -> BoolArray:
    """(N, N) the bonds of a whole molecule."""
    symbols = tuple(molecule.get_chemical_symbols())
    alone = MinimumImage.of_cell(_AT_A_DISTANCE * np.eye(3))
    return MoleculeReference.find(symbols, molecule.positions, {}, alone, criteria).bonded


def _broken_bond(found: Equilibrated, criteria: OutcomeCriteria) -> str:
    whole = found.start.copy()
    make_whole(whole)
    before = bonds_of(whole, criteria)
    for snapshot in (atoms for run in found.runs for atoms in run):
        lost = np.argwhere(np.triu(before & ~bonds_of(snapshot, criteria)))
        if len(lost):
            i, j = (int(atom) for atom in lost[0])
            length = float(np.linalg.norm(snapshot.positions[i] - snapshot.positions[j]))
            bond = f"{whole.symbols[i]}{i}-{whole.symbols[j]}{j}"
            return (
                f"in snapshot {snapshot.info['snapshot']} the bond {bond} is {length:.2f} Å long: the molecule came "
                "apart. Is the potential good for it?"
            )
    return ""
