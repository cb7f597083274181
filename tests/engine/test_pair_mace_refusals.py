"""pair_style mace refuses, in words, what it would compute wrongly or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
from ase import Atoms
from engine_cases import ELEMENTS, TinyModel, head, pair_mace, run_text, structures, write_data

from molgun_lmp.records import Cause

pytestmark = pytest.mark.engine

ATOMS = structures()["molecule in vacuum"]


def refusal(folder: Path, deck: str, atoms: Atoms = ATOMS) -> str:
    write_data(folder, atoms, ELEMENTS)
    run = run_text(folder, deck + "run 0\n")
    assert run.error is not None
    assert run.cause is Cause.LAMMPS_ERROR
    return run.error


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("pair_style mace device gpu\n", "the device is cpu, cuda, cuda:N or auto, not `gpu`"),
        ("pair_style mace no_domain_decomposition threads 0\n", "must be at least 1, not 0"),
        ("pair_style mace no_domain_decomposition fast\n", "does not know `fast`"),
    ],
)
def test_style_arguments(plugin: Path, style: str, words: str, tmp_path: Path) -> None:
    assert words in refusal(tmp_path, head(ATOMS) + style)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        (("H", "C"), "names 2 element(s) for 3 atom type(s)"),
        (("H", "C", "Si", "Si"), "names 4 element(s) for 3 atom type(s)"),
        (("H", "C", "O"), "was not trained on element O. It knows H, C, Si."),
        (("H", "C", "silicon"), "`silicon` is no chemical symbol"),
        (("H", "C", "NULL"), "`NULL` is no chemical symbol"),
    ],
)
def test_elements(plugin: Path, tiny_mace: TinyModel, elements: tuple[str, ...], words: str, tmp_path: Path) -> None:
    assert words in refusal(tmp_path, head(ATOMS) + pair_mace(tiny_mace.deployed["float32"], elements))


@pytest.mark.parametrize(
    ("arguments", "words"), [("* *", "pair_coeff * * MODEL.pt ELEMENT"), ("1 2", "must start with * *")]
)
def test_arguments_of_pair_coeff(plugin: Path, arguments: str, words: str, tmp_path: Path) -> None:
    style = "pair_style mace no_domain_decomposition\n"
    assert words in refusal(tmp_path, f"{head(ATOMS)}{style}pair_coeff {arguments}\n")


def test_a_gpu_that_is_not_there(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    import torch

    count = torch.cuda.device_count()
    words = f"finds {count} GPU(s)" if count else "torch finds no GPU here"
    style = pair_mace(tiny_mace.deployed["float32"], keywords=f"device cuda:{count}")
    assert words in refusal(tmp_path, head(ATOMS) + style)


def test_missing_model(plugin: Path, tmp_path: Path) -> None:
    words = refusal(tmp_path, head(ATOMS) + pair_mace(tmp_path / "absent.pt"))
    assert "absent.pt is no file that can be read (No such file or directory)" in words


def test_model_in_another_format(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    words = refusal(tmp_path, head(ATOMS) + pair_mace(tiny_mace.model))
    assert "tiny.model cannot be read as a TorchScript file" in words
    assert "molgun export" in words


def test_cut_model(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pt"
    whole = tiny_mace.deployed["float32"].read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as a TorchScript file: it is cut" in refusal(tmp_path, head(ATOMS) + pair_mace(cut))


def test_torchscript_of_something_else(plugin: Path, tmp_path: Path) -> None:
    import torch

    other = tmp_path / "other.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(other))
    assert "is a TorchScript file without `r_max`" in refusal(tmp_path, head(ATOMS) + pair_mace(other))


def test_units(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    deck = head(ATOMS).replace("units metal", "units real") + pair_mace(tiny_mace.deployed["float32"])
    assert "the units here are `real`. Write `units metal`" in refusal(tmp_path, deck)


def test_atoms_without_ids(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    deck = "units metal\natom_style atomic\natom_modify id no\nregion box block 0 9 0 9 0 9\ncreate_box 1 box\n"
    deck += "mass 1 1.008\ncreate_atoms 1 single 4 4 4\n" + pair_mace(tiny_mace.deployed["float32"], ("H",))
    assert "needs atom IDs" in refusal(tmp_path, deck)


def test_excluded_neighbours(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    deck = head(ATOMS) + pair_mace(tiny_mace.deployed["float32"]) + "neigh_modify exclude type 1 1\n"
    assert "neigh_modify exclude removes neighbours" in refusal(tmp_path, deck)


def test_per_atom_virial(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    deck = head(ATOMS) + pair_mace(tiny_mace.deployed["float32"])
    deck += "compute s all stress/atom NULL\ncompute m all reduce max c_s[1]\nthermo_style custom step c_m\n"
    assert "gives the global virial only" in refusal(tmp_path, deck)


def test_several_ranks(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    write_data(tmp_path, ATOMS, ELEMENTS)
    (tmp_path / "in.lammps").write_text(head(ATOMS) + pair_mace(tiny_mace.deployed["float32"]) + "run 0\n")
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [programs / "mpirun", "-n", "2", programs / "lmp", "-in", "in.lammps"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "runs on one rank, and here are 2" in done.stdout + done.stderr


def test_non_finite_force(plugin: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    """Two atoms at one place have no direction between them."""
    atoms = ATOMS.copy()
    atoms.positions[1] = atoms.positions[0]
    write_data(tmp_path, atoms, ELEMENTS)
    run = run_text(tmp_path, head(atoms) + pair_mace(tiny_mace.deployed["float32"]) + "run 0\n")
    assert run.cause is Cause.NAN_FORCE
    assert run.error is not None
    assert "non-finite force or energy on atom" in run.error
