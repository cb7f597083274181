"""The built slab is Si(001) as the field knows it; the molecule comes from a file or a SMILES string."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.config import Si001Start, StructureFile
from molgun_lmp.errors import GeometryError, InputFileError
from molgun_lmp.gun.builders import build_molecule, build_si001, build_slab
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.surface.clean_surface import find_surface


def test_the_default_slab_is_the_paper_s(si001: Atoms) -> None:
    assert si001.get_chemical_formula() == "H32Si96"
    assert si001.cell.lengths()[:2] == pytest.approx([15.469, 15.469], abs=1e-3)  # PBE lattice constant 5.469 Å
    assert si001.positions[:, 2].min() == pytest.approx(1.0)
    assert si001.pbc.all()


@pytest.mark.parametrize(
    ("size", "layers", "reconstruction"), [((4, 4), 6, "c(4x2)"), ((4, 2), 5, "p(2x2)"), ((2, 4), 7, "p(2x2)")]
)
def test_every_atom_has_its_bonds(size: tuple[int, int], layers: int, reconstruction: str) -> None:
    slab = build_si001(
        Si001Start.model_validate({"kind": "si001", "size": size, "layers": layers, "reconstruction": reconstruction})
    )
    repeated = slab.repeat((2, 2, 1))  # so that no atom is bonded to its own image
    distances = repeated.get_all_distances(mic=True)
    silicon = repeated.numbers == 14
    bonds = (distances < 2.6) & (distances > 0) & (silicon[:, None] | silicon[None, :])
    top = repeated.arrays["layer"] == 0
    assert set(bonds[top].sum(axis=1)) == {3}  # two back bonds and the dimer
    assert set(bonds[silicon & ~top].sum(axis=1)) == {4}
    assert set(bonds[~silicon].sum(axis=1)) == {1}
    si_h = distances[np.ix_(silicon, ~silicon)]
    assert si_h.min() == pytest.approx(1.48)


def test_dimers_are_buckled(si001: Atoms) -> None:
    for number in range(8):
        one, other = np.flatnonzero(si001.arrays["dimer"] == number)
        vector = si001.get_distance(one, other, mic=True, vector=True)
        assert np.linalg.norm(vector) == pytest.approx(2.30)
        assert np.degrees(np.arcsin(abs(vector[2]) / 2.30)) == pytest.approx(17.5)
        assert abs(vector[0]) < 1e-9  # along y, rows along x


def test_labels_agree_with_the_surface_that_is_found(si001: Atoms) -> None:
    surface = find_surface(si001)
    silicon = si001.numbers == 14
    assert np.array_equal(surface.layer[silicon], si001.arrays["layer"][silicon])
    assert set(si001.arrays["layer"][~silicon]) == {6}
    pairs = {frozenset(np.flatnonzero(si001.arrays["dimer"] == number)) for number in range(8)}
    assert {frozenset(pair) for pair in surface.dimers} == pairs


def _up_ends(slab: Atoms) -> dict[int, int]:
    """Dimer -> +1 where its end at larger y is the upper one, else -1."""
    ends = {}
    for number in range(slab.arrays["dimer"].max() + 1):
        one, other = np.flatnonzero(slab.arrays["dimer"] == number)
        vector = slab.get_distance(one, other, mic=True, vector=True)
        ends[number] = int(np.sign(vector[1] * vector[2]))
    return ends


def test_rows_buckle_in_phase_or_in_antiphase() -> None:
    for reconstruction, phase in (("p(2x2)", 1), ("c(4x2)", -1)):
        ends = _up_ends(build_si001(Si001Start.model_validate({"kind": "si001", "reconstruction": reconstruction})))
        for along in range(4):
            assert ends[along] == -ends[(along + 1) % 4]  # alternating along the row
            assert ends[along + 4] == phase * ends[along]  # the next row


@pytest.mark.parametrize(("size", "reconstruction"), [((3, 4), "p(2x2)"), ((4, 2), "c(4x2)"), ((4, 3), "p(2x2)")])
def test_a_size_that_does_not_fit_is_refused(size: tuple[int, int], reconstruction: str) -> None:
    start = Si001Start.model_validate({"kind": "si001", "size": size, "reconstruction": reconstruction})
    with pytest.raises(GeometryError, match=r"does not fit.*system\.slab\.start\.size"):
        build_si001(start)


def test_structures_from_files(ecco: Atoms, tmp_path: Path) -> None:
    ecco.write(tmp_path / "molecule.xyz")
    start = StructureFile(path=Path("molecule.xyz"))
    for build in (build_slab, build_molecule):
        assert build(start, lambda path: tmp_path / path).get_chemical_formula() == "C12H14"


def test_a_file_that_is_no_structure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("not a structure")
    for name in ("a.xyz", "absent.xyz"):
        with pytest.raises(InputFileError, match=name):
            read_structure(tmp_path / name)
