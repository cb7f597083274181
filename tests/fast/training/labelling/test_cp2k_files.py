"""What goes into CP2K and what is read from it, without the program; it runs in `tests/engine/test_cp2k_labels.py`."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import CalculationFailed, SCFError
from ase.units import Bohr, Hartree

from molgun_lmp.config.loading import validated
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.labelling.cp2k.atomic_data import ElementKind, data_folder, kinds_of, read_names
from molgun_lmp.training.labelling.cp2k.input_file import input_text, placed
from molgun_lmp.training.labelling.cp2k.output import abort_message, read_answer
from molgun_lmp.training.labelling.cp2k.settings import Cp2kSettings

BASES = """
# a comment about Si
 H  SMALL-GTH SMALL-GTH-q1
  1
  2  0  1  2  2  1
Cu SMALL-GTH-q11
Si BIG-GTH BIG-GTH-q4
 Au SMALL-GTH-q11 SMALL-GTH
Na SMALL-GTH-q9
Na SMALL-GTH-q1 SMALL-GTH
Fe SMALL-GTH-q16
"""
POTENTIALS = """
H GTH-PBE-q1 GTH-PBE
    1
Cu GTH-PBE-q1
Cu GTH-PBE-q11 GTH-PBE
Na GTH-PBE-q1
Na GTH-PBE-q9 GTH-PBE
Si GTH-PBE-q4 GTH-PBE
Fe GTH-PBE-q8
"""
KINDS = (ElementKind("H", "SMALL-GTH-q1", "GTH-PBE-q1", 1), ElementKind("O", "SMALL-GTH-q6", "GTH-PBE-q6", 6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"BASIS_MOLOPT": BASES, "GTH_POTENTIALS": POTENTIALS, "dftd3.dat": ""}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_basis_and_potential_are_of_one_number_of_electrons(folder: Path) -> None:
    basis, potential = (
        read_names(folder / "BASIS_MOLOPT", "SMALL-GTH"),
        read_names(folder / "GTH_POTENTIALS", "GTH-PBE"),
    )
    assert kinds_of(["Na", "H", "Cu", "H"], basis, potential) == (
        ElementKind("Cu", "SMALL-GTH-q11", "GTH-PBE-q11", 11),
        ElementKind("H", "SMALL-GTH-q1", "GTH-PBE-q1", 1),
        ElementKind("Na", "SMALL-GTH-q9", "GTH-PBE-q9", 9),
    )
    with pytest.raises(ConfigError, match=r"BASIS_MOLOPT has no SMALL-GTH for Si, only for Au Cu Fe H Na"):
        kinds_of(["H", "Si"], basis, potential)
    with pytest.raises(ConfigError, match=r"GTH_POTENTIALS has no GTH-PBE for Au"):
        kinds_of(["Au"], basis, potential)
    with pytest.raises(ConfigError, match=r"Fe: SMALL-GTH is for 16 electrons, GTH-PBE for 8"):
        kinds_of(["Fe"], basis, potential)
    with pytest.raises(ConfigError, match=r"has nothing called NONSENSE"):
        read_names(folder / "BASIS_MOLOPT", "NONSENSE")


def test_the_data_are_found_or_it_is_said_where_they_were_looked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_folder(str(folder), "cp2k") == folder.resolve()
    monkeypatch.setenv("CP2K_DATA_DIR", str(folder))
    assert data_folder(None, "cp2k") == folder.resolve()
    monkeypatch.setenv("CP2K_DATA_DIR", str(folder / "elsewhere"))
    with pytest.raises(ConfigError, match=r"no dftd3\.dat in .*elsewhere.*cp2k-data"):
        data_folder(None, "cp2k")


def test_a_slab_stands_whole_in_the_middle_of_the_height_it_is_given() -> None:
    slab = bulk("Si", cubic=True)
    slab.cell[2] = [0.0, 0.0, 30.0]
    rest = slab.positions - slab.positions.mean(axis=0)
    extent = float(np.ptp(slab.positions[:, 2]))
    for shift in np.linspace(0.0, 30.0, 7):
        moved = slab.copy()
        moved.positions[:, 2] = (moved.positions[:, 2] + shift) % 30.0
        cell, positions = placed(moved, Cp2kSettings(height_angstrom=14.0))
        np.testing.assert_allclose(cell, [*slab.cell[:2], [0.0, 0.0, 14.0]])
        np.testing.assert_allclose((positions - positions.mean(axis=0))[:, 2], rest[:, 2], atol=1e-9)
        assert positions[:, 2].min() + positions[:, 2].max() == pytest.approx(14.0)
    np.testing.assert_array_equal(placed(slab, Cp2kSettings())[1], slab.positions)
    with pytest.raises(ConfigError, match=rf"reach over {extent:.2f}.*needs {extent + 6.0:.2f}"):
        placed(slab, Cp2kSettings(height_angstrom=extent + 5.9))
    slab.cell[0, 2] = 1.0
    with pytest.raises(ConfigError, match="third vector alone is along z"):
        placed(slab, Cp2kSettings(height_angstrom=14.0))


def test_the_spin_is_that_of_the_electrons() -> None:
    hydroxyl = Atoms("OH", positions=[[0.0, 0.0, 0.0], [0.0, 0.0, 0.97]], cell=[8.0, 8.0, 8.0], pbc=True)

    def spin(**options: int) -> tuple[str, bool]:
        text = input_text(hydroxyl, KINDS, Cp2kSettings(**options), "ATOMIC")
        return text.split("MULTIPLICITY ")[1].split()[0], "UKS" in text

    assert spin() == ("2", True)
    assert spin(charge=-1) == ("1", False)
    assert spin(charge=-1, multiplicity=3) == ("3", True)
    with pytest.raises(ConfigError, match="7 valence electrons have no multiplicity of 3"):
        spin(multiplicity=3)
    with pytest.raises(ConfigError, match="no cell in three directions"):
        input_text(molecule("OH"), KINDS, Cp2kSettings(), "ATOMIC")


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"options: 1 problem.*\n  cutoff: .*cutoff_ry"):
        validated({"cutoff": 400}, Cp2kSettings, where="options")
    with pytest.raises(ConfigError, match="basis"):
        validated({"basis": "DZVP\n&END"}, Cp2kSettings, where="options")


UNTIL_2024 = """
 outer SCF loop converged in   1 iterations or   19 steps
  *** SCF run converged in    19 steps ***
{said}
 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:              -17.208834336200411

 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X                  Y                  Z
      1      1      O          -0.006601819031     0.081307191269    -0.027888903731
      2      2      H           0.009572317867    -0.063488143941     0.046199322315
 SUM OF ATOMIC FORCES           0.002970498836     0.017819047328     0.018310418584     0.025723000000
"""
SINCE_2025 = """
  *** SCF run converged in    19 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]            -17.208834336200411

 FORCES| Atomic forces [hartree/bohr]
 FORCES|   Atom     x               y               z               |f|
 FORCES|      1 -6.601819031E-03  8.1307191269E-02 -2.7888903731E-02  8.62E-02
 FORCES|      2  9.572317867E-03 -6.3488143941E-02  4.6199322315E-02  7.91E-02
 FORCES| Sum     2.970498836E-03  1.7819047328E-02  1.8310418584E-02
 FORCES| Total atomic force    2.57E-02
"""


@pytest.mark.parametrize("text", [UNTIL_2024, SINCE_2025])
def test_both_layouts_of_the_output_give_the_same(text: str) -> None:
    answer = read_answer(text.replace("{said}", ""), 2)
    assert answer.energy_ev == pytest.approx(-17.208834336200411 * Hartree)
    np.testing.assert_allclose(
        answer.forces * Bohr / Hartree,
        [[-0.006601819031, 0.081307191269, -0.027888903731], [0.009572317867, -0.063488143941, 0.046199322315]],
        rtol=1e-9,
    )
    with pytest.raises(CalculationFailed, match="of 2 atoms that can be read, not of 3"):
        read_answer(text, 3)
    with pytest.raises(CalculationFailed, match="of 1 atoms"):
        read_answer(text.replace("9.572317867E-03", "*" * 15).replace("0.009572317867", "*" * 15), 2)


@pytest.mark.parametrize(
    "said",
    [
        " *** WARNING in qs_scf.F:601 :: SCF run NOT converged ***",
        "  outer SCF loop FAILED to converge after    2 iterations or    4 steps",
    ],
)
def test_an_unconverged_field_is_no_label_though_its_forces_are_printed(said: str) -> None:
    with pytest.raises(SCFError, match="did not converge"):
        read_answer(UNTIL_2024.replace("{said}", said), 2)


def test_what_cp2k_says_in_its_box_is_one_line() -> None:
    box = r"""
 *   ___                                                                       *
 *  /   \                                                                      *
 * [ABORT]                                                                     *
 *  \___/  The requested basis set <NONSENSE> for element <O> was not found in *
 *    |                     the basis set files <BASIS_MOLOPT>                 *
 *  O/|                                                                        *
 * /| |                                                                        *
 * / \                                          aobasis/basis_set_types.F:1509 *
 *******************************************************************************
 ===== Routine Calling Stack =====
"""
    assert abort_message(box) == (
        "The requested basis set <NONSENSE> for element <O> was not found in the basis set files <BASIS_MOLOPT> "
        "aobasis/basis_set_types.F:1509"
    )
    assert abort_message("PROGRAM ENDED") is None
