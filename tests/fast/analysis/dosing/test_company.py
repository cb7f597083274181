"""Every molecule of a shot in a chain of doses: its class by itself, what holds it, and what happens among them."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pytest
from ase.build import fcc111

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.analysis.dosing.company import CompanyObserver
from molgun_lmp.analysis.dosing.layout import ShotLayout
from molgun_lmp.analysis.outcomes.decide import decide, outcome_of
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.trajectory_path import Following
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.dosing_records import Change, DoseEnd, Hold
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome
from molgun_lmp.results.dose import DoseObserver
from molgun_lmp.surface.clean_surface import find_surface

SLAB: Final = fcc111("Cu", (4, 4, 3), vacuum=12.0)
SURFACE: Final = find_surface(SLAB)
N: Final = len(SLAB)
CRITERIA: Final = OutcomeCriteria(scheme="general")
SCHEME: Final = load_scheme("general")
MOLECULE: Final = ("C", "O", "H")
"""Formyl, so that there is a hydrogen to pass on."""
SHAPE: Final = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.18], [1.09, 0.0, -0.1]])
UP: Final = np.array([0.0, 0.0, 1.0])
TOP: Final = np.flatnonzero(SURFACE.top)
FLYING: Final = SHAPE + SLAB.positions[TOP[0]] + 9.0 * UP
Stage = tuple[Sequence[FloatArray], int]
"""Places of all molecules' atoms, and for how many frames of 20 fs."""


def on_top(number: int, height: float = 1.9) -> FloatArray:
    """A molecule over one of the top atoms, row by row."""
    place: FloatArray = SHAPE + SLAB.positions[TOP[number]] + height * UP
    return place


def frames(symbols: tuple[str, ...], stages: Sequence[Stage]) -> Iterator[Frame]:
    shown = [places for places, number in stages for _ in range(number)]
    for step, places in enumerate(shown):
        yield Frame(
            step=step,
            symbols=symbols,
            positions=np.vstack([SLAB.positions, *places]),
            images=None,
            velocities=None,
            cell=np.asarray(SLAB.cell[:]),
            origin=np.zeros(3),
            pbc=(True, True, False),
            beyond_box=True,
        )


class Deciding:
    """The newcomer's outcome, as the one pass over a dump asks for it."""

    def __init__(self) -> None:
        self.shown: list[tuple[Frame, FloatArray | None]] = []

    def frame(self, frame: Frame, others: FloatArray | None = None) -> None:
        self.shown.append((frame, others))


def company_of(*stages: Stage, adsorbates: Sequence[Adsorbate]) -> tuple[DoseEnd, Outcome]:
    symbols = (*SLAB.get_chemical_symbols(), *(MOLECULE[atom] for one in adsorbates for atom in one.atoms), *MOLECULE)
    first = np.vstack([SLAB.positions, *stages[0][0]])
    layout = ShotLayout.of(adsorbates=adsorbates, symbols=symbols, positions=first, n_slab=N, dose=7)
    observer = CompanyObserver("t", layout, SURFACE, groups={}, criteria=CRITERIA, scheme=SCHEME, timestep_fs=20.0)
    deciding = Deciding()
    dose = DoseObserver(observer, layout, [deciding], [], in_chain=True)
    for frame in frames(symbols, stages):
        dose.frame(frame)
    reference = Reference.of(
        symbols=layout.names,
        positions=deciding.shown[0][0].positions,
        surface=SURFACE,
        n_slab=N,
        groups={},
        criteria=CRITERIA,
        scheme=SCHEME,
    )
    newcomer = decided(reference, deciding.shown)
    outcome = dose.with_company(newcomer, None)
    assert outcome.company is not None
    assert Outcome.from_json(outcome.to_json(), SCHEME) == outcome
    return outcome.company, outcome


def decided(reference: Reference, shown: Sequence[tuple[Frame, FloatArray | None]]) -> Outcome:
    following = Following("t", reference, CRITERIA, 20.0)
    for frame, others in shown:
        following.frame(frame, others)
    return outcome_of("t", following.result(), reference, CRITERIA, None)


WHOLE: Final = (0, 1, 2)
TWO: Final = (Adsorbate(dose=2, atoms=WHOLE), Adsorbate(dose=4, atoms=WHOLE))


def said(company: DoseEnd) -> list[tuple[int, Change, float, int | None]]:
    return [(one.dose, one.change, round(one.time_ps, 6), one.other) for one in company.events]


def test_each_molecule_is_classified_as_if_it_were_alone() -> None:
    company, outcome = company_of(
        ([on_top(0), on_top(5), FLYING], 5), ([on_top(0), on_top(5), on_top(10)], 10), adsorbates=TWO
    )
    assert [one.dose for one in company.molecules] == [2, 4, 7]
    assert [(one.mode, one.hold, one.site) for one in company.molecules] == [("adsorbed", Hold.SURFACE, "on top")] * 3
    assert company.newcomer.hold_at_start is Hold.AWAY and company.newcomer.mode_at_start == "in flight"
    assert company.molecules[0].mode_at_start == "adsorbed"
    assert company.events == () and outcome.stuck and outcome.detail == "on top"
    place = np.array(company.newcomer.place_angstrom)
    apart = SURFACE.lattice.distances(np.array([[*place, 0.0]]), SLAB.positions[TOP[10]][None] * [1.0, 1.0, 0.0])
    assert apart[0, 0] == pytest.approx(0, abs=1e-9)


def test_a_campaign_without_chains_gets_what_it_got() -> None:
    _, outcome = company_of(([FLYING], 5), ([on_top(3)], 10), adsorbates=())
    symbols = (*SLAB.get_chemical_symbols(), *MOLECULE)
    shown = list(frames(symbols, [([FLYING], 5), ([on_top(3)], 10)]))
    reference = Reference.of(
        symbols=symbols,
        positions=shown[0].positions,
        surface=SURFACE,
        n_slab=N,
        groups={},
        criteria=CRITERIA,
        scheme=SCHEME,
    )
    assert dataclasses.replace(outcome, company=None) == decide("t", shown, reference, CRITERIA, None, timestep_fs=20.0)


def test_what_happens_to_those_that_were_there_is_told_with_its_time() -> None:
    hopped = on_top(5)  # dose 2 goes to another atom, and the newcomer takes its place
    company, _ = company_of(
        ([on_top(0), on_top(10), FLYING], 5),
        ([hopped, on_top(10), FLYING], 10),
        ([hopped, on_top(10), on_top(0)], 10),
        ([hopped, on_top(10, height=9.0), on_top(0)], 10),
        adsorbates=TWO,
    )
    assert said(company) == [
        (2, Change.DISPLACED, 0.1, 7),
        (2, Change.MOVED, 0.1, None),
        (4, Change.DESORBED, 0.5, None),
    ]
    assert [one.hold for one in company.molecules] == [Hold.SURFACE, Hold.AWAY, Hold.SURFACE]
    # The same as touches shorter than a class has to last are nothing.
    company, _ = company_of(
        ([on_top(0), on_top(10), FLYING], 5),
        ([hopped, on_top(10), FLYING], 3),
        ([on_top(0), on_top(10), FLYING], 9),
        adsorbates=TWO,
    )
    assert company.events == ()


def test_a_newcomer_that_binds_to_an_adsorbate_is_on_that_and_not_on_the_surface() -> None:
    beside = on_top(0) + np.array([0.0, 0.0, 2.6])  # C 1.42 Å above the oxygen of dose 2
    company, outcome = company_of(
        ([on_top(0), on_top(10), FLYING], 5), ([on_top(0), on_top(10), beside], 10), adsorbates=TWO
    )
    assert company.newcomer.hold is Hold.ADSORBATE and company.newcomer.bonded_to == (2,)
    assert company.newcomer.label == "on an adsorbate" and company.newcomer.hold is Hold.ADSORBATE
    assert said(company) == [(2, Change.REACTED, 0.1, 7)]
    assert not outcome.stuck and outcome.detail == "on an adsorbate" and not outcome.left


def test_a_second_layer_is_at_the_surface_however_high_it_stands() -> None:
    tall = on_top(0) + np.array([0.0, 0.0, 4.2])  # 6.1 Å from the slab, beyond where a lone molecule has left
    company, outcome = company_of(
        ([on_top(0), on_top(10), FLYING], 5), ([on_top(0), on_top(10), tall], 10), adsorbates=TWO
    )
    assert company.newcomer.hold is Hold.SECOND_LAYER and company.newcomer.label == "second layer"
    assert outcome.contact and not outcome.left and company.newcomer.hold is Hold.SECOND_LAYER
    alone, outcome = company_of(([FLYING], 5), ([tall], 10), adsorbates=())
    assert alone.newcomer.hold is Hold.AWAY and not outcome.contact


def test_hydrogen_keeps_its_origin_wherever_it_goes() -> None:
    """Its own molecule is broken; the one that it goes to has lost nothing, and got a bond."""
    there = on_top(0) + np.array([-1.5, 0.0, 2.3])
    passed = there.copy()
    passed[2] = on_top(0)[1] + np.array([0.0, 0.0, 0.97])  # on the oxygen of dose 2
    passed[:2, 0] -= 1.5
    company, _ = company_of(([on_top(0), on_top(10), FLYING], 5), ([on_top(0), on_top(10), passed], 10), adsorbates=TWO)
    assert (7, Change.EXCHANGED, 0.1, 2) in said(company)
    assert (2, Change.REACTED, 0.1, 7) in said(company)
    assert [one.mode.kind for one in company.molecules] == ["bound", "bound", "damaged"]
    # It is no bond where the hydrogen is only pressed against the other and has its own carbon still.
    close = there.copy()
    close[:, :] += on_top(0)[1] - close[2] + np.array([-1.2, 0.0, 0.0])
    company, _ = company_of(([on_top(0), on_top(10), FLYING], 5), ([on_top(0), on_top(10), close], 10), adsorbates=TWO)
    assert company.events == () and company.newcomer.bonded_to == ()


def test_what_an_adsorbate_has_lost_before_stays_lost() -> None:
    without_hydrogen = (Adsorbate(dose=2, atoms=(0, 1)),)
    company, _ = company_of(([on_top(0)[:2], FLYING], 20), adsorbates=without_hydrogen)
    one = company.molecules[0]
    assert one.mode == one.mode_at_start == "partly dissociated" and one.hold is Hold.SURFACE
    assert company.events == ()


def test_what_is_held_whatever_its_class_is_on_the_surface() -> None:
    """Two sites by turns, none of which lasts: its class is undecided, and it stays all the same."""
    turns = [([on_top(0), on_top(10), on_top(5 + k % 2)], 3) for k in range(6)]
    company, outcome = company_of(([on_top(0), on_top(10), FLYING], 5), *turns, adsorbates=TWO)
    assert company.newcomer.hold is Hold.SURFACE and company.newcomer.site == "on top"
    brief, _ = company_of(([on_top(0), on_top(10), FLYING], 5), turns[0], adsorbates=TWO)
    assert brief.newcomer.mode == "undecided" and brief.newcomer.hold is not Hold.SURFACE
    assert brief.newcomer.hold not in {Hold.SURFACE, Hold.ADSORBATE} and outcome.contact


def test_atoms_that_are_not_those_of_the_record_are_refused() -> None:
    symbols = (*SLAB.get_chemical_symbols(), "C", "H", *MOLECULE)
    positions = np.vstack([SLAB.positions, on_top(0)[:2], FLYING])
    with pytest.raises(InputFileError, match=r"shot\.json"):
        ShotLayout.of(
            adsorbates=(Adsorbate(dose=0, atoms=(0, 1)),), symbols=symbols, positions=positions, n_slab=N, dose=1
        )
