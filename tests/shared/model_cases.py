"""Tiny untrained MACE models of every kind that people have, and frames to compare them on."""

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from ase import Atoms

from molgun_lmp.models.card import Licences
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.export.export import Provenance

UNKNOWN: Final = Provenance(name="x", level_of_theory="?", e0s_kind="?", training=None, errors=(), licences=Licences())
"""What a card says of a model of which nothing is known."""

NUMBERS: Final = (1, 6, 14)
_BEFORE_HEADS: Final = frozenset(
    [
        "heads",
        "lammps_mliap",
        "apply_cutoff",
        "edge_irreps",
        "use_agnostic_product",
        "use_edge_irreps_first",
        "use_last_readout_only",
        "use_reduced_cg",
        "use_so3",
        "num_heads",
        "cueq_config",
        "oeq_config",
        "conv_fusion",
    ]
)
"""What the classes of mace set now, and no file of 2023 has."""


def tiny_model(*, plain: bool = False, dtype: str = "float64", gate: str = "silu", **changes: Any) -> Any:
    """A MACE of H, C and Si with a cutoff of 4 Å, weights from a fixed seed; `plain`: without scale and shift."""
    import torch
    from mace import modules  # before e3nn, which loads only in an environment that mace prepares

    o3 = importlib.import_module("e3nn.o3")

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        torch.manual_seed(24)
        block = modules.interaction_classes[changes.pop("block", "RealAgnosticResidualInteractionBlock")]
        first = modules.interaction_classes[changes.pop("first_block", "RealAgnosticResidualInteractionBlock")]
        heads = changes.get("heads") or ["Default"]
        energies = np.array([[-13.6, -1029.5, -7870.25]]) + np.arange(len(heads))[:, None]
        options = {
            "r_max": 4.0,
            "num_bessel": 6,
            "num_polynomial_cutoff": 5,
            "max_ell": 1,
            "interaction_cls": block,
            "interaction_cls_first": first,
            "num_interactions": 2,
            "num_elements": len(NUMBERS),
            "hidden_irreps": o3.Irreps(changes.pop("hidden_irreps", "4x0e")),
            "MLP_irreps": o3.Irreps("4x0e"),
            "atomic_energies": energies,
            "avg_num_neighbors": 8.0,
            "atomic_numbers": list(NUMBERS),
            "correlation": 2,
            "gate": modules.gate_dict[gate],
            "radial_MLP": [8, 8],
            **changes,
        }
        if plain:
            return modules.MACE(**options)
        shift = [-2.0] * len(heads) if len(heads) > 1 else -2.0
        scale = [20.0] * len(heads) if len(heads) > 1 else 20.0
        return modules.ScaleShiftMACE(**options, atomic_inter_scale=scale, atomic_inter_shift=shift)
    finally:
        torch.set_default_dtype(before)


def without_heads(model: Any) -> Any:
    """The model as mace wrote it before it had heads: MACE-MP-0, MACE-OFF23 and anyone's of those years."""
    for module in model.modules():
        for name in _BEFORE_HEADS & set(vars(module)):
            delattr(module, name)
    energies = model.atomic_energies_fn
    energies.atomic_energies = energies.atomic_energies.reshape(-1)
    return model


def save_model(model: Any, file: Path) -> Path:
    """Write a `.model` file."""
    import torch

    torch.save(model, file)
    return file


def frames(seed: int = 3) -> list[LabelledFrame]:
    """Four frames of H, C and Si: three crystals, as they are and tilted, and a free molecule."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(4):
        atoms = Atoms(
            "H2C2Si2",
            scaled_positions=[
                [0.05, 0.0, 0.0],
                [0.3, 0.4, 0.2],
                [0.7, 0.2, 0.6],
                [0.5, 0.7, 0.8],
                [0.1, 0.6, 0.5],
                [0.9, 0.9, 0.4],
            ],
            cell=[[5.4, 0.0, 0.0], [0.4 * number, 6.0, 0.0], [-0.5 * number, 1.0, 5.6]],
            pbc=True,
        )
        atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
        if number == 3:
            atoms.set_cell(None)
            atoms.pbc = False
        made.append(labelled_frame(atoms, number))
    return made


def labelled_frame(atoms: Atoms, number: int = 0) -> LabelledFrame:
    """A structure as a labelled frame whose labels nobody looks at."""
    return LabelledFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=np.array(atoms.positions),
        cell=np.array(atoms.cell.array),
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy_ev=0.0,
        forces=np.zeros((len(atoms), 3)),
        source=f"frame {number}",
        trajectory="made",
        config_type="Default",
    )
