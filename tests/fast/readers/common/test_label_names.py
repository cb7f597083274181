"""Which keys are labels: prefixes and suffixes count alike, and what a model has answered is none by itself."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from frame_cases import hydrogen

from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.label_names import is_of_model, pairs_of_names
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.dataset.write import write_dataset

JANUS = (
    *("mace", "mace_mp", "mace_off", "mace_omol", "chgnet", "alphanet", "sevennet", "nequip", "dpa3", "orb"),
    *("mattersim", "grace", "upet", "fairchem", "m3gnet", "alignn", "equiformer", "esen", "uma", "pet_mad"),
)
"""What janus-core puts before the energy and the forces of its models."""
ANSWERS = [
    ("MACE_energy", "MACE_forces"),
    ("energy_mace", "forces_mace"),
    ("mace0_energy", "mace0_forces"),
    ("energy_pred", "forces_pred"),
    ("predicted_energy", "predicted_forces"),
    ("gap_energy", "gap_force"),
    ("energy_MACE_MP", "forces_MACE_MP"),
    ("PredEnergy", "PredForces"),
    *((f"{arch}_energy", f"{arch}_forces") for arch in JANUS),
]
LABELS = [
    ("energy", "forces"),
    ("REF_energy", "REF_forces"),
    ("DFT_energy", "DFT_force"),
    ("energy_dft", "forces_dft"),
    ("Energy_PBE", "Forces_PBE"),
    ("dft_energy_run2", "dft_forces_run2"),
    ("free_energy_dft", "force_dft"),
    ("my.energy", "my.forces"),
    ("energy_xtb", "forces_xtb"),
]


@pytest.mark.parametrize("keys", [*LABELS, *ANSWERS])
def test_an_energy_and_forces_with_the_same_words_around_are_a_pair(keys: tuple[str, str]) -> None:
    others = ("kinetic_energy", "REF_energy_per_atom", "temperature")
    assert pairs_of_names((*others, keys[0]), (keys[1], "momenta", "forces_std")) == [keys]
    assert is_of_model(keys[0], {}) == (keys in ANSWERS)


def test_the_free_energy_is_meant_whichever_comes_first() -> None:
    for energies in (("energy", "free_energy"), ("free_energy", "energy")):
        assert pairs_of_names(energies, ("forces",)) == [("free_energy", "forces")]


def test_uncertainties_and_our_own_answers_are_no_labels() -> None:
    energies = ("REF_energy", "energy_std", "energy_var", "energy_of_model", "REF_energy_error")
    forces = ("REF_forces", "forces_std", "forces_var", "forces_of_model", "REF_forces_error")
    assert pairs_of_names(energies, forces) == [("REF_energy", "REF_forces")]


@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("labels", [("energy_dft", "forces_dft"), ("REF_energy", "REF_forces"), ("energy", "forces")])
def test_a_model_s_answers_beside_labels_are_asked_about(
    tmp_path: Path, labels: tuple[str, str], answers: tuple[str, str]
) -> None:
    frames = []
    for number in range(8):
        atoms = hydrogen(0.70 + 0.01 * number, keys=labels, trajectory=f"t{number % 4}")
        atoms.info[answers[0]] = -30.0
        atoms.set_array(answers[1], np.array([[0, 0, -0.4], [0, 0, 0.4]]))
        frames.append(atoms)
    write(tmp_path / "a.extxyz", frames, format="extxyz")
    for refused in (
        lambda: read_dataset([tmp_path / "a.extxyz"]),
        lambda: write_dataset([tmp_path / "a.extxyz"], tmp_path / "out"),
    ):
        with pytest.raises(ConfigError) as error:
            refused()
        assert all(f"{energy} with {forces}" in str(error.value) for energy, forces in (labels, answers))
    named = Labels(energy=answers[0], forces=answers[1])
    assert read_dataset([tmp_path / "a.extxyz"], labels=named).frames[0].energy_ev == -30.0


@pytest.mark.parametrize("answers", ANSWERS)
def test_answers_alone_are_not_taken_unasked(tmp_path: Path, answers: tuple[str, str]) -> None:
    write(tmp_path / "a.extxyz", [hydrogen(keys=answers)], format="extxyz")
    with pytest.raises(ConfigError, match=f"{answers[0]} with {answers[1]}.*a model has answered"):
        read_dataset([tmp_path / "a.extxyz"])
    assert len(read_dataset([tmp_path / "a.extxyz"], labels=Labels(energy=answers[0], forces=answers[1])).frames) == 1


def janus(calculated: tuple[bool, bool], number: int = 0, **others: float) -> Atoms:
    """A frame as janus-core writes it: the answers as ASE's results, under the model's name, or both."""
    atoms = hydrogen(0.70 + 0.01 * number, keys=("energy", "forces"), trajectory=f"t{number}")
    plain, named = calculated
    energy, forces = atoms.info.pop("energy"), atoms.arrays.pop("forces")
    if plain:
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    if named:
        atoms.info["mace_mp_energy"] = energy
        atoms.set_array("mace_mp_forces", forces)
    atoms.info |= {"arch": "mace_mp", "model": "small", "system_name": "h2", "dt_fs": 1.0, **others}
    return atoms


@pytest.mark.parametrize(
    ("calculated", "message"),
    [
        ((False, True), "mace_mp_energy with mace_mp_forces.*a model has answered"),
        ((True, False), "energy with forces.*header's `arch` what a model has answered"),
        ((True, True), "more than one pair of labels"),
    ],
)
def test_what_janus_core_writes_is_not_taken_unasked(
    tmp_path: Path, calculated: tuple[bool, bool], message: str
) -> None:
    write(tmp_path / "a.extxyz", [janus(calculated, number) for number in range(4)], format="extxyz")
    with pytest.raises(ConfigError, match=message):
        read_dataset([tmp_path / "a.extxyz"])
    named = Labels(energy="mace_mp_energy", forces="mace_mp_forces")
    named = named if calculated[1] else Labels(energy="energy", forces="forces")
    assert len(read_dataset([tmp_path / "a.extxyz"], labels=named).frames) == 4
