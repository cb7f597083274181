"""Mace's ML-IAP format: a Python object that `pair_style mliap unified` of a LAMMPS with Python asks for forces."""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase.neighborlist import neighbor_list

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.mace_file import default_dtype, load_model
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.models.predict import Prediction, has_volume
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame


def deploy_mliap(model: Path, target: Path, *, dtype: Dtype, head: str) -> str:
    """Write the file, and return what its reader needs. `model` must have been checked (`trusted_sha256`).

    The object holds cuEquivariance's operators where that is installed, which is what mace recommends for GPUs, and
    e3nn's otherwise (https://mace-docs.readthedocs.io/en/latest/guide/lammps_mliap.html). Raises `ModelError` where
    mace cannot convert the model.
    """
    loaded = load_model(model, trust=True, dtype=dtype)
    import torch  # noqa: PLC0415
    from mace.calculators.lammps_mliap_mace import LAMMPS_MLIAP_MACE  # noqa: PLC0415
    from mace.cli.convert_e3nn_cueq import run as to_cuequivariance  # noqa: PLC0415
    from mace.modules.wrapper_ops import CUET_AVAILABLE  # noqa: PLC0415

    needs = "LAMMPS with ML-IAP and Python, and mace there"
    with default_dtype(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its kernels for GPUs are not here
        if CUET_AVAILABLE:
            try:
                loaded = to_cuequivariance(loaded)
            except (RuntimeError, ValueError, KeyError, AttributeError) as error:
                raise ModelError(
                    f"mace cannot convert {model} for ML-IAP with the cuEquivariance that is installed: {error}. "
                    "Export without the format mliap, or in an environment without cuequivariance-torch."
                ) from error
            needs += " with cuequivariance-torch"
        loaded.lammps_mliap = True
        torch.save(LAMMPS_MLIAP_MACE(loaded, head=head), target)
    return needs


def predict_mliap(file: Path, frames: Iterable[LabelledFrame], *, dtype: Dtype) -> Iterator[Prediction]:
    """Predictions of an ML-IAP file, asked as LAMMPS asks it: owned atoms, ghosts, pairs, and messages between them.

    The file is a pickle and is loaded as it is: it must be one's own.
    """
    load_mace()
    import torch  # noqa: PLC0415

    with default_dtype(dtype):
        unified: Any = torch.load(file, map_location="cpu", weights_only=False)
        for frame in frames:
            system = _System.of(frame, list(unified.element_types), 2.0 * float(unified.rcutfac))
            unified.compute_forces(system)
            yield Prediction(
                energy_ev=float(system.eatoms.sum()),
                forces=system.forces(),
                virial_ev=system.virial() if has_volume(frame) else None,
            )


@dataclasses.dataclass(kw_only=True)
class _System:
    """What LAMMPS hands to the object (its `MLIAPData`): names and conventions are LAMMPS's.

    Of M = `ntotal` atoms the first N = `nlocal` are owned, the others ghosts: `owner` (M,) says of whom. `elems` (M,)
    indices of elements; pairs P: `pair_i` (P,) owned, `pair_j` (P,) any, `rij` (P, 3) Å from i to j.
    """

    owner: IntArray
    elems: IntArray
    pair_i: IntArray
    pair_j: IntArray
    rij: FloatArray
    eatoms: FloatArray
    energy: float = 0.0
    fij: FloatArray = dataclasses.field(default_factory=lambda: np.zeros((0, 3)))

    @classmethod
    def of(cls, frame: LabelledFrame, elements: list[str], cutoff_angstrom: float) -> "_System":
        first, second, shifts, vectors = neighbor_list("ijSD", frame.atoms(), cutoff_angstrom)
        images = np.column_stack([second, shifts])
        outside = shifts.any(axis=1)
        ghosts, ghost_of_pair = np.unique(images[outside], axis=0, return_inverse=True)
        pair_j = second.astype(np.int64)
        pair_j[outside] = len(frame) + ghost_of_pair.reshape(-1)
        owner = np.concatenate([np.arange(len(frame)), ghosts[:, 0]]).astype(np.int64)
        species = np.array([elements.index(symbol) for symbol in frame.symbols], dtype=np.int64)
        return cls(
            owner=owner,
            elems=species[owner],
            pair_i=first.astype(np.int64),
            pair_j=pair_j,
            rij=np.asarray(vectors, dtype=float),
            eatoms=np.zeros(len(frame)),
        )

    @property
    def nlocal(self) -> int:
        return len(self.eatoms)

    @property
    def ntotal(self) -> int:
        return len(self.owner)

    @property
    def npairs(self) -> int:
        return len(self.pair_i)

    def forward_exchange(self, features: Any, out: Any, width: int) -> None:
        """Ghosts take the features (M, width) of their owners."""
        del width
        out.copy_(features[self.owner])

    def reverse_exchange(self, gradient: Any, out: Any, width: int) -> None:
        """Owners take up what arrived at their ghosts."""
        import torch  # noqa: PLC0415

        del width
        out.zero_()
        out.index_add_(0, torch.as_tensor(self.owner), gradient)

    def update_pair_forces_gpu(self, pair_forces: Any) -> None:
        """The derivative of the energy with respect to `rij` (P, 3); the name is the same on a CPU."""
        self.fij = pair_forces.detach().double().numpy()

    def forces(self) -> FloatArray:
        """Forces (N, 3) on the owned atoms."""
        total = np.zeros((self.nlocal, 3))
        np.add.at(total, self.pair_i, self.fij)
        np.add.at(total, self.owner[self.pair_j], -self.fij)
        return total

    def virial(self) -> FloatArray:
        """(3, 3) eV."""
        return np.asarray(-self.rij.T @ self.fij)
