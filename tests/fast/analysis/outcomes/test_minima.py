"""Minima of trajectory ends: their class without a history, and binding energies by class."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import CASES, CRITERIA, SLAB, SURFACE, SYMBOLS, A, Case, molecule, reference_of

from molgun_lmp.analysis.figures.binding import draw_binding
from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.minima import Binding, Minima, Quenched, binding_by_mode
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.analysis.outcomes.structure_at_rest import class_of_minimum
from molgun_lmp.arrays import FloatArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.results.table_files import write_binding, write_quenched

REFERENCE = Reference(
    symbols=(*SLAB.get_chemical_symbols(), *SYMBOLS),
    n_slab=len(SLAB),
    surface=SURFACE,
    molecule=reference_of(Case(slab=SLAB, molecule=molecule()), SURFACE),
    limits=BondLimits.of(SYMBOLS, SLAB.get_chemical_symbols(), CRITERIA),
    scheme=paper.SCHEME,
    numbers={"max_fragments": CRITERIA.max_fragments},
    slab_state=SlabState.of(SURFACE, CRITERIA),
)


def frame(positions: FloatArray) -> Frame:
    return Frame(
        step=0, symbols=REFERENCE.symbols, positions=np.vstack([SLAB.positions, positions]), images=None,
        velocities=None, cell=np.array(SLAB.cell[:]), origin=np.zeros(3), pbc=(True, True, True),
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1] is not None])
def test_a_minimum_has_the_class_of_its_bonds(name: str) -> None:
    positions, mode, detail = CASES[name]
    assert class_of_minimum(frame(positions), REFERENCE, CRITERIA)[:2] == (mode, detail)


@pytest.mark.parametrize(("gap", "mode"), [(3.5, paper.PHYSISORBED), (7.5, paper.SCATTERED)])
def test_an_unbound_minimum_is_near_or_out_of_reach(gap: float, mode: Mode) -> None:
    above = molecule(cy=SLAB.positions[A] + np.array([[0, 0, gap], [0, 0, gap + 1.3]]))
    found, _, reason = class_of_minimum(frame(above), REFERENCE, CRITERIA)
    assert found is mode
    assert "no bond to the slab, closest atom" in reason


def quenched(number: int, mode: Mode, energy: float, *, converged: bool = True) -> Quenched:
    return Quenched(
        trajectory_id=f"{number:06d}", mode_at_end=paper.UNDECIDED, mode=mode, detail="", reason="",
        energy_ev=energy - 30, slab_energy_ev=-20.0, molecule_energy_ev=-10.0, binding_energy_ev=energy,
        steps=10, converged=converged, dump="f00d",
    )  # fmt: skip


def test_binding_energies_by_mode_leave_out_what_did_not_converge(tmp_path: Path) -> None:
    minima = [
        quenched(0, paper.OT_CY, -3.0),
        quenched(1, paper.OT_CY, -2.0),
        quenched(2, paper.OT_CY, +9.0, converged=False),
        quenched(3, paper.PC, -1.0),
        quenched(4, paper.DB, -1.0, converged=False),
    ]
    on_top, precursor = binding_by_mode(minima)
    assert (on_top.mode, on_top.minima, on_top.mean_ev) == (paper.OT_CY, 2, -2.5)
    assert on_top.spread_ev == pytest.approx(np.sqrt(0.5))
    assert (on_top.strongest_ev, on_top.weakest_ev) == (-3.0, -2.0)
    assert (precursor.mode, precursor.spread_ev) == (paper.PC, None)
    with write_quenched(minima, tmp_path / "q.csv").open(newline="") as handle:
        assert [row["mode"] for row in csv.DictReader(handle)] == [one.mode.label for one in minima]
    with write_binding((on_top, precursor), tmp_path / "b.csv").open(newline="") as handle:
        assert [float(row["mean_ev"]) for row in csv.DictReader(handle)] == [-2.5, -1.0]
    assert Quenched.from_json(minima[0].to_json(), paper.SCHEME) == minima[0]
    assert Binding.from_json(on_top.to_json(), paper.SCHEME) == on_top


def test_what_the_energies_are_relative_to_is_said_and_what_has_none_is_counted(tmp_path: Path) -> None:
    minima = Minima(
        quenched=(
            quenched(0, paper.OT_CY, -3.0),
            dataclasses.replace(quenched(1, paper.OT_CY, -2.0), slab_energy_ev=-20.25),
            quenched(2, paper.PC, 9.0, converged=False),
        ),
        missing=4,
        level_of_theory="GFN1-xTB",
    )
    said = minima.reference()
    assert "less those of its own slab, as the molecule met it, and its own molecule, each relaxed alone" in said
    assert "2 slabs of -20.250 to -20.000 eV and one molecule of -10.000 eV" in said
    assert "Labels of the model: GFN1-xTB." in said
    assert minima.remarks() == (
        "2 that ended as undecided fell to OT-CY.",
        "1 that ended as undecided fell to PC.",
        "1 have no binding energy: the end, its slab or its molecule did not reach the force tolerance.",
        "4 more were not minimised yet: `molgun analyse --quench` goes on.",
    )
    assert [one.cells() for one in minima.binding] == [("OT-CY", "2", "-2.50", "0.71", "-3.00", "-2.00")]
    nothing = dataclasses.replace(minima, quenched=minima.quenched[2:])
    assert (nothing.binding, nothing.reference()) == ((), "")

    figure = draw_binding(minima, tmp_path)
    with figure.csv.open(newline="") as handle:
        rows = [(row["trajectory"], row["mode"], float(row["binding_energy_ev"])) for row in csv.DictReader(handle)]
    assert rows == [("000000", "OT-CY", -3.0), ("000001", "OT-CY", -2.0)]
    assert said in figure.caption
    assert figure.svg.stat().st_size and figure.png.stat().st_size
