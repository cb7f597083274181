"""One trajectory in whatever columns, wrapped or not, its slab anywhere in the cell: always the same outcome."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import ase.io
import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from ase.build import fcc111
from hypothesis import example, given, settings
from hypothesis import strategies as st

from molgun_lmp.analysis.outcomes.external_system import decide_files
from molgun_lmp.analysis.outcomes.single_frames import classify_frames
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.readers.vasp_trajectories import given_files
from molgun_lmp.records import Outcome
from molgun_lmp.results.external import trajectories

HEIGHT = 22.0
SLAB = fcc111("Cu", (3, 3, 3), a=3.61, orthogonal=False)
SLAB.cell[2] = [1.5, 0.7, HEIGHT]
SLAB.pbc = True
SETTINGS = ForeignFiles(frame_interval_fs=30.0, patterns={"CO": "[CX1][OX1]"})
PRESENTATIONS = ("x", "x images", "x torn images", "xu", "x xu", "xs", "xs images", "xsu", "extxyz", "XDATCAR")

AWAY = [4.0, 3.0, 2.2, 1.8, 1.6, 2.4, 3.4, 5.0, 7.0, 9.0, 11.5, 14.0, 16.5, 19.0]
"""Å of the carbon above the surface, from frame to frame: the molecule leaves through the top of its cell."""


def co_over_copper(heights: Sequence[float], bond: Sequence[float]) -> list[FloatArray]:
    """(29, 3) Å for each frame: CO over the middle of the slab, its oxygen `bond` Å above the carbon."""
    top = SLAB.positions[:, 2].max()
    rng = np.random.default_rng(3)
    frames = []
    for height, length in zip(heights, bond, strict=True):
        slab = SLAB.positions + rng.normal(0.0, 0.03, SLAB.positions.shape)
        carbon = np.array([*SLAB.positions[-1, :2], top + height])
        frames.append(np.concatenate([slab, [carbon, carbon + np.array([0.0, 0.0, length])]]))
    return frames


SCATTERED = co_over_copper(AWAY, [1.13] * len(AWAY))
BROKEN = co_over_copper([4.0, 2.5] + [1.6] * 12, [1.13, 1.2, 1.5, 2.0, 2.6] + [3.0] * 9)
SYMBOLS = [*SLAB.get_chemical_symbols(), "C", "O"]


def write(folder: Path, frames: Sequence[FloatArray], presentation: str, shift: FloatArray, drift: FloatArray) -> Path:
    """The trajectory as a file with these coordinates, all atoms moved by `shift`, and by `drift` in each frame."""
    moved = [positions + shift + index * drift for index, positions in enumerate(frames)]
    fractions = [np.linalg.solve(SLAB.cell.T, positions.T).T for positions in moved]
    if presentation in {"extxyz", "XDATCAR"}:
        atoms = [Atoms(SYMBOLS, scaled_positions=one % 1.0, cell=SLAB.cell, pbc=True) for one in fractions]
        path = folder / ("XDATCAR" if presentation == "XDATCAR" else "run.extxyz")
        ase.io.write(path, atoms, format="vasp-xdatcar" if presentation == "XDATCAR" else "extxyz")
        return path
    crossings = [np.floor(one) for one in fractions]
    if "torn" in presentation:  # as of a run that began with wrapped atoms and counts from there
        crossings = [one - crossings[0] for one in crossings]
    columns = presentation.replace("torn ", "").split()
    path = folder / "run.dump"
    titles = " ".join("ix iy iz" if name == "images" else f"x{name[1:]} y{name[1:]} z{name[1:]}" for name in columns)
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = SLAB.cell.tolist()
    low, high = min(0.0, xy, xz, xy + xz), max(0.0, xy, xz, xy + xz)
    text = []
    for index, (fraction, crossing) in enumerate(zip(fractions, crossings, strict=True)):
        text.append(f"ITEM: TIMESTEP\n{10 * index}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\n")
        text.append("ITEM: BOX BOUNDS xy xz yz pp pp pp\n")
        text.append(f"{low!r} {xx + high!r} {xy!r}\n{min(0.0, yz)!r} {yy + max(0.0, yz)!r} {xz!r}\n0.0 {zz!r} {yz!r}\n")
        text.append(f"ITEM: ATOMS id element {titles}\n")
        values = {
            "x": fraction % 1.0 @ SLAB.cell,
            "xu": fraction @ SLAB.cell,
            "xs": fraction % 1.0,
            "xsu": fraction,
            "images": crossing.astype(int),
        }
        for atom, symbol in enumerate(SYMBOLS):
            numbers = " ".join(str(value) for name in columns for value in values[name][atom].tolist())
            text.append(f"{atom + 1} {symbol} {numbers}\n")
    path.write_text("".join(text))
    return path


def outcome(path: Path, settings: ForeignFiles = SETTINGS) -> Outcome:
    """What became of the molecule, ten steps from frame to frame."""
    with given_files([path]) as files:
        (one,) = trajectories(files, settings, path.parent, one=False, processes=1)
    return one.outcome


def told(one: Outcome) -> Outcome:
    """What must not depend on the file: everything but its name, and lengths to what files round off."""
    clearance = one.lowest_clearance_angstrom
    return dataclasses.replace(
        one,
        trajectory_id="",
        slab_snapshot="",
        molecule_snapshot="",
        events=tuple((round(time_ps, 6), mode) for time_ps, mode in one.events),
        first_contact_ps=None if one.first_contact_ps is None else round(one.first_contact_ps, 6),
        first_bond_ps=None if one.first_bond_ps is None else round(one.first_bond_ps, 6),
        time_ps=round(one.time_ps, 6),
        lowest_clearance_angstrom=None if clearance is None else round(clearance, 4),
        bonds=tuple((atom, partner, round(length, 4)) for atom, partner, length in one.bonds),
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    folder = tmp_path_factory.mktemp("plain")
    still = np.zeros(3)
    found = [told(outcome(write(folder, frames, "xu", still, still))) for frames in (SCATTERED, BROKEN)]
    assert [one.mode for one in found] == [paper.SCATTERED, paper.CC_BROKEN]
    assert found[0].lowest_clearance_angstrom == pytest.approx(1.5, abs=0.1)
    return found[0], found[1]


@settings(max_examples=60, deadline=None)
@given(
    presentation=st.sampled_from(PRESENTATIONS),
    broken=st.booleans(),
    # symmetrix switches subnormals off in a process that loaded it
    shift=st.tuples(*[st.floats(-40.0, 40.0, allow_subnormal=False)] * 3),
    drift=st.tuples(*[st.floats(-1.5, 1.5, allow_subnormal=False)] * 3),
)
@example(presentation="x", broken=True, shift=(0.0, 0.0, HEIGHT - 8.5), drift=(0.0, 0.0, 0.0))
@example(presentation="XDATCAR", broken=True, shift=(1.0, 0.0, HEIGHT - 8.5), drift=(0.0, 0.0, 0.0))
@example(presentation="x torn images", broken=False, shift=(0.0, 0.0, HEIGHT - 2.0), drift=(0.0, 0.0, 1.0))
@example(presentation="xu", broken=False, shift=(0.0, 0.0, 33.0), drift=(0.0, 0.0, -1.5))
def test_the_outcome_is_that_of_the_trajectory_not_of_its_columns(
    plain: tuple[Outcome, Outcome],
    presentation: str,
    broken: bool,
    shift: tuple[float, float, float],
    drift: tuple[float, float, float],
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder), BROKEN if broken else SCATTERED, presentation, np.array(shift), np.array(drift))
        found = told(outcome(path))
        reason, found = found.reason, dataclasses.replace(found, reason="")
        assert found == dataclasses.replace(plain[broken], reason="")
        assert reason.split("(")[0] == plain[broken].reason.split("(")[0]


@settings(max_examples=20, deadline=None)
@given(
    presentation=st.sampled_from(PRESENTATIONS[:-1]),
    # symmetrix switches subnormals off in a process that loaded it
    shift=st.tuples(*[st.floats(-40.0, 40.0, allow_subnormal=False)] * 3),
    drift=st.tuples(*[st.floats(-1.5, 1.5, allow_subnormal=False)] * 3),
)
def test_frames_by_themselves_do_not_depend_on_the_columns_either(
    presentation: str, shift: tuple[float, float, float], drift: tuple[float, float, float]
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder), BROKEN, presentation, np.array(shift), np.array(drift))
        modes = [one.mode for one in classify_frames(path, SETTINGS, path.parent)]
    assert modes[0] == paper.PHYSISORBED
    assert modes[-9:] == [paper.CC_BROKEN] * 9


def test_unwrapped_coordinates_may_jump_as_far_as_they_like(tmp_path: Path) -> None:
    """Between two frames of a sparse dump the molecule goes through most of a cell."""
    sparse = co_over_copper([4.0, 1.6, 1.7, 17.0, 39.0, 60.0], [1.13] * 6)
    for presentation in ("xu", "x images", "xsu"):
        found = outcome(write(tmp_path, sparse, presentation, np.zeros(3), np.zeros(3)))
        assert found.mode == paper.SCATTERED, presentation
        assert found.lowest_clearance_angstrom == pytest.approx(1.5, abs=0.1)
        assert "C0-O1" not in found.reason


def test_a_molecule_that_jumps_by_half_a_cell_stays_in_one_piece_and_does_not_go_through_the_slab(
    tmp_path: Path,
) -> None:
    sparse = co_over_copper([4.0, 1.6, 1.7, 12.1, 23.0], [1.13] * 5)
    for presentation in ("x", "xs", "extxyz"):
        found = outcome(write(tmp_path, sparse, presentation, np.zeros(3), np.zeros(3)))
        assert found.mode == paper.SCATTERED, presentation
        assert found.lowest_clearance_angstrom == pytest.approx(1.5, abs=0.1)


def test_an_intact_molecule_cut_by_its_own_cell_is_put_together(tmp_path: Path) -> None:
    intact = Atoms("CO", positions=[[1.0, 1.0, 9.8], [1.0, 1.0, 0.93]], cell=[10.0, 10.0, 10.0], pbc=True)
    ase.io.write(tmp_path / "co.extxyz", intact)
    path = write(tmp_path, BROKEN, "x", np.zeros(3), np.zeros(3))
    named = SETTINGS.model_copy(update={"intact_molecule": Path("co.extxyz")})
    assert decide_files("t", [path], named, tmp_path)[0].mode == paper.CC_BROKEN
