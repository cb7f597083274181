"""A small report with every kind of row, and two trajectories that can be turned."""

import dataclasses
from pathlib import Path

import numpy as np
import paper_classes as paper
from ase.build import diamond100, molecule
from ended_cases import ended, energy

from molgun_lmp.analysis.figures.modes_heights_energy import draw_modes
from molgun_lmp.analysis.report.movies import Cast, Movie
from molgun_lmp.analysis.report.page import ReportContent
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Cause, Outcome, Shot, TrajectoryResult


def an_outcome(index: int, mode: Mode, **changes: object) -> Outcome:
    stuck = mode == paper.OT_CY
    fields = {
        "trajectory_id": f"{index:06d}", "mode": mode, "stuck": stuck, "contact": mode != paper.IN_FLIGHT,
        "first_contact_ps": 0.42, "first_bond_ps": 0.61 if stuck else None, "time_ps": 2.0,
        "lowest_clearance_angstrom": 1.9, "events": ((0.0, paper.IN_FLIGHT), (0.61, mode)),
        "bonds": ((130, 12, 1.943), (131, 13, 1.951)) if stuck else (), "reason": "both CY carbons bind one dimer",
        "truncated": False, "slab_snapshot": f"s{index}", "molecule_snapshot": f"m{index}",
    }  # fmt: skip
    return Outcome(**(fields | changes))  # type: ignore[arg-type]


def a_shot(index: int) -> Shot:
    return Shot(
        index=index,
        campaign_seed=1,
        slab_snapshot=f"s{index}",
        molecule_snapshot=f"m{index}",
        kick_kind="fixed",
        kick_velocity=(0.0, 0.0, -5.0),
        kick_energy_ev=0.2051,
        polar_deg=12.34,
        azimuth_deg=0.0,
        rotation=(0.0, 0.0, 0.0, 1.0),
        com_start=(1.0, 2.0, 20.0),
        com_height_angstrom=9.0,
        clearance_angstrom=6.0,
        impact_xy_angstrom=(1.0, 2.0),
        skipped_flight_ps=0.0,
    )


def a_result(index: int, *, cause: Cause | None = None, message: str = "", flagged: bool = False) -> TrajectoryResult:
    return ended(
        index,
        cause,
        message=message,
        energy=energy(-1.24e-6, excursion=1e-5, flagged=flagged),
        engine="pair_style mace",
    )


MODES = [paper.OT_CY, paper.OT_CY, paper.SCATTERED, paper.UNDECIDED, paper.FAILED]
OUTCOMES = [an_outcome(i, mode) for i, mode in enumerate(MODES)]
RESULTS = [a_result(i) for i in range(3)] + [
    a_result(3, flagged=True),
    a_result(4, cause=Cause.NAN_FORCE, message="step 7"),
]


def small_report(folder: Path | None = None) -> ReportContent:
    summary = summarise(paper.SCHEME, OUTCOMES, RESULTS, planned=8)
    return ReportContent(
        title="ECCO on Si(001)",
        created="2026-11-22",
        summary=summary,
        outcomes=OUTCOMES,
        shots=[(o.trajectory_id, a_shot(i)) for i, o in enumerate(OUTCOMES)],
        results=RESULTS,
        figures=[] if folder is None else [draw_modes(summary, folder), draw_modes(summary, folder, "again")],
        level_of_theory="GFN1-xTB",
        system="C12H14 at H32Si96",
        paper_system=True,
        protocol={"seed": 1, "gun": {"kick": {"kind": "fixed", "energy_ev": 0.2}}, "stop": []},
        model_card={"name": "small", "elements": ["H", "C", "Si"]},
        provenance={"versions": {"ase": "3.29.0"}, "hashes": {"model": "ab12"}},
        lammps_files={o.trajectory_id: f"trajectories/{o.trajectory_id}" for o in OUTCOMES},
    )


def movies() -> tuple[Cast, list[Movie]]:
    """Acetylene that comes down on a slab of 36 Si atoms in 2 ps and stays, and one that goes up again."""
    slab, gas = diamond100("Si", (3, 3, 4), vacuum=6.0), molecule("C2H2")
    gas.rotate(90, "y")
    top, height = float(slab.positions[:, 2].max()), np.linspace(9.0, 1.9, 21)
    gas.positions[:, :2] += slab.cell[:2, :2].sum(axis=0)[:2] / 2
    paths = [height, np.concatenate([height[::2], height[-3::-2]])]
    found = [
        Movie(
            trajectory_id=f"{index:06d}",
            mode=mode,
            times_ps=np.linspace(0.0, 2.0, len(path)),
            positions=np.array(
                [np.vstack([slab.positions, gas.positions + np.array([0.0, 0.0, top + z])]) for z in path]
            ),
            events=((0.0, paper.IN_FLIGHT), (1.0, mode)),
        )
        for index, mode, path in ((1, paper.OT_CY, paths[0]), (2, paper.SCATTERED, paths[1]))
    ]
    cast = Cast(
        symbols=tuple(slab.get_chemical_symbols() + gas.get_chemical_symbols()),
        n_slab=len(slab),
        cell=slab.cell[:],
        surface_z=top,
        groups={"CY": (0, 1)},
        across={("C", "Si"): 2.47, ("H", "Si"): 2.02},
    )
    return cast, found


def chain() -> tuple[Cast, Movie]:
    """A chain of three doses of acetylene on the same slab: one stays, one goes again, and one stays."""
    cast, found = movies()
    slab, size = cast.n_slab, len(cast.molecule)
    bound = found[0].positions[-1]
    positions = np.full((3, slab + 3 * size, 3), np.nan)
    positions[:, :slab] = bound[:slab]
    for dose in (0, 2):
        away = dose * (cast.cell[0] + cast.cell[1]) / 6
        positions[dose:, slab + dose * size : slab + (dose + 1) * size] = bound[slab:] + away
    movie = Movie(
        trajectory_id="chain-0",
        mode=paper.OT_CY,
        times_ps=np.arange(1.0, 4.0),
        positions=positions,
        events=((1.0, paper.OT_CY), (2.0, paper.SCATTERED), (3.0, paper.OT_CY)),
        chain=True,
    )
    symbols = cast.symbols[:slab] + 3 * cast.molecule
    return dataclasses.replace(cast, symbols=symbols, molecules=3), movie
