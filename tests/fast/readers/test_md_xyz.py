"""XYZ files of CP2K, with what lies beside them, and of i-PI: units, times, cells, and what is wrong with them."""

import gzip
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import CASES, GROUPS, SLAB, SYMBOLS, molecule
from ase import Atoms

from molgun_lmp.analysis.outcomes.external_system import decide_files
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.pools import read_pool
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame
from molgun_lmp.readers.sources import find_sources, items_of
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.readers.vasp_trajectories import Given
from molgun_lmp.results.external import trajectories
from molgun_lmp.training.dataset.read import Dataset, read_dataset
from molgun_lmp.training.settings import FrameLimits

BOHR, HARTREE, ATOMIC_TIME_PS = 0.529177210, 27.2113860, 2.4188843e-5  # CODATA 2014
WATER = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
NO_CHECK = FrameLimits(energies_follow_forces=False)


def xyz(values: Sequence[FloatArray], symbols: str = "OHH", every: int = 1, energy: float = -17.1) -> str:
    """Frames as CP2K writes them, 0.5 fs apart."""
    names = Atoms(symbols).get_chemical_symbols()
    return "".join(
        f"{len(names):>8}\n i = {step:>8}, time = {0.5 * step:>12.3f}, E = {energy + 1e-3 * step:>20.10f}\n"
        + "".join(
            f"{name:>3}" + "".join(f"{x:>20.10f}" for x in row) + "\n" for name, row in zip(names, one, strict=True)
        )
        for step, one in zip(range(0, every * len(values), every), values, strict=True)
    )


def cells(vectors: Sequence[FloatArray]) -> str:
    head = "#   Step   Time [fs]       Ax [Angstrom]       Ay [Angstrom] ...      Volume [Angstrom^3]\n"
    return head + "".join(
        f"{step:>8}{0.5 * step:>14.3f}"
        + "".join(f"{x:>20.10f}" for x in cell.ravel())
        + f"{abs(np.linalg.det(cell)):>25.10f}\n"
        for step, cell in enumerate(vectors)
    )


def ener(count: int, energy: float = -17.1) -> str:
    return "#  Step Nr.  Time[fs]  Kin.[a.u.]  Temp[K]  Pot.[a.u.]  Cons Qty[a.u.]  UsedTime[s]\n" + "".join(
        f"{step} {0.5 * step:.6f} 0.004 300.0 {energy + 1e-3 * step:.9f} {energy + 0.004:.9f} 1.2\n"
        for step in range(count)
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of water in a cell of 9 Å, of four steps."""
    steps = [WATER + 0.01 * step for step in range(4)]
    (tmp_path / "w-pos-1.xyz").write_text(xyz(steps))
    (tmp_path / "w-frc-1.xyz").write_text(xyz([0.01 * one for one in steps]))
    (tmp_path / "w-vel-1.xyz").write_text(xyz([1e-3 * one for one in steps]))
    (tmp_path / "w-1.cell").write_text(cells([9.0 * np.eye(3)] * 4))
    (tmp_path / "w-1.ener").write_text(ener(4))
    return tmp_path


def dataset(path: Path) -> Dataset:
    return read_dataset([path], limits=NO_CHECK)


def test_units_times_and_cell_of_cp2k(run: Path) -> None:
    frames = list(read_frames(run / "w-pos-1.xyz"))
    assert [frame.step for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_ps for frame in frames] == pytest.approx([0.0, 0.0005, 0.001, 0.0015])
    assert frames[2].positions == pytest.approx(WATER + 0.02)
    assert frames[2].velocities == pytest.approx(1e-3 * (WATER + 0.02) * BOHR / ATOMIC_TIME_PS, rel=1e-6)
    assert frames[2].cell == pytest.approx(9.0 * np.eye(3))
    assert frames[2].pbc == (True, True, True)
    read = dataset(run / "w-pos-1.xyz")
    assert [frame.energy_ev for frame in read.frames] == pytest.approx(
        [(-17.1 + 1e-3 * step) * HARTREE for step in range(4)]
    )
    assert read.frames[3].forces == pytest.approx(0.01 * (WATER + 0.03) * HARTREE / BOHR, rel=1e-6)
    (run / "w-frc-1.xyz").write_text((run / "w-frc-1.xyz").read_text() + "\n")
    assert read.files.keys() == {"w-pos-1.xyz"}
    assert dataset(run / "w-pos-1.xyz").files != read.files, "other forces are another data set"
    assert read_structure(run / "w-pos-1.xyz").positions == pytest.approx(WATER + 0.03)
    pool = read_pool(run / "w-pos-1.xyz", "molecule")
    assert pool.snapshots[1].get_velocities() == pytest.approx(frames[1].atoms().get_velocities())


def test_folders_archives_and_packed_files_of_cp2k(run: Path, tmp_path: Path) -> None:
    plain = [frame.energy_ev for frame in dataset(run).frames]
    assert len(plain) == 4
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted(run.glob("w-*")):
            archive.write(file, f"deep/{file.name}")
    assert [frame.energy_ev for frame in dataset(tmp_path / "all.zip").frames] == plain
    (tmp_path / "packed").mkdir()
    for file in run.glob("w-*"):
        (tmp_path / "packed" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert [frame.energy_ev for frame in dataset(tmp_path / "packed").frames] == plain
    assert len(list(read_frames(tmp_path / "packed" / "w-pos-1.xyz.gz"))) == 4


def test_forces_of_fewer_steps_go_with_theirs(run: Path) -> None:
    (run / "w-frc-1.xyz").write_text(xyz([0.01 * WATER + 0.01, 0.03 * WATER - 0.01], every=2))
    read = dataset(run / "w-pos-1.xyz")
    assert [frame.source for frame in read.frames] == ["w-pos-1.xyz#0", "w-pos-1.xyz#2"]
    assert read.frames[1].forces == pytest.approx((0.03 * WATER - 0.01) * HARTREE / BOHR, rel=1e-6)
    assert [drop.reason for drop in read.dropped] == [DropReason.NO_FORCES] * 2


def test_a_run_of_cp2k_that_was_taken_up_again(run: Path) -> None:
    steps = [WATER + 0.01 * step for step in range(4)]
    for name, factor in (("pos", 1.0), ("frc", 0.01)):
        text = xyz([factor * one for one in steps])
        again = "".join(text.splitlines(keepends=True)[10:])
        (run / f"w-{name}-1.xyz").write_text(text + again)
    read = find_items(run / "w-pos-1.xyz")
    assert [one.step for one in read] == [0, 1, 2, 3, 2, 3]
    assert read[5].forces["forces"] == pytest.approx(0.01 * steps[3] * HARTREE / BOHR, rel=1e-6)


def find_items(path: Path) -> list[FoundFrame]:
    with find_sources([path]) as sources:
        return [item for source in sources.files for item in items_of(source) if isinstance(item, FoundFrame)]


def test_a_cell_that_changes_is_matched_by_its_step(run: Path) -> None:
    lengths = [9.0, 9.1, 9.2, 9.3]
    (run / "w-1.cell").write_text(cells([length * np.eye(3) for length in lengths]))
    assert [frame.cell[0, 0] for frame in read_frames(run / "w-pos-1.xyz")] == pytest.approx(lengths)
    (run / "w-1.cell").write_text(cells([length * np.eye(3) for length in lengths[:3]]))
    with pytest.raises(InputFileError, match=r"w-1\.cell: the cell changes in the run, and that of step 3 is not"):
        list(read_frames(run / "w-pos-1.xyz"))


def test_cp2k_without_a_cell_is_refused_with_what_to_add(run: Path) -> None:
    (run / "w-1.cell").unlink()
    with pytest.raises(InputFileError, match=r"lay the run's NAME-1\.cell beside"):
        dataset(run / "w-pos-1.xyz")


WRONG: dict[str, tuple[str, Callable[[str], str], str]] = {
    "forces of other steps": ("frc", lambda text: text.replace("i =        ", "i =        7"), "none of its steps"),
    "forces of other atoms": ("frc", lambda text: xyz([WATER[:2]] * 4, "OH"), "2 atoms, which are not the 3"),
    "positions of other atoms": (
        "pos",
        lambda text: text + "2\n i = 4, E = -17.0\nO 0 0 0\nH 0 0 1\n",
        "frame 4: its 2 atoms are not the 3",
    ),
    "a wrong number": ("pos", lambda text: text.replace("3\n", "2\n", 1), "3 atoms, which are not the 2"),
    "a damaged comment": ("pos", lambda text: text.replace("E =", "E", 3).replace("E ", "E =", 1), "comment line"),
    "no element": ("pos", lambda text: text.replace("  H ", "  Q ", 1), "Q is no chemical element"),
    "no number": ("frc", lambda text: text.replace("0.0096", "******", 1), "w-frc-1.xyz, frame 0: it is damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_damaged_files_of_cp2k_are_named(run: Path, case: str) -> None:
    what, change, message = WRONG[case]
    file = run / f"w-{what}-1.xyz"
    file.write_text(change(file.read_text()))
    with pytest.raises(InputFileError, match=message):
        dataset(run / "w-pos-1.xyz")


def test_damaged_tables_of_cp2k_are_named(run: Path) -> None:
    whole = (run / "w-1.cell").read_text()
    for text in (whole.replace("9.0", "9.9", 1), whole.replace("9.0", "*.*", 1), whole.replace("       1", "   x", 1)):
        (run / "w-1.cell").write_text(text)
        with pytest.raises(InputFileError, match=r"w-1\.cell, line \d"):
            dataset(run / "w-pos-1.xyz")
    (run / "w-1.cell").write_text(whole[:-30])
    assert len(dataset(run / "w-pos-1.xyz").frames) == 4
    (run / "w-1.ener").write_text(ener(4, -18.0))
    with pytest.raises(InputFileError, match=r"step 0: its energy is -17\.1 hartree.*different runs"):
        dataset(run / "w-pos-1.xyz")


def test_cut_files_of_cp2k_end_with_what_is_whole(run: Path) -> None:
    for name in ("pos", "vel", "frc"):
        file = run / f"w-{name}-1.xyz"
        file.write_text(file.read_text()[:-5])
    frames = list(read_frames(run / "w-pos-1.xyz"))
    assert ([frame.step for frame in frames], frames[-1].cut_after) == ([0, 1, 2], True)
    read = dataset(run / "w-pos-1.xyz")
    assert (len(read.frames), [drop.reason for drop in read.dropped]) == (3, [DropReason.CUT])


def test_forces_and_velocities_are_no_positions(run: Path) -> None:
    for name in ("w-frc-1.xyz", "w-vel-1.xyz"):
        with pytest.raises(InputFileError, match=r"NAME-pos-1\.xyz"):
            list(read_frames(run / name))
        with pytest.raises(InputFileError, match=r"NAME-pos-1\.xyz"):
            dataset(run / name)


FALL = (molecule(), molecule(), *(CASES["OT-CY"][0],) * 9)


def test_a_trajectory_of_cp2k_is_decided_with_its_own_times(tmp_path: Path) -> None:
    cell = SLAB.cell.array.copy()
    cell[2, 2] = 60.0
    symbols = "".join([*SLAB.get_chemical_symbols(), *SYMBOLS])
    path = tmp_path / "a-pos-1.xyz"
    path.write_text(xyz([np.concatenate([SLAB.positions, one]) for one in FALL], symbols, every=40))
    (tmp_path / "a-1.cell").write_text(cells([cell]))
    outcome, _ = decide_files("t", [path], ForeignFiles(groups=dict(GROUPS)), tmp_path)
    assert outcome.mode == paper.OT_CY
    assert outcome.time_ps == pytest.approx(0.2)
    assert outcome.first_contact_ps == pytest.approx(0.04)

    def remembered() -> bool:
        given = [Given(name="a", path=path)]
        settings = ForeignFiles(groups=dict(GROUPS))
        (one,) = trajectories(given, settings, tmp_path, one=False, memory=tmp_path / "cache", processes=1)
        return not one.found

    assert [remembered(), remembered()] == [False, True]
    cell[2, 2] = 62.0
    (tmp_path / "a-1.cell").write_text(cells([cell]))
    assert not remembered(), "another cell: it has to be decided"


def ipi(positions: Sequence[FloatArray], *, unit: str = "angstrom", held: str = "positions") -> str:
    scale = 1.0 if unit == "angstrom" else 1.0 / BOHR
    cell = " ".join(f"{scale * length:.6f}" for length in (9.0, 10.0, 11.0))
    return "".join(
        f"3\n# CELL(abcABC): {cell} 90.00000 90.00000 60.00000  Step: {10 * number}  Bead: 0 "
        f"{held}{{{unit}}}  cell{{{unit}}}\n"
        + "".join(f"{name} {x:.8e} {y:.8e} {z:.8e}\n" for name, (x, y, z) in zip("OHH", scale * one, strict=True))
        for number, one in enumerate(positions)
    )


@pytest.mark.parametrize("unit", ["angstrom", "atomic_unit"])
def test_units_steps_and_cell_of_i_pi(tmp_path: Path, unit: str) -> None:
    file = tmp_path / "simulation.pos_0.xyz"
    file.write_text(ipi([WATER, WATER + 0.1], unit=unit))
    frames = list(read_frames(file))
    assert [frame.step for frame in frames] == [0, 10]
    found = find_items(file)[1]
    for one in (frames[1], found.atoms(), read_structure(file)):
        assert one.positions == pytest.approx(WATER + 0.1, abs=1e-6)
        assert np.array(one.cell) == pytest.approx(
            np.array([[9.0, 0.0, 0.0], [5.0, 10.0 * np.sin(np.pi / 3), 0.0], [0.0, 0.0, 11.0]]), abs=1e-5
        )
        assert tuple(one.pbc) == (True, True, True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("positions{", "forces{", "the file holds forces"),
        ("positions{angstrom}", "positions{meter}", "the unit 'meter' is not read"),
        ("Step: 10", "Step: x", "frame 1: the comment line is not i-PI's"),
        ("60.0", "200.0", "no cell has"),
        ("9.000000", "nan", "no cell has"),
        ("abcABC", "H", "the comment line is not i-PI's"),
    ],
)
def test_damaged_headers_of_i_pi_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "a.xyz"
    file.write_text(ipi([WATER, WATER]).replace(old, new))
    with pytest.raises(InputFileError, match=message):
        list(read_frames(file))
    with pytest.raises(InputFileError, match=message.replace("frame 1: ", "")):
        find_items(file)


def test_a_cut_file_of_i_pi_ends_with_what_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.xyz"
    file.write_text(ipi([WATER, WATER])[:-4])
    (frame,) = read_frames(file)
    assert frame.cut_after
    file.write_text(ipi([WATER, WATER]).replace("3\n", "2\n", 1))
    with pytest.raises(InputFileError, match="expected the number of atoms"):
        list(read_frames(file))
