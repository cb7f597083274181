"""The file that LAMMPS's pair_style symmetrix/mace reads, made of a tiny model and asked through symmetrix."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from engine_cases import ELEMENTS, TinyModel, structures

from molgun_lmp.models.card import Licences, load_card
from molgun_lmp.models.mace_file import load_model, model_facts
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.export.deploy import extract_splines
from molgun_lmp.training.export.export import Provenance, export
from molgun_lmp.training.export.formats import _TRANSLATIONS

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def symmetrix() -> None:
    pytest.importorskip("symmetrix")


def frames(*names: str) -> Sequence[LabelledFrame]:
    """The tests' structures, whose labels nobody asks."""
    chosen = [structures()[name] for name in names]
    return [
        LabelledFrame(
            symbols=tuple(atoms.get_chemical_symbols()),
            positions=atoms.positions,
            cell=atoms.cell.array,
            pbc=tuple(atoms.pbc.tolist()),
            energy_ev=0.0,
            forces=np.zeros((len(atoms), 3)),
            trajectory="t",
            config_type="Default",
            source=f"structure {number}",
        )
        for number, atoms in enumerate(chosen)
    ]


@pytest.mark.parametrize("points", [60, 90])
def test_the_file_holds_splines_for_each_pair_of_elements(tiny_mace: TinyModel, points: int, tmp_path: Path) -> None:
    """The pair style reads these, and stops with a json error where they are not."""
    file = tmp_path / "splines.json"
    extract_splines(tiny_mace.model, file, head="Default", elements=ELEMENTS, points=points)
    document = json.loads(file.read_text())
    assert document["atomic_numbers"] == [1, 6, 14]
    assert document.get("symmetrix_format_version", 1) == 1
    for key in ("radial_spline_values_0", "radial_spline_derivs_0", "radial_spline_values_1", "radial_spline_derivs_1"):
        tables = np.array(document[key])
        assert tables.size
        assert points in tables.shape
    assert document["radial_spline_h"] == pytest.approx(4.0 / (points - 1))

    extract_splines(tiny_mace.model, file, head="Default", elements=("C", "Si"), points=points)
    assert json.loads(file.read_text())["atomic_numbers"] == [6, 14]


def test_a_model_of_many_elements_gives_tables_for_those_of_the_frames(tiny_mace: TinyModel) -> None:
    facts = model_facts(load_model(tiny_mace.model, trust=True))
    few, holds = frames("own images"), _TRANSLATIONS["symmetrix-splines"].holds
    assert holds(facts, few) == ELEMENTS
    large = dataclasses.replace(facts, elements=("C", *(f"X{number}" for number in range(8)), "Si"))
    assert holds(large, few) == ("C", "Si")


@pytest.mark.slow  # compiles symmetrix' kernels
def test_an_exported_file_computes_what_mace_does(tiny_mace: TinyModel, tmp_path: Path) -> None:
    known = Provenance(
        name="tiny", level_of_theory="none", e0s_kind="given", training=None, errors=(), licences=Licences()
    )
    export(
        tiny_mace.model,
        tmp_path / "model",
        frames=frames("molecule on slab", "triclinic"),
        provenance=known,
        formats=("symmetrix-splines",),
        trust=True,
        spline_points=1024,
    )
    card = load_card(tmp_path / "model")
    (file,) = card.files
    assert (file.name, file.format, file.dtype) == ("model.symmetrix-splines.json", "symmetrix-splines", None)
    assert "1024 points" in file.needs
    (report,) = card.parity
    assert (report.format, report.dtype, report.passed) == ("symmetrix-splines", "float64", True)
    assert "no pair_style symmetrix/mace" in card.not_run_in_lammps["symmetrix-splines"]
