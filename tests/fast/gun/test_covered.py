"""What stands on a surface, as the gun sees it."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

import molgun_lmp
from molgun_lmp.adsorbates import Adsorbate, standing_in_words
from molgun_lmp.campaign.plan.company_notes import company_notes
from molgun_lmp.campaign.plan.dose_notes import dose_notes
from molgun_lmp.campaign.plan.flight_notes import flight_notes
from molgun_lmp.config import Campaign
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.covered import CoveredSurface, kept_and_left, require_room, setup_above
from molgun_lmp.gun.initial_conditions import Newcomer, aim, draw, draw_newcomer
from molgun_lmp.gun.setup import Setup
from molgun_lmp.models.card import load_card

SetupOf = Callable[[Mapping[str, Any]], Setup]
HEIGHTS = (2.0, 4.5)


def covered(setup: Setup, height: float) -> Setup:
    """The campaign's first snapshot with one carbon atom of dose 3 so far above its highest atom."""
    slab = setup.slab
    place = [*slab.positions[0, 0, :2], slab.highest_z[0] + height]
    surface = CoveredSurface(
        snapshot="after-000003",
        run="0",
        symbols=(*slab.symbols, "C"),
        masses_u=np.append(slab.masses_u, setup.molecule.masses_u[0]),
        positions=np.vstack([slab.positions[0], place]),
        velocities=np.vstack([slab.velocities[0], np.zeros(3)]),
        adsorbates=(Adsorbate(dose=3, atoms=(0,)),),
    )
    clean = slab_atoms(setup)
    return setup_above(
        setup.campaign, clean, surface, setup.molecule, cell=setup.cell, cutoff_angstrom=setup.cutoff_angstrom
    )


def slab_atoms(setup: Setup) -> Atoms:
    return Atoms(setup.slab.symbols, positions=setup.slab.surface.positions, cell=setup.cell, pbc=True)


def test_what_stays_and_what_left_are_the_molecules_again() -> None:
    there = (Adsorbate(dose=0, atoms=(0, 1)), Adsorbate(dose=2, atoms=(3,)), Adsorbate(dose=3, atoms=(0, 1, 2)))
    kept = np.array([True, False, False, True, False, True])
    stays, left = kept_and_left(there, kept)
    assert stays == (Adsorbate(dose=0, atoms=(0,)), Adsorbate(dose=3, atoms=(0, 2)))
    assert left == (Adsorbate(dose=0, atoms=(1,)), Adsorbate(dose=2, atoms=(3,)), Adsorbate(dose=3, atoms=(1,)))
    assert standing_in_words(stays) == "on the slab stand 1 atom of dose 0, 2 atoms of dose 3"


@pytest.mark.parametrize("start", [{"kind": "height", "angstrom": 12.0}, {"kind": "clearance", "angstrom": 6.0}])
@pytest.mark.parametrize("skip", [True, False])
def test_a_molecule_starts_as_far_above_adsorbates_as_above_a_clean_slab(
    setup_of: SetupOf, start: dict[str, object], skip: bool
) -> None:
    setup = setup_of({"gun": {"start": start, "skip_free_flight": skip}, "dose": {"chains": 4, "molecules": 5}})
    newcomer, _ = draw_newcomer(7, setup)
    low, high = (aim(newcomer, 0, covered(setup, height)) for height in HEIGHTS)
    assert high.shot.com_start[2] - low.shot.com_start[2] == pytest.approx(HEIGHTS[1] - HEIGHTS[0], abs=1e-9)
    assert high.shot.clearance_angstrom == pytest.approx(low.shot.clearance_angstrom, abs=1e-9)
    assert high.shot.adsorbates == (Adsorbate(dose=3, atoms=(0,)),)
    assert high.frozen.sum() == setup.frozen.sum() and not high.frozen[128:].any()
    # What was drawn is the same whatever it meets, and is kept to the last bit.
    assert Newcomer.from_json(newcomer.to_json()) == newcomer
    assert np.array_equal(high.velocities[129:], draw(7, setup).velocities[128:])


def test_the_cell_keeps_room_for_a_layer_and_more_is_refused(setup_of: SetupOf) -> None:
    gun = {"gun": {"skip_free_flight": True}}
    clean, dosed = setup_of(gun), setup_of({**gun, "dose": {"chains": 4, "molecules": 5}})
    room = 2 * dosed.molecule.radius + dosed.campaign.outcomes.contact_angstrom
    assert dosed.cell[2, 2] - clean.cell[2, 2] == pytest.approx(room, abs=0.1)
    require_room(covered(dosed, room - 1.0))
    with pytest.raises(GeometryError, match=r"the cell is \d\.\d\d Å too low.*cell_height_angstrom"):
        require_room(covered(dosed, room + 2.0))
    assert dosed.slab.standing == 0.0


def test_a_pause_in_other_units_than_ps_is_warned_of(setup_of: SetupOf) -> None:
    def said(between_ps: float) -> str:
        setup = setup_of({"dose": {"chains": 4, "molecules": 5, "between_ps": between_ps}})
        return " ".join(dose_notes(setup.campaign, setup))

    assert "WARNING" not in said(5.0)
    assert "0.025 times system.equilibration.damping_ps" in said(0.005)
    assert "steps between two doses" in said(5e5)


def test_a_flight_that_ends_beside_what_stands_there_is_warned_of(setup_of: SetupOf) -> None:
    """The same shots are long enough for a clean surface, and not for one with a molecule upright on it."""

    def said(steps: int, molecules: int = 5) -> str:
        dose = {"chains": 20 // molecules, "molecules": molecules}
        setup = setup_of({"gun": {"skip_free_flight": True}, "dose": dose, "dynamics": {"steps": steps}})
        return " ".join(flight_notes(setup))

    warned = said(1000)
    assert "flight to the surface beside a molecule" in warned and "of the shots that pass one" in warned
    assert said(1000, molecules=1) == said(20000) == ""
    assert "median flight to the surface 0" in said(10) and "beside" not in said(10)


def test_molecules_that_a_model_never_saw_together_are_warned_of(
    setup_of: SetupOf, campaign_of: Callable[[Mapping[str, Any]], Campaign]
) -> None:
    """By the elements that the slab has not: hydrogen tells nothing here."""
    model = load_card(Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "model")
    assert model.training is not None and model.training.data.most_atoms == {"C": 24, "H": 60, "Si": 96}

    def said(setup: Setup, most_atoms: dict[str, int]) -> str:
        assert model.training is not None
        data = model.training.data.model_copy(update={"most_atoms": most_atoms})
        training = model.training.model_copy(update={"data": data})
        return " ".join(company_notes(setup, model.model_copy(update={"training": training})))

    chain = setup_of({"dose": {"chains": 4, "molecules": 5}})
    assert "has more than 12 C, and two molecules that meet have 24 C" in said(chain, {"C": 12, "H": 46, "Si": 96})
    assert said(chain, {"C": 24, "H": 1, "Si": 96}) == said(chain, {}) == ""
    assert said(setup_of({}), {"C": 12}) == said(setup_of({"dose": {"chains": 20, "molecules": 1}}), {"C": 12}) == ""
    slab = {"pool": "slab.extxyz.xz", "adsorbates": [[12, 13]]}
    system = {"slab": slab, "molecule": {"pool": "molecule.extxyz"}}
    standing = dataclasses.replace(chain, campaign=campaign_of({"system": system}))
    assert "more than 11 C, and two molecules that meet have 12 C" in said(standing, {"C": 11})
    assert said(standing, {"C": 12}) == ""
