"""Labels that look whole and are not: forces that a constraint zeroed, periodicity that was lost, energies per atom."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.emt import EMT
from ase.io import write

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.dataset.write import write_dataset
from molgun_lmp.training.settings import FrameLimits, Split


def slab_frames(n_frames: int = 12, *, step: float = 0.03) -> list[Atoms]:
    """Copper with a CO, its atoms moved a little from frame to frame, with energies and forces of EMT."""
    rng = np.random.default_rng(4)
    slab = fcc111("Cu", (2, 2, 3), vacuum=8.0)
    slab.pbc = True
    slab += Atoms("CO", positions=slab.positions[-1] + np.array([[0, 0, 1.9], [0, 0, 3.05]]))
    frames = []
    for number in range(n_frames):
        slab.positions += rng.normal(0.0, step, slab.positions.shape)
        frames.append(labelled(slab, trajectory=f"run{number // 6}"))
    return frames


def labelled(atoms: Atoms, *, trajectory: str = "run") -> Atoms:
    kept = atoms.copy()
    kept.calc = EMT()
    energy, forces = kept.get_potential_energy(), kept.get_forces()
    kept.calc = None
    kept.info = {"REF_energy": energy, "trajectory": trajectory}
    kept.set_array("REF_forces", forces)
    return kept


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Sequence[Atoms]], Path]:
    def to_file(frames: Sequence[Atoms]) -> Path:
        write(tmp_path / "frames.extxyz", list(frames), format="extxyz")
        return tmp_path / "frames.extxyz"

    return to_file


def zero(frames: Sequence[Atoms], atoms: Sequence[int], components: Sequence[int] = (0, 1, 2)) -> None:
    for frame in frames:
        forces = frame.arrays["REF_forces"]
        forces[np.ix_(list(atoms), list(components))] = 0.0


def test_whole_forces_are_taken(save: Callable[[Sequence[Atoms]], Path]) -> None:
    assert len(read_dataset([save(slab_frames())]).frames) == 12


@pytest.mark.parametrize(
    ("frames", "components", "named"),
    [(slice(None), (0, 1, 2), "run0"), (slice(6, None), (0, 1, 2), "run1"), (slice(None), (2,), "run0")],
)
def test_forces_that_a_constraint_zeroed_stop_a_data_set(
    save: Callable[[Sequence[Atoms]], Path], tmp_path: Path, frames: slice, components: tuple[int, ...], named: str
) -> None:
    every = slab_frames()
    zero(every[frames], range(4), components)
    file = save(every)
    with pytest.raises(InputFileError, match=f"forces of 4 atoms are exactly zero .* trajectory {named}"):
        write_dataset([file], tmp_path / "out", limits=FrameLimits(energies_follow_forces=False))
    meant = FrameLimits(energies_follow_forces=False, zeroed_forces=True)
    report = write_dataset([file], tmp_path / "out", limits=meant, split=Split(by="random", validation=0.2))
    assert report["frames_usable"] == 12


def test_forces_zeroed_in_frames_of_one_trajectory_each_are_seen_too(
    save: Callable[[Sequence[Atoms]], Path],
) -> None:
    frames = slab_frames(4)
    for number, frame in enumerate(frames):
        frame.info["trajectory"] = f"t{number}"
    zero(frames, [0])
    with pytest.raises(InputFileError, match=r"forces of 1 atoms are exactly zero .* of these atoms"):
        read_dataset([save(frames)])


def test_zeros_of_symmetry_are_no_constraint(save: Callable[[Sequence[Atoms]], Path]) -> None:
    """The middle layer of a symmetric slab, and all atoms of a perfect crystal."""
    frames = []
    for number in range(4):
        slab = fcc111("Cu", (1, 1, 5), a=3.5 + 0.03 * number, vacuum=8.0)
        slab.pbc = True
        frames.append(labelled(slab))
        forces = frames[-1].arrays["REF_forces"]
        frames[-1].arrays["REF_forces"] = np.where(np.abs(forces) < 1e-8, 0.0, forces)
        frames.append(labelled(bulk("Cu", cubic=True, a=3.5 + 0.03 * number)))
        frames[-1].arrays["REF_forces"] = np.zeros((4, 3))
    assert len(read_dataset([save(frames)]).frames) == 8


def without_pbc(frames: Sequence[Atoms], pbc: object = False) -> list[Atoms]:
    changed = [frame.copy() for frame in frames]
    for frame in changed:
        frame.pbc = pbc
    return changed


@pytest.mark.parametrize("pbc", [False, (True, False, True), (False, False, True)])
@pytest.mark.parametrize("from_frame", [0, 6])
def test_periodicity_that_was_lost_stops_a_data_set(
    save: Callable[[Sequence[Atoms]], Path], from_frame: int, pbc: object
) -> None:
    frames = slab_frames()
    file = save([*frames[:from_frame], *without_pbc(frames[from_frame:], pbc)])
    with pytest.raises(InputFileError, match=rf"frames\.extxyz#{from_frame} says .* bonded across"):
        read_dataset([file])
    assert len(read_dataset([file], limits=FrameLimits(lost_periodicity=True)).frames) == 12


def test_the_same_atoms_with_two_periodicities_are_refused(save: Callable[[Sequence[Atoms]], Path]) -> None:
    frames = slab_frames()
    with pytest.raises(InputFileError, match=r"periodic along T T F, and .*T T T"):
        read_dataset([save([*frames[:6], *without_pbc(frames[6:], (True, True, False))])])
    no_cell = without_pbc(frames[6:])
    for frame in no_cell:
        frame.cell = None
    with pytest.raises(InputFileError, match=r"periodic along F F F, and .*T T T"):
        read_dataset([save([*frames[:6], *no_cell])])


def test_a_slab_without_periodicity_along_its_vacuum_and_a_molecule_in_a_box_are_whole(
    save: Callable[[Sequence[Atoms]], Path], tmp_path: Path
) -> None:
    frames = without_pbc(slab_frames(), (True, True, False))
    for number in range(6):
        alone = molecule("CO", vacuum=5.0)
        alone.positions[1] += 0.01 * number
        frames.append(labelled(alone, trajectory="gas"))
    report = write_dataset([save(frames)], tmp_path / "out", split=Split(by="random", validation=0.2))
    assert report["periodicities"] == {"T T F": 12, "F F F": 6}


def test_energies_per_atom_are_called_so(save: Callable[[Sequence[Atoms]], Path]) -> None:
    frames = slab_frames(40)
    for frame in frames:
        frame.info["REF_energy"] /= len(frame)
    with pytest.raises(InputFileError, match="energies per atom"):
        read_dataset([save(frames)])
    for frame in frames:
        frame.info["REF_energy_per_atom"] = frame.info.pop("REF_energy")
    labels = Labels(energy="REF_energy_per_atom", forces="REF_forces")
    with pytest.raises(InputFileError, match="called an energy per atom"):
        read_dataset([save(frames)], labels=labels)
    meant = FrameLimits(energies_follow_forces=False)
    assert len(read_dataset([save(frames)], labels=labels, limits=meant).frames) == 40
