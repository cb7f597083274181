"""Frames of slabs with two cell vectors, as ASE's surface builders leave them, through export and evaluation."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from model_cases import UNKNOWN, labelled_frame, save_model, tiny_model

from molgun_lmp.engine.force_models import ForceModelInput, SymmetrixModel
from molgun_lmp.models.predict import predict_calculator
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.evaluation.predictor import open_predictor
from molgun_lmp.training.export.export import export

pytestmark = pytest.mark.engine


def slabs() -> list[LabelledFrame]:
    """Two layers with their normal along z and along x, and a wire: no vector where there is no period."""
    rng = np.random.default_rng(1)
    cells = (
        ([[4.2, 0.0, 0.0], [1.0, 4.4, 0.0], [0.0, 0.0, 0.0]], (True, True, False)),
        ([[0.0, 0.0, 0.0], [0.0, 4.4, 0.0], [0.0, 1.0, 4.2]], (False, True, True)),
        ([[0.0, 0.0, 0.0], [0.0, 4.4, 0.0], [0.0, 0.0, 0.0]], (False, True, False)),
    )
    where = np.array([[0.0, 0.0, 0.0], [2.0, 2.1, 0.3], [1.0, 1.2, 1.7], [2.6, 0.4, 2.2]])
    return [
        labelled_frame(Atoms("Si2CH", positions=where + rng.normal(0.0, 0.05, where.shape), cell=cell, pbc=pbc), number)
        for number, (cell, pbc) in enumerate(cells)
    ]


def test_a_deployed_file_is_shown_on_slabs_in_lammps_too(plugin: Path, tmp_path: Path) -> None:
    file = save_model(tiny_model(), tmp_path / "tiny.model")
    card = export(
        file, tmp_path / "out", frames=slabs(), provenance=UNKNOWN, formats=("torchscript-float64",), trust=True
    )
    assert [(report.run_by, report.frames) for report in card.parity] == [("python", 3), ("lammps", 2)]
    assert card.not_run_in_lammps == {}
    evaluated = open_predictor(tmp_path / "out").predict(slabs())
    for one, other in zip(predict_calculator(file, slabs(), head="Default"), evaluated, strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-7)


def test_an_ml_iap_file_is_shown_on_slabs(tmp_path: Path) -> None:
    file = save_model(tiny_model(), tmp_path / "tiny.model")
    card = export(file, tmp_path / "out", frames=slabs(), provenance=UNKNOWN, formats=("mliap-float64",), trust=True)
    assert [(report.format, report.frames) for report in card.parity] == [("mliap", 3)]


@pytest.mark.slow  # compiles symmetrix' kernels
def test_symmetrix_is_shown_on_slabs_and_asked_for_them(tmp_path: Path) -> None:
    pytest.importorskip("symmetrix")
    file = save_model(tiny_model(max_ell=3, correlation=3), tmp_path / "tiny.model")
    card = export(file, tmp_path / "out", frames=slabs(), provenance=UNKNOWN, formats=("symmetrix",), trust=True)
    assert {report.run_by for report in card.parity} == {"python", "lammps"}
    written = tmp_path / "out" / card.files[0].name
    reference = list(predict_calculator(file, slabs(), head="Default"))
    for one, other in zip(reference, open_predictor(written).predict(slabs()), strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=2e-4)
    engine = SymmetrixModel(written, dtype="float64")
    for expected, frame in zip(reference, slabs(), strict=True):
        atoms = frame.atoms()
        answer = engine.evaluate(
            ForceModelInput(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=frame.pbc)
        )
        np.testing.assert_allclose(answer.forces, expected.forces, atol=2e-4)
