"""A small MACE of the shape that symmetrix holds: trained, converted, and the same forces from its compiled kernels."""

from pathlib import Path

import pytest

import molgun_lmp
from molgun_lmp.training.card import load_card
from molgun_lmp.training.export import export_run
from molgun_lmp.training.finetune import train
from molgun_lmp.training.settings import TrainingConfig

pytestmark = pytest.mark.slow

EXAMPLE = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001"


def test_symmetrix_computes_what_mace_does(tmp_path: Path) -> None:
    pytest.importorskip("symmetrix")
    config = TrainingConfig.model_validate(
        {
            "name": "small",
            "level_of_theory": "GFN1-xTB",
            "frames": ["data/frames.extxyz.xz"],
            "split": {"validation": ["th-otcy"], "test": ["11-1", "11-2", "11-4", "11-5", "11-6", "molecule_300K"]},
            "architecture": {"num_channels": 8},
            "optimisation": {"epochs": 1},
        }
    )
    train(config, tmp_path / "run", base=EXAMPLE)
    card = export_run(tmp_path / "run", tmp_path / "model", formats=("symmetrix",))
    assert {(report.format, report.dtype) for report in card.parity} == {
        ("symmetrix", "float32"),
        ("symmetrix", "float64"),
    }
    assert all(report.passed for report in card.parity)
    assert [entry.name for entry in load_card(tmp_path / "model").files] == ["model.symmetrix.json"]
