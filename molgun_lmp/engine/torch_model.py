"""A deployed TorchScript MACE asked from Python: needs no compiler, and takes many structures in one call."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.batch import BATCH_SYSTEMS
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.engine.known_elements import KnownElements
from molgun_lmp.errors import ModelError
from molgun_lmp.models.file_format import is_deployed


class TorchScriptModel:
    """The file of `pair_style mace` (`molgun export`), on the CPU or, not measured yet, on a `device` like "cuda:0".

    Raises `ModelError` for a file that is not one.
    """

    def __init__(self, path: Path, *, device: str = "cpu") -> None:
        import torch  # noqa: PLC0415 - seconds

        self.device: Final = device
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
                self._model: Any = torch.jit.load(str(path), map_location=device).eval()
            if not is_deployed(self._model):
                raise ValueError("a compiled MACE, or none, that was not deployed for LAMMPS")
            self._known = KnownElements(self._model.atomic_numbers.cpu().numpy().astype(np.int64))
            self._cutoff = float(self._model.r_max)
            self._dtype = self._model.r_max.dtype
        except (OSError, RuntimeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{path} is not a MACE for `pair_style mace` ({type(error).__name__}: {' '.join(str(error).split())}). "
                "Make one with `molgun export`."
            ) from error

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows."""
        return self._known.symbols

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        return self._cutoff

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure. Raises `ModelError` for an element that the model does not know."""
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """Energies and forces of several structures, as one graph that has no edges between them.

        A structure with positions that are not finite gets answers that are not; the others do not notice. Raises
        `ModelError` for an element that the model does not know.
        """
        sound = [bool(np.isfinite(structure.positions).all()) for structure in structures]
        answers = iter(self._joint([s for s, good in zip(structures, sound, strict=True) if good]))
        return [
            next(answers)
            if good
            else Evaluation(energy_ev=float("nan"), forces=np.full(structure.positions.shape, np.nan))
            for structure, good in zip(structures, sound, strict=True)
        ]

    def _joint(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        import torch  # noqa: PLC0415

        if not structures:
            return []
        graphs = [structure.pairs(self._cutoff) for structure in structures]
        ends = np.cumsum([len(structure.numbers) for structure in structures])
        starts = [0, *ends[:-1].tolist()]
        shifted = list(zip(graphs, starts, strict=True))
        centres = np.concatenate([pairs.centres + start for pairs, start in shifted])
        neighbours = np.concatenate([pairs.neighbours + start for pairs, start in shifted])
        species = np.concatenate([self._known.species(structure.numbers) for structure in structures])
        atoms = int(ends[-1])

        def real(array: FloatArray) -> Any:
            return torch.as_tensor(array, dtype=self._dtype, device=self.device)

        data = {
            "batch": torch.zeros(atoms, dtype=torch.int64, device=self.device),
            "ptr": torch.tensor([0, atoms], dtype=torch.int64, device=self.device),
            "edge_index": torch.as_tensor(np.stack([centres, neighbours]), dtype=torch.int64, device=self.device),
            "node_attrs": real(np.eye(len(self._known.symbols))[species]),
            "positions": real(np.concatenate([structure.positions for structure in structures])),
            "shifts": real(np.concatenate([pairs.shifts for pairs in graphs])),
            "unit_shifts": real(np.concatenate([pairs.images for pairs in graphs])),
            "cell": real(structures[0].cell),  # the model reads it for virials only, and none are asked for
        }
        local = torch.ones(atoms, dtype=self._dtype, device=self.device)
        with torch.jit.optimized_execution(False):  # its profiling makes the first calls other bits than the later ones
            output = self._model(data, local, False)
        forces = output["forces"].detach().cpu().double().numpy()
        energies = output["node_energy"].detach().cpu().double().numpy()
        return [
            Evaluation(energy_ev=float(energies[start:end].sum()), forces=forces[start:end].copy())
            for start, end in zip(starts, ends.tolist(), strict=True)
        ]


_LOCAL_RANK: Final = (
    "MPI_LOCALRANKID",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    *(starter.local_rank for system in BATCH_SYSTEMS.values() if (starter := system.step_launcher) is not None),
)


def local_device() -> str:
    """The device of this process: `cuda:i` by its rank on this host where torch has GPUs, or else `cpu`."""
    import torch  # noqa: PLC0415

    if not torch.cuda.is_available():
        return "cpu"
    rank = next((int(os.environ[name]) for name in _LOCAL_RANK if os.environ.get(name, "").isdigit()), 0)
    return f"cuda:{rank % torch.cuda.device_count()}"
