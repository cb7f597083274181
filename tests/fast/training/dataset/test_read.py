"""Labelled frames: which keys are read, which frames are dropped and why, and how the sets are divided."""

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from frame_cases import hydrogen

from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.settings import FrameLimits


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def to_file(*frames: Atoms, name: str = "frames.extxyz") -> Path:
        write(tmp_path / name, list(frames), format="extxyz")
        return tmp_path / name

    return to_file


def test_labels_and_header_survive_the_file(save: Callable[..., Path]) -> None:
    file = save(hydrogen(0.8, energy=-31.25, force=0.75, trajectory="a", config_type="md"))
    (frame,) = read_dataset([file]).frames
    assert frame.energy_ev == -31.25
    np.testing.assert_array_equal(frame.forces, [[0, 0, -0.75], [0, 0, 0.75]])
    np.testing.assert_array_equal(frame.positions[1], [0, 0, 0.8])
    assert (frame.trajectory, frame.config_type, frame.source) == ("a", "md", "frames.extxyz#0")
    assert (frame.pbc, frame.formula, len(frame)) == ((False, False, False), "H2", 2)


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_packed_files_are_read_like_plain_ones(
    save: Callable[..., Path], suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    plain = save(hydrogen(0.7), hydrogen(0.8))
    packed = plain.with_name(f"packed.extxyz.{suffix}")
    packed.write_bytes(pack(plain.read_bytes()))
    assert [f.energy_ev for f in read_dataset([packed]).frames] == [-31.0, -31.0]
    assert len(read_dataset([plain]).frames) == 2


@pytest.mark.parametrize(
    "keys", [("dft_energy", "dft_forces"), ("DFT_energy", "DFT_force"), ("my.energy", "my.forces")]
)
def test_any_common_prefix_is_found(save: Callable[..., Path], keys: tuple[str, str]) -> None:
    dataset = read_dataset([save(hydrogen(keys=keys))])
    assert dataset.labels == Labels(energy=keys[0], forces=keys[1])


def test_calculator_labels_ignore_constraints(save: Callable[..., Path]) -> None:
    atoms = hydrogen(energy=None, force=None)
    atoms.calc = SinglePointCalculator(atoms, energy=-3.0, forces=[[0, 0, 1.0], [0, 0, -1.0]])
    atoms.set_constraint(FixAtoms([0]))
    (frame,) = read_dataset([save(atoms)]).frames
    np.testing.assert_array_equal(frame.forces, [[0, 0, 1.0], [0, 0, -1.0]])


def test_two_pairs_of_labels_are_ambiguous_until_named(save: Callable[..., Path]) -> None:
    atoms = hydrogen()
    atoms.info["dft_energy"] = -99.0
    atoms.set_array("dft_forces", np.zeros((2, 3)))
    file = save(atoms)
    with pytest.raises(ConfigError, match=r"REF_energy with REF_forces.*dft_energy with dft_forces"):
        read_dataset([file])
    assert read_dataset([file], labels=Labels(energy="dft_energy", forces="dft_forces")).frames[0].energy_ev == -99.0


def test_files_with_different_labels_are_not_mixed(save: Callable[..., Path]) -> None:
    first = save(hydrogen(), name="a.extxyz")
    second = save(hydrogen(0.9, keys=("dft_energy", "dft_forces")), name="b.extxyz")
    with pytest.raises(ConfigError, match=r"a\.extxyz.*b\.extxyz"):
        read_dataset([first, second])


def test_no_labels_at_all_says_which_keys_would_do(save: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="REF_energy and REF_forces"):
        read_dataset([save(hydrogen(energy=None))])


def test_every_drop_has_its_reason(save: Callable[..., Path]) -> None:
    file = save(
        hydrogen(0.70),
        hydrogen(0.71, energy=None),
        hydrogen(0.72, force=None),
        hydrogen(0.73, energy=float("nan")),
        hydrogen(0.74, force=51.0),
        hydrogen(0.70),
    )
    dataset = read_dataset([file], limits=FrameLimits(max_force_ev_per_angstrom=50))
    assert [(drop.source, drop.reason) for drop in dataset.dropped] == [
        ("frames.extxyz#1", DropReason.NO_ENERGY),
        ("frames.extxyz#2", DropReason.NO_FORCES),
        ("frames.extxyz#3", DropReason.NOT_FINITE),
        ("frames.extxyz#4", DropReason.LARGE_FORCE),
        ("frames.extxyz#5", DropReason.DUPLICATE),
    ]
    assert [frame.source for frame in dataset.frames] == ["frames.extxyz#0"]
    assert dataset.report()["dropped"] == {str(drop.reason): 1 for drop in dataset.dropped}


def test_one_geometry_with_two_energies_is_a_mixture(save: Callable[..., Path]) -> None:
    with pytest.raises(InputFileError, match=r"#1 and frames\.extxyz#0.*mix levels of theory"):
        read_dataset([save(hydrogen(energy=-31.0), hydrogen(energy=-31.5))])


def test_isolated_atoms_are_kept_apart(save: Callable[..., Path]) -> None:
    atom = Atoms("H", info={"REF_energy": -13.0, "config_type": "IsolatedAtom"})
    dataset = read_dataset([save(atom, hydrogen())])
    assert dict(dataset.isolated_atoms_ev) == {"H": -13.0}
    assert len(dataset.frames) == 1


def test_isolated_atoms_that_disagree_are_refused(save: Callable[..., Path]) -> None:
    atoms = [Atoms("H", info={"REF_energy": e, "config_type": "IsolatedAtom"}) for e in (-13.0, -12.0)]
    with pytest.raises(InputFileError, match=r"isolated H atom has -12\.0 eV here and -13\.0"):
        read_dataset([save(*atoms, hydrogen())])


def test_frames_without_a_trajectory_make_one_for_file_and_kind(save: Callable[..., Path]) -> None:
    dataset = read_dataset([save(hydrogen(0.7), hydrogen(0.8, config_type="hot"), hydrogen(0.9, config_type="hot"))])
    assert [f.trajectory for f in dataset.frames] == [
        "frames.extxyz",
        "frames.extxyz:hot",
        "frames.extxyz:hot",
    ]


def test_a_cut_file_is_named_with_the_last_good_frame(save: Callable[..., Path]) -> None:
    file = save(hydrogen(0.7), hydrogen(0.8))
    file.write_text(file.read_text()[:-60])
    with pytest.raises(InputFileError, match=r"frames\.extxyz cannot be read beyond frame 0"):
        read_dataset([file], labels=Labels(energy="REF_energy", forces="REF_forces"))


def test_a_file_that_is_cut_in_its_first_frame_has_no_good_one(save: Callable[..., Path]) -> None:
    file = save(hydrogen(0.7))
    file.write_text(file.read_text()[:-60])
    with pytest.raises(InputFileError, match=r"frames\.extxyz cannot be read, not even its first frame: "):
        read_dataset([file], labels=Labels(energy="REF_energy", forces="REF_forces"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nowhere\.extxyz"):
        read_dataset([tmp_path / "nowhere.extxyz"])
