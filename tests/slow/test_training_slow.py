"""A small MACE of the shape that symmetrix holds: trained, converted, and the same forces from its compiled kernels."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write

from molgun_lmp.models.card import load_card
from molgun_lmp.training.export.export import export_run
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.train import train

pytestmark = pytest.mark.slow


def test_symmetrix_computes_what_mace_does(tmp_path: Path) -> None:
    pytest.importorskip("symmetrix")
    rng = np.random.default_rng(0)
    frames = [_silane(rng, trajectory) for trajectory in ("a", "b") for _ in range(4)]
    write(tmp_path / "frames.extxyz", frames)
    config = TrainingConfig.model_validate(
        {
            "name": "small",
            "level_of_theory": "random labels",
            "frames": ["frames.extxyz"],
            "reference_energies": {"C": 0.0, "H": 0.0, "Si": 0.0},
            "split": {"validation": ["b"]},
            "architecture": {"num_channels": 8},
            "optimisation": {"epochs": 1},
        }
    )
    train(config, tmp_path / "run", base=tmp_path)
    card = export_run(tmp_path / "run", tmp_path / "model", formats=("symmetrix",))
    assert {(report.format, report.dtype) for report in card.parity} == {
        ("symmetrix", "float32"),
        ("symmetrix", "float64"),
    }
    assert all(report.passed for report in card.parity)
    assert [entry.name for entry in load_card(tmp_path / "model").files] == ["model.symmetrix.json"]


def _silane(rng: np.random.Generator, trajectory: str) -> Atoms:
    """Methylsilane, rattled, with labels that mean nothing: parity does not ask whether a model is good."""
    atoms = molecule("CH3SiH3")
    atoms.positions += rng.normal(0, 0.1, (len(atoms), 3))
    atoms.info.update(trajectory=trajectory, REF_energy=float(rng.normal()))
    atoms.set_array("REF_forces", rng.normal(0, 1.0, (len(atoms), 3)))
    return atoms
