"""What is measured: two models, and a slab with its molecule in several sizes."""

import dataclasses
import io
import lzma
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.io import read

from molgun_lmp.model_formats import ExportedFormat
from molgun_lmp.models.card import ModelCard
from molgun_lmp.models.mace_file import default_dtype
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.training.export.deploy import deploy, extract_symmetrix

ELEMENTS: Final = ("H", "C", "Si")
_EXAMPLE: Final = Path(__file__).parent.parent / "examples" / "ecco-si001"
_VACUUM_ANGSTROM: Final = 20.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchInner:
    """An inner model for multi-time steps: its folder with its card, and the steps from one full evaluation to the
    next."""

    folder: Path
    card: ModelCard
    every: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchModel:
    """One model: mace's own file, and `files` for engines, in float32 where a format has one file for each dtype.

    There is no symmetrix file where symmetrix is absent.
    """

    name: str
    model: Path
    files: Mapping[ExportedFormat, Path]
    cutoff_angstrom: float
    inner: BenchInner | None = None


def demo_model(inner: BenchInner | None = None) -> BenchModel:
    """The example's model (64x0e, two interactions, cutoff 5 Å), with an `inner` one where it is to be measured."""
    folder = _EXAMPLE / "model"
    symmetrix = folder / "model.symmetrix.json"
    return BenchModel(
        name="demo",
        model=folder / "model.model",
        files={"torchscript": folder / "model.pt", **({"symmetrix": symmetrix} if has_symmetrix() else {})},
        cutoff_angstrom=_cutoff(folder / "model.pt"),
        inner=inner,
    )


def medium_model(folder: Path, inner: BenchInner | None = None) -> BenchModel:
    """An untrained model with the architecture of MACE-MP-0 medium: 128x0e + 128x1o, l_max 3, 6 Å, two interactions.

    It costs what the trained one costs for the same elements, with an `inner` one between too; its forces mean nothing.
    """
    load_mace()
    import torch  # noqa: PLC0415
    from mace import modules  # noqa: PLC0415 - before e3nn, which loads only in an environment that mace prepares

    with default_dtype("float64"), warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        from e3nn import o3  # noqa: PLC0415

        torch.manual_seed(24)
        interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
        model = modules.ScaleShiftMACE(
            r_max=6.0,
            num_bessel=10,
            num_polynomial_cutoff=5,
            max_ell=3,
            interaction_cls=interaction,
            interaction_cls_first=interaction,
            num_interactions=2,
            num_elements=len(ELEMENTS),
            hidden_irreps=o3.Irreps("128x0e + 128x1o"),
            MLP_irreps=o3.Irreps("16x0e"),
            atomic_energies=np.zeros(len(ELEMENTS)),
            avg_num_neighbors=40.0,
            atomic_numbers=[1, 6, 14],
            correlation=3,
            gate=torch.nn.functional.silu,
            radial_MLP=[64, 64, 64],
            atomic_inter_scale=1e-3,  # weak forces: nothing moves far from where it was put
            atomic_inter_shift=0.0,
        )
        file = folder / "medium.model"
        torch.save(model, file)
    files: dict[ExportedFormat, Path] = {"torchscript": folder / "medium.pt"}
    deploy(file, files["torchscript"], dtype="float32", head="Default")
    if has_symmetrix():
        files["symmetrix"] = folder / "medium.symmetrix.json"
        extract_symmetrix(file, files["symmetrix"], head="Default")
    return BenchModel(
        name="MACE-MP-0 medium architecture",
        model=file,
        files=files,
        cutoff_angstrom=6.0,
        inner=inner,
    )


def slab_with_molecule(repeats: tuple[int, int] = (1, 1)) -> Atoms:
    """The demo's slab (128 atoms) with ECCO (26) 3 Å above it, repeated in the plane: 154 atoms times the repeats."""
    slab, molecule = _first("slab"), _first("molecule")
    height = slab.positions[:, 2].max() + 3.0 - molecule.positions[:, 2].min()
    middle = 0.5 * (slab.cell[0] + slab.cell[1]) - molecule.positions.mean(axis=0)
    molecule.positions += np.array([middle[0], middle[1], height])
    both = slab + molecule
    both.cell[2, 2] = both.positions[:, 2].max() - both.positions[:, 2].min() + _VACUUM_ANGSTROM
    both.pbc = True
    return both * (*repeats, 1)


def molecule_alone() -> Atoms:
    """ECCO in its box: 26 atoms."""
    return _first("molecule")


def has_symmetrix() -> bool:
    """Whether symmetrix can be loaded here."""
    try:
        import symmetrix.extract_mace_data  # noqa: F401, PLC0415
    except Exception:  # ImportError, or its own error for a processor that lacks the instructions
        return False
    return True


def _first(pool: str) -> Atoms:
    with lzma.open(_EXAMPLE / "pools" / f"{pool}.extxyz.xz", "rt", encoding="utf-8") as file:
        text = file.read()
    atoms = read(io.StringIO(text), index=0, format="extxyz")
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def _cutoff(torchscript: Path) -> float:
    from molgun_lmp.engine.torch_model import TorchScriptModel  # noqa: PLC0415

    return TorchScriptModel(torchscript).cutoff_angstrom
