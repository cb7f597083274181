"""Energies, forces and virials of many frames: mace's own model, a deployed TorchScript file, a symmetrix file."""

import dataclasses
import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ModelError
from molgun_lmp.geometry import Geometry
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.boxes import boxed
from molgun_lmp.models.file_format import is_deployed
from molgun_lmp.models.mace_file import default_dtype, load_model, model_facts
from molgun_lmp.models.symmetrix import read_symmetrix_head, symmetrix_calculator


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prediction:
    """A model's answer for one frame: total energy in eV, forces (N, 3) in eV/Å.

    The energy is summed over atoms in double precision, whatever the model's own dtype. `virial_ev` (3, 3) is minus the
    derivative of the energy with respect to strain, the sum over atoms of r f; None where it was not asked for, or the
    frame has no cell.
    """

    energy_ev: float
    forces: FloatArray
    virial_ev: FloatArray | None = None


def predict_mace(
    model: Any, frames: Sequence[Geometry], *, head: str, batch_size: int = 8, device: str = "cpu"
) -> Iterator[Prediction]:
    """Predictions of a loaded `.model`, in the order of the frames, in batches."""
    for bounds, output in _answers(model, frames, head, batch_size, device, compute_force=True):
        yield from _split(output["node_energy"], output["forces"], bounds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeFeatures:
    """What a model knows of one structure of N atoms: `features` (N, F), as mace lays them out; `energy_ev` in all."""

    features: FloatArray
    energy_ev: float


def node_features(
    model: Any, structures: Sequence[Geometry], *, head: str, batch_size: int = 8, device: str = "cpu"
) -> Iterator[NodeFeatures]:
    """The node features of a loaded `.model`, in the order of the structures, in batches; no forces are computed."""
    for bounds, output in _answers(model, structures, head, batch_size, device, compute_force=False):
        rows = _rows(output["node_feats"])
        energies = _rows(output["node_energy"])
        for start, stop in itertools.pairwise(_rows(bounds)):
            yield NodeFeatures(features=rows[start:stop].copy(), energy_ev=float(energies[start:stop].sum()))


def predict_deployed(
    file: Path, frames: Sequence[Geometry], *, dtype: Dtype, batch_size: int = 1, virial: bool = False
) -> Iterator[Prediction]:
    """Predictions of a deployed TorchScript file, called as the LAMMPS pair style calls it.

    The virial of a frame is had with one frame in a batch only. Raises `ModelError` for another file; nothing that a
    file carries is unpickled.
    """
    import torch  # noqa: PLC0415

    try:
        module = torch.jit.load(str(file), map_location="cpu").eval()
        if not is_deployed(module):
            raise ModelError(f"{file} is no model that was deployed for LAMMPS. Export its .model file.")
        module = torch.jit.freeze(module, preserved_attrs=["r_max", "atomic_numbers", "num_interactions"])
    except RuntimeError as error:
        raise ModelError(f"{file} is not a deployed TorchScript model: {error}. Export it again.") from error
    for count, batch in enumerate(_batches(frames, module, "Default", ["Default"], batch_size)):
        data = _tensors(batch, getattr(torch, dtype), "cpu")
        bounds = data["ptr"]
        # It knows one head for one graph: several structures go in as a graph of parts with no edges between them.
        data |= {"batch": torch.zeros_like(data["batch"]), "ptr": bounds[[0, -1]], "cell": data["cell"][:3]}
        everywhere = torch.ones(len(data["positions"]), dtype=getattr(torch, dtype))
        with default_dtype("float32"):  # that of LAMMPS
            output = module(data, everywhere, virial)
        answers = _split(output["node_energy"], output["forces"], bounds)
        if virial and batch_size == 1:
            (answer,) = answers
            tensor = output["virials"].detach().double().numpy().reshape(3, 3)
            yield dataclasses.replace(answer, virial_ev=tensor if has_volume(frames[count]) else None)
        else:
            yield from answers


def predict_symmetrix(file: Path, frames: Iterable[Geometry], *, dtype: Dtype) -> Iterator[Prediction]:
    """Predictions of a symmetrix JSON file, one frame at a time, as campaigns ask it.

    Raises `EngineError` without symmetrix, `ModelError` for another file.
    """
    head = read_symmetrix_head(file)
    calculator = symmetrix_calculator(file, dtype, head)
    for frame in frames:
        atoms = boxed(frame.atoms(), head.cutoff_angstrom)  # its neighbour list inverts the cell
        atoms.calc = calculator
        yield Prediction(
            energy_ev=float(atoms.get_potential_energy()),
            forces=np.asarray(atoms.get_forces(), float),
            virial_ev=_virial(atoms) if has_volume(frame) else None,
        )


def predict_calculator(model_file: Path, frames: Iterable[Geometry], *, head: str) -> Iterator[Prediction]:
    """Predictions of mace's own ASE calculator in float64: the reference of every parity test.

    The file is loaded as it is: check it first (`trusted_sha256`).
    """
    model = load_model(model_file, trust=True)
    from mace.calculators import MACECalculator  # noqa: PLC0415

    with default_dtype("float64"), _quiet_root_logger():
        calculator = MACECalculator(models=[model], device="cpu", default_dtype="float64", head=head)
        for frame in frames:
            atoms = frame.atoms()
            atoms.calc = calculator
            yield Prediction(
                energy_ev=float(atoms.get_potential_energy()),
                forces=np.array(atoms.get_forces()),
                virial_ev=_virial(atoms) if has_volume(frame) else None,
            )


def has_volume(frame: Geometry) -> bool:
    """Whether a frame is periodic in a cell, so that it has a virial that all programs agree on."""
    return all(frame.pbc) and abs(float(np.linalg.det(frame.cell))) > 0.0


def _virial(atoms: Atoms) -> FloatArray:
    return np.asarray(-atoms.get_stress(voigt=False) * atoms.get_volume(), dtype=float)


def _answers(
    model: Any, structures: Sequence[Geometry], head: str, batch_size: int, device: str, *, compute_force: bool
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """For each batch, where its structures begin and end, and what a loaded `.model` answers."""
    model = model.to(device)
    dtype = next(model.parameters()).dtype
    heads = list(model_facts(model).heads)
    for batch in _batches(structures, model, head, heads, batch_size):
        data = _tensors(batch, dtype, device)
        with default_dtype("float64" if dtype.itemsize == 8 else "float32"):  # mace's masks of heads have it
            output = model(data, compute_force=compute_force, training=False)
        yield data["ptr"], output


def _batches(frames: Sequence[Geometry], model: Any, head: str, heads: list[str], batch_size: int) -> Iterator[Any]:
    from mace import data  # noqa: PLC0415
    from mace.tools import AtomicNumberTable, torch_geometric  # noqa: PLC0415

    table = AtomicNumberTable([int(number) for number in model.atomic_numbers])
    cutoff = float(model.r_max)
    for start in range(0, len(frames), batch_size):
        with default_dtype("float64"):
            graphs = [
                data.AtomicData.from_config(
                    data.config_from_atoms(frame.atoms(), head_name=head), z_table=table, cutoff=cutoff, heads=heads
                )
                for frame in frames[start : start + batch_size]
            ]
        yield torch_geometric.Batch.from_data_list(graphs)


def _tensors(batch: Any, dtype: Any, device: str) -> dict[str, Any]:
    tensors: dict[str, Any] = batch.to(device).to_dict()
    cast = {
        key: value.to(dtype) if hasattr(value, "is_floating_point") and value.is_floating_point() else value
        for key, value in tensors.items()
        if value is not None and hasattr(value, "to")
    }
    cast["positions"].requires_grad_(True)
    return cast


def _split(node_energy: Any, forces: Any, ptr: Any) -> Iterator[Prediction]:
    energies, vectors = _rows(node_energy), _rows(forces)
    for start, stop in itertools.pairwise(_rows(ptr)):
        yield Prediction(energy_ev=float(energies[start:stop].sum()), forces=vectors[start:stop].copy())


def _rows(tensor: Any) -> Any:
    """A tensor as an array, in double precision where it holds floats."""
    array = tensor.detach().cpu()
    return (array.double() if array.is_floating_point() else array).numpy()


class _quiet_root_logger:  # noqa: N801  # a context manager
    """MACECalculator reports its dtype conversion through the root logger; that is no news here."""

    def __enter__(self) -> None:
        self._before = logging.root.level
        logging.root.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.root.setLevel(self._before)
