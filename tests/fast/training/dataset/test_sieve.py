"""What is found wrong with frames: broken bonds, mixed levels of theory, wrong units, kinetic energy in the labels."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from frame_cases import hydrogen
from vasp_cases import Step, outcar, vasprun

from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.intact_bonds import bond_limits
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.settings import FrameLimits


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def to_file(frames: Sequence[Atoms], name: str = "frames.extxyz") -> Path:
        write(tmp_path / name, list(frames), format="extxyz")
        return tmp_path / name

    return to_file


def methane(stretch: float, *, cell: float | None = None, shift: float = 0.0) -> Atoms:
    """CH4 whose first C-H bond is longer by `stretch` Å."""
    atoms = molecule("CH4")
    bond = atoms.positions[1] - atoms.positions[0]
    atoms.positions[1] += stretch * bond / np.linalg.norm(bond)
    if cell is not None:
        atoms.set_cell([[cell, 0, 0], [cell / 2, cell, 0], [0, 0, cell]])
        atoms.pbc = True
    atoms.positions += shift
    if cell is not None:
        atoms.wrap()
    atoms.info["REF_energy"] = -24.0 + stretch**2
    atoms.set_array("REF_forces", np.zeros((5, 3)))
    return atoms


@pytest.mark.parametrize("wanted", [{"C-H": 1.67}, {"H-C": None}])
@pytest.mark.parametrize(("cell", "shift"), [(None, 0.0), (9.0, 0.0), (9.0, 4.4)])
def test_a_broken_bond_of_the_molecule_is_dropped_with_its_limit(
    save: Callable[..., Path], wanted: dict[str, float | None], cell: float | None, shift: float
) -> None:
    # C-H is 1.09 Å long at rest.
    frames = [methane(stretch, cell=cell, shift=shift) for stretch in (0.0, 0.5, 0.7, 2.0)]
    dataset = read_dataset([save(frames)], limits=FrameLimits(intact_bonds=wanted))
    assert [drop.source for drop in dataset.dropped] == ["frames.extxyz#2", "frames.extxyz#3"]
    assert all(drop.reason == DropReason.BOND_FISSION for drop in dataset.dropped)
    assert "1.79 Å long, limit 1.67 Å" in dataset.dropped[0].detail


def test_other_bonds_may_break_unless_asked(save: Callable[..., Path]) -> None:
    file = save([hydrogen(0.74), hydrogen(2.5)])
    assert not read_dataset([file], limits=FrameLimits(intact_bonds={"C-H": None})).dropped
    (drop,) = read_dataset([file], limits=FrameLimits(intact_bonds={"H-H": None})).dropped
    assert drop.reason == DropReason.BOND_FISSION


def test_the_default_limit_is_the_radii_and_the_slack() -> None:
    assert bond_limits({"C-H": None, "Si-C": 2.5}) == {"C-H": pytest.approx(0.76 + 0.31 + 0.6), "Si-C": 2.5}
    with pytest.raises(ConfigError, match="not a pair of elements"):
        bond_limits({"C-Xy": None})


def test_runs_of_two_levels_of_theory_are_refused(tmp_path: Path) -> None:
    for name, encut in [("cheap", 300.0), ("dear", 400.0)]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "vasprun.xml").write_text(vasprun([Step(distance=encut / 500)], encut=encut))
    with pytest.raises(InputFileError, match=r"dear/vasprun\.xml has ENCUT = 400, but .*cheap/vasprun\.xml.* has 300"):
        read_dataset([tmp_path])


def test_vasprun_and_outcar_of_one_level_go_together(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "vasprun.xml").write_text(vasprun([Step()]))
    (tmp_path / "OUTCAR").write_text(outcar([Step(distance=0.9)]))
    assert len(read_dataset([tmp_path]).frames) == 2


def test_vasp_keeps_its_labels_beside_named_keys(tmp_path: Path, save: Callable[..., Path]) -> None:
    (tmp_path / "OUTCAR").write_text(outcar([Step(free_energy=-6.75)]))
    atom = save([Atoms("H", info={"REF_energy": -1.1, "config_type": "IsolatedAtom"})])
    labels = Labels(energy="REF_energy", forces="REF_forces")
    dataset = read_dataset([tmp_path / "OUTCAR", atom], labels=labels)
    assert [frame.energy_ev for frame in dataset.frames] == [-6.75]
    assert dataset.isolated_atoms_ev == {"H": -1.1}


def test_the_free_energy_is_meant_where_both_are_there(save: Callable[..., Path]) -> None:
    atoms = hydrogen(keys=("dft_energy", "dft_forces"))
    atoms.info["dft_free_energy"] = -31.25
    dataset = read_dataset([save([atoms])])
    assert dataset.labels == Labels(energy="dft_free_energy", forces="dft_forces")
    assert dataset.frames[0].energy_ev == -31.25


def test_one_atom_alone_is_an_isolated_atom_and_one_in_a_crystal_is_not(save: Callable[..., Path]) -> None:
    def atom(cell: float, energy: float) -> Atoms:
        atoms = Atoms("H", cell=[cell, cell, 12.0], pbc=True, info={"REF_energy": energy})
        atoms.set_array("REF_forces", np.zeros((1, 3)))
        return atoms

    dataset = read_dataset([save([atom(12.0, -1.1), atom(2.5, -3.0)])])
    assert dataset.isolated_atoms_ev == {"H": -1.1}
    assert [frame.energy_ev for frame in dataset.frames] == [-3.0]


def vibration(*, energy_unit: float = 1.0, force_unit: float = 1.0, kinetic: bool = False) -> list[Atoms]:
    """H2 as a harmonic spring (30 eV/Å^2) that swings by 0.1 Å in 40 steps, in a cell whose border it crosses."""
    frames = []
    for step in range(40):
        stretch = 0.1 * np.cos(2 * np.pi * step / 40 + 0.01)
        potential, force = 15.0 * stretch**2, -30.0 * stretch
        atoms = Atoms("H2", positions=[[0, 0, 0.6], [0, 0, 9.85 - 0.5 * stretch]], cell=[9, 9, 10], pbc=True)
        atoms.positions[0, 2] += 0.5 * stretch
        atoms.wrap()
        atoms.info["REF_energy"] = energy_unit * (-31.0 + (0.15 if kinetic else potential))
        atoms.set_array("REF_forces", force_unit * np.array([[0, 0, force], [0, 0, -force]]))
        frames.append(atoms)
    return frames


def test_energies_that_follow_the_forces_pass(save: Callable[..., Path]) -> None:
    assert len(read_dataset([save(vibration())]).frames) == 40


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"energy_unit": 1 / 27.211386}, "as with energies in Hartree, forces in eV/Å"),
        ({"energy_unit": 23.06}, "as with energies in kcal/mol"),
        ({"force_unit": 1 / 51.422067}, "as with energies in eV, forces in Hartree/Bohr"),
        ({"force_unit": -1.0}, "opposite sign"),
        ({"kinetic": True}, "include the kinetic energy"),
    ],
)
def test_wrong_units_and_kinetic_energy_are_refused(
    save: Callable[..., Path], wrong: dict[str, float], message: str
) -> None:
    file = save(vibration(**wrong))  # type: ignore[arg-type]
    with pytest.raises(InputFileError, match=message):
        read_dataset([file])
    assert read_dataset([file], limits=FrameLimits(energies_follow_forces=False)).frames


def test_frames_far_apart_prove_nothing(save: Callable[..., Path]) -> None:
    frames = [hydrogen(0.7 + 0.2 * (number % 2) + 1e-4 * number, energy=-31.0) for number in range(30)]
    assert len(read_dataset([save(frames)]).frames) == 30
