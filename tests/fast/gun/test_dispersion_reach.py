"""With dispersion beside the model every distance counts it: start, departure, cell, equilibration, and "has left"."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Campaign
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.dispersion_reach import dispersion_reach
from molgun_lmp.gun.equilibration_deck import equilibration_deck
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.setup import Setup
from molgun_lmp.isotopes import AtomTypes

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]
BOHR = 0.529177210903
HARTREE = 27.211386245988
LONG_ANGSTROM = 60 * BOHR
"""As far as the reference program sums."""
D3 = {"folder": "model", "dispersion": {"kind": "d3", "functional": "pbe"}}
SKIP = {"skip_free_flight": True, "start": {"kind": "height", "angstrom": 40.0}}


def flat(molecule: Atoms) -> FloatArray:
    """The molecule with its thinnest direction upright and its lowest atom at z = 0."""
    centred = molecule.positions - molecule.positions.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1]
    lying: FloatArray = centred @ axes[:, ::-1]
    lying[:, 2] -= lying[:, 2].min()
    return lying


def binding(slab: Atoms, molecule: Atoms, clearance: float) -> float:
    """D3(BJ)-PBE energy of the molecule lying flat so far above the slab, in eV, by the reference program."""
    from dftd3.interface import DispersionModel, RationalDampingParam

    cell = np.array(slab.cell)
    cell[2] = [0.0, 0.0, 160.0]

    def energy(numbers: Any, positions: FloatArray) -> float:
        model = DispersionModel(numbers, positions / BOHR, cell / BOHR, np.ones(3, bool))
        return float(model.get_dispersion(RationalDampingParam(method="pbe", atm=False), grad=False)["energy"])

    top = slab.positions[:, 2].max()
    above = flat(molecule) + np.array([cell[0, 0] / 2, cell[1, 1] / 2, top + clearance])
    together = energy(np.append(slab.numbers, molecule.numbers), np.vstack([slab.positions, above]))
    return (together - energy(slab.numbers, slab.positions) - energy(molecule.numbers, above)) * HARTREE


def reach(slab: Atoms, molecule: Atoms, cutoff: float) -> float:
    return dispersion_reach(
        (slab.get_chemical_symbols(), slab.positions[:, 2]),
        (molecule.get_chemical_symbols(), molecule.positions[None]),
        area=float(np.linalg.det(slab.cell[:2, :2])),
        cutoff=cutoff,
    )


def test_beyond_its_reach_dispersion_holds_by_less_than_1_mev(si001: Atoms, ecco: Atoms) -> None:
    far = reach(si001, ecco, LONG_ANGSTROM)
    assert -1e-3 < binding(si001, ecco, far) < -2e-4
    assert binding(si001, ecco, 0.7 * far) < -1e-3
    assert reach(si001, ecco, 20.0) == pytest.approx(15.0, abs=0.5), "of LAMMPS's default cutoff"
    assert reach(si001, ecco, 8.0) <= 8.0
    light = Atoms("He", positions=[[0.0, 0.0, 0.0]])
    assert reach(si001, light, 20.0) < reach(si001, ecco, 20.0)
    assert reach(si001, Atoms("Au", positions=[[0.0, 0.0, 0.0]]), 20.0) == 20.0, "no coefficient: as far as D3 goes"


def test_every_distance_of_a_shot_counts_dispersion(setup_of: SetupOf) -> None:
    bare, with_d3 = setup_of({"gun": SKIP}), setup_of({"gun": SKIP, "model": D3})
    longer = with_d3.cutoff_angstrom - bare.cutoff_angstrom
    assert bare.cutoff_angstrom == 5.0
    assert 9.0 < longer <= 15.0
    # The cell holds the start or the way out, and then the gap to the image.
    assert with_d3.cell[2, 2] - bare.cell[2, 2] == pytest.approx(2 * longer, abs=0.2)
    near, far = draw(3, bare), draw(3, with_d3)
    assert far.shot.com_start[2] - near.shot.com_start[2] == pytest.approx(longer)
    deck = trajectory_deck(far, with_d3).input_text
    assert f"(c_molecule_lowest-c_slab_highest > {with_d3.cutoff_angstrom + 0.5})" in deck
    assert f"v_image_gap < {with_d3.cutoff_angstrom} " in deck
    short = {**D3, "dispersion": {"kind": "d3", "functional": "pbe", "cutoff_angstrom": 4.0}}
    assert setup_of({"gun": SKIP, "model": short}).cutoff_angstrom == 5.0, "the model reaches farther"


def test_an_equilibration_feels_no_image_through_dispersion(campaign_of: CampaignOf, si001: Atoms, ecco: Atoms) -> None:
    for part, start, elements in (("slab", si001, ("H", "Si")), ("molecule", ecco, ("H", "C"))):
        for model, gap in (({"folder": "model"}, 5.0), (D3, 20.0)):
            deck = equilibration_deck(
                "slab" if part == "slab" else "molecule",
                0,
                start,
                campaign=campaign_of({"model": model}),
                types=AtomTypes.standard(elements),
                cutoff_angstrom=5.0,
            )
            data = read_data(deck.data_text)
            room = data.cell[2, 2] - np.ptp(data.positions[:, 2])
            assert gap + 2.0 <= room
            if part == "slab":
                assert room <= gap + 6.0
