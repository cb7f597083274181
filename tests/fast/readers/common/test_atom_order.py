"""Extended XYZ that lists the atoms anew in each frame is put in the order of its column `id`, on every road."""

from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.pools import read_pool
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.training.dataset.read import read_dataset

PLACES: FloatArray = np.array([[5.0, 5.0, 5.0], [5.96, 5.0, 5.0], [4.76, 5.93, 5.0], [9.0, 9.0, 9.0]])


def frame(number: int, order: Sequence[int], ids: Sequence[int] | Sequence[str] = (3, 11, 12, 40)) -> Atoms:
    """OH2Ar, its atoms listed in this order."""
    atoms = Atoms("OH2Ar", positions=PLACES + 0.1 * number, cell=[10, 10, 10], pbc=True)
    atoms.set_velocities(PLACES - 5.0 + number)
    atoms.info["REF_energy"] = -1.0 - 0.01 * number
    atoms.set_array("REF_forces", PLACES * 0.01)
    atoms.set_array("id", np.array(ids))
    return atoms[list(order)]


ORDERS = ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0])


def written(path: Path, column: str = "id") -> Path:
    ase.io.write(path, [frame(number, order) for number, order in enumerate(ORDERS)])
    path.write_text(path.read_text().replace("id:I:1", f"{column}:I:1"))
    return path


@pytest.mark.parametrize("column", ["id", "ID"])
def test_trajectories_pools_and_data_sets_have_one_order(tmp_path: Path, column: str) -> None:
    path = written(tmp_path / "a.extxyz", column)
    frames = list(read_frames(path))
    snapshots = read_pool(path, "slab").snapshots
    labelled = read_dataset([path]).frames
    for number, (one, snapshot, kept) in enumerate(zip(frames, snapshots, labelled, strict=True)):
        truth = frame(number, ORDERS[0])
        for found in (one.atoms(), snapshot, kept.atoms()):
            assert found.get_chemical_symbols() == ["O", "H", "H", "Ar"]
            assert found.positions == pytest.approx(truth.positions, abs=1e-6)
        for found in (one.atoms(), snapshot):
            assert found.get_velocities() == pytest.approx(truth.get_velocities(), abs=1e-6)
        assert kept.forces == pytest.approx(PLACES * 0.01, abs=1e-6)
    assert read_structure(path).positions == pytest.approx(frame(2, ORDERS[0]).positions, abs=1e-6)


def test_an_id_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    ase.io.write(path, [frame(0, ORDERS[0]), frame(1, ORDERS[1], ids=(3, 11, 11, 40))])
    for read in (lambda: list(read_frames(path)), lambda: read_pool(path, "slab"), lambda: read_dataset([path])):
        with pytest.raises(InputFileError, match="the id 11 stands twice"):
            read()


def test_ids_that_are_words_say_nothing_about_the_order(tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    ase.io.write(path, [frame(number, ORDERS[0], ids=("b", "a", "d", "c")) for number in range(2)])
    assert [one.symbols for one in read_frames(path)] == [("O", "H", "H", "Ar")] * 2
