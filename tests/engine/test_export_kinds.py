"""Every kind of MACE that people have goes through export into the files that LAMMPS runs."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from model_cases import UNKNOWN, frames, labelled_frame, save_model, tiny_model, without_heads

from molgun_lmp.engine.force_models import ForceModelInput
from molgun_lmp.engine.torch_model import TorchScriptModel
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import ModelCard, load_card
from molgun_lmp.models.mace_file import load_model, model_facts
from molgun_lmp.models.predict import Prediction, predict_calculator, predict_deployed, predict_mace
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.evaluation.predictor import open_predictor
from molgun_lmp.training.export import formats
from molgun_lmp.training.export.export import export

pytestmark = pytest.mark.engine

DENSITY = {
    "block": "RealAgnosticDensityResidualInteractionBlock",
    "first_block": "RealAgnosticDensityInteractionBlock",
}
OLD: dict[str, dict[str, Any]] = {
    "of 2023": {"hidden_irreps": "4x0e+4x1o"},
    "plain, float32": {"plain": True, "dtype": "float32"},
    "with ZBL and Agnesi's transform": {"pair_repulsion": True, "distance_transform": "Agnesi", **DENSITY},
    "of one interaction": {"num_interactions": 1, "correlation": 3},
    "of three interactions": {"num_interactions": 3, "correlation": 1},
    "with a first interaction that is not residual": {"first_block": "RealAgnosticInteractionBlock"},
}
NOW: dict[str, dict[str, Any]] = {
    "plain with two heads": {"heads": ["others", "ours"], "plain": True},
    "of three heads": {"heads": ["a", "b", "ours"], "num_interactions": 1, "pair_repulsion": True},
    "with unlike correlations": {"correlation": [3, 2], "distance_transform": "Soft"},
}


def exported(file: Path, folder: Path, **how: Any) -> ModelCard:
    settings: dict[str, Any] = {"frames": frames(), "provenance": UNKNOWN, "trust": True, **how}
    return export(file, folder, **settings)


@pytest.mark.parametrize("kind", [*OLD, *NOW])
def test_a_model_of_any_kind_runs_in_lammps(kind: str, plugin: Path, tmp_path: Path) -> None:
    settings = {**OLD, **NOW}[kind]
    model = tiny_model(**settings)
    file = save_model(without_heads(model) if kind in OLD else model, tmp_path / "tiny.model")
    head = "ours" if "heads" in settings else None
    card = exported(file, tmp_path / "folder", formats=("torchscript-float64",), head=head)
    assert card.head == (head or "Default")
    assert {report.run_by for report in card.parity} == {"python", "lammps"}
    assert min(report.largest_force_ev_per_angstrom for report in card.parity) > 0.01
    engine = TorchScriptModel(tmp_path / "folder" / card.files[0].name)
    for frame, one in zip(frames(), predict_calculator(file, frames(), head=card.head), strict=True):
        atoms = frame.atoms()
        answer = engine.evaluate(
            ForceModelInput(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=frame.pbc)
        )
        np.testing.assert_allclose(answer.forces, one.forces, atol=1e-7)
        assert answer.energy_ev == pytest.approx(one.energy_ev, abs=1e-7)


def test_a_model_of_before_heads_has_one_and_is_evaluated(tmp_path: Path) -> None:
    file = save_model(without_heads(tiny_model()), tmp_path / "old.model")
    loaded = load_model(file, trust=True)
    facts = model_facts(loaded)
    assert facts.heads == ("Default",)
    assert facts.e0s_ev == {"Default": {"H": -13.6, "C": -1029.5, "Si": -7870.25}}
    batched = predict_mace(loaded, frames(), head="Default", batch_size=3)
    for one, other in zip(batched, predict_calculator(file, frames(), head="Default"), strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-9)
    evaluated = list(open_predictor(file, trust=True).predict(frames()))
    assert np.abs(evaluated[0].forces).max() > 0.01


def test_a_model_that_lammps_mace_wrote_back_has_a_head_of_no_name(tmp_path: Path) -> None:
    model = without_heads(tiny_model())
    model.heads = [None]
    file = save_model(model, tmp_path / "none.model")
    assert model_facts(load_model(file, trust=True)).heads == ("Default",)
    assert len(list(predict_calculator(file, frames(), head="Default"))) == len(frames())


def test_a_head_is_chosen_by_its_name(tmp_path: Path) -> None:
    file = save_model(tiny_model(heads=["a", "b", "ours"], num_interactions=1), tmp_path / "many.model")
    for head, words in ((None, "has the heads a, b, ours: say which"), ("c", "no head 'c'; it has a, b, ours")):
        with pytest.raises(ModelError, match=words):
            exported(file, tmp_path / "folder", formats=("mace",), head=head)


def test_a_compiled_model_in_place_of_a_model_is_named(tmp_path: Path) -> None:
    """Mace's trainer writes it beside each `.model`; torch would load it as if it were one."""
    model = tiny_model(num_interactions=1)
    from e3nn.util import jit

    compiled = tmp_path / "tiny_compiled.model"
    jit.compile(model).save(str(compiled))
    with pytest.raises(ModelError, match=r"tiny_compiled\.model is TorchScript .*lacks `_compiled`"):
        exported(compiled, tmp_path / "folder")
    with pytest.raises(ModelError, match=r"not one that was deployed for LAMMPS.*lacks `_compiled`"):
        open_predictor(compiled, trust=True)
    with pytest.raises(ModelError, match="no model that was deployed for LAMMPS"):
        list(predict_deployed(compiled, frames(), dtype="float64"))
    with pytest.raises(ModelError, match=r"is not a MACE for `pair_style mace`.*not deployed for LAMMPS"):
        TorchScriptModel(compiled)


def test_symmetrix_s_file_in_place_of_a_model_is_named(tmp_path: Path) -> None:
    file = tmp_path / "model.symmetrix.json"
    file.write_text('{"atomic_numbers": [1]}')
    with pytest.raises(ModelError, match="is JSON, such as symmetrix's file"):
        load_model(file, trust=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"correlation": 2}, "the correlation is 2, not 3"),
        ({"gate": "None"}, "gate of the last readout is none"),
        ({"gate": "tanh"}, "gate of the last readout is tanh"),
        ({"use_last_readout_only": True}, "number of readouts is 1"),
        ({"use_agnostic_product": True}, "the same for all elements"),
        ({"plain": True}, "a plain MACE"),
    ],
    ids=str,
)
def test_what_symmetrix_cannot_hold_is_left_out_and_said(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    file = save_model(tiny_model(**{"max_ell": 3, "correlation": 3, **settings}), tmp_path / "tiny.model")
    card = exported(file, tmp_path / "folder", formats=("symmetrix", "mace"))
    assert words in card.not_exported["symmetrix"]
    assert [entry.format for entry in card.files] == ["mace"]
    assert sorted(left.name for left in (tmp_path / "folder").iterdir()) == ["card.json", "model.model"]
    with pytest.raises(ModelError, match=rf"no symmetrix file: symmetrix cannot hold.*{words}"):
        card.find("symmetrix")
    with pytest.raises(ModelError, match=rf"cannot be had in what was asked for.*{words}"):
        exported(file, tmp_path / "alone", formats=("symmetrix",))
    assert not (tmp_path / "alone").exists()


@pytest.mark.parametrize(
    "settings",
    [{}, {"first_block": "RealAgnosticInteractionBlock", "pair_repulsion": True, "dtype": "float32"}],
    ids=str,
)
def test_symmetrix_holds_one_interaction(settings: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("symmetrix")
    model = tiny_model(num_interactions=1, max_ell=3, correlation=3, **settings)
    file = save_model(model, tmp_path / "one.model")
    card = exported(file, tmp_path / "folder", formats=("symmetrix", "symmetrix-splines", "mace"))
    assert {(report.dtype, report.run_by) for report in card.parity} == {
        (dtype, by) for dtype in ("float32", "float64") for by in ("python", "lammps")
    }
    assert min(report.largest_force_ev_per_angstrom for report in card.parity) > 0.01
    assert "one interaction" in card.not_exported["symmetrix-splines"]


@pytest.mark.parametrize(
    "settings", [{"correlation": 2}, {"gate": "None"}, {"use_agnostic_product": True}, {"plain": True}], ids=str
)
def test_what_its_extraction_raises_ends_no_export(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("symmetrix.extract_mace_data")
    unasked = dataclasses.replace(formats._TRANSLATIONS["symmetrix"], refusal=lambda _: None)
    monkeypatch.setitem(formats._TRANSLATIONS, "symmetrix", unasked)
    file = save_model(tiny_model(**{"max_ell": 3, "correlation": 3, **settings}), tmp_path / "tiny.model")
    card = exported(file, tmp_path / "folder", formats=("symmetrix", "mace"))
    assert "Error: " in card.not_exported["symmetrix"]
    assert [entry.format for entry in card.files] == ["mace"]


def test_the_precision_that_is_missing_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def float64_only(model: Path, file: Path, wanted: formats.Wanted) -> str:
        if wanted.dtype == "float32":
            raise RuntimeError("not in float32")
        return torchscript.write(model, file, wanted)

    torchscript = formats._TRANSLATIONS["torchscript"]
    changed = dataclasses.replace(torchscript, write=float64_only)
    monkeypatch.setitem(formats._TRANSLATIONS, "torchscript", changed)
    file = save_model(tiny_model(num_interactions=1), tmp_path / "tiny.model")
    card = exported(file, tmp_path / "folder", formats=("torchscript-float32", "torchscript-float64"))
    assert card.not_exported == {"torchscript-float32": "RuntimeError: not in float32"}
    assert card.find("torchscript").dtype == "float64"
    with pytest.raises(ModelError, match="no torchscript file in float32: RuntimeError: not in float32"):
        card.find("torchscript", "float32")


def test_a_model_that_mace_itself_cannot_run_is_said_to_be_one(tmp_path: Path) -> None:
    file = save_model(tiny_model(hidden_irreps="4x0e+2x1o"), tmp_path / "unlike.model")
    with pytest.raises(ModelError, match=r"mace itself cannot compute the frames with unlike\.model"):
        exported(file, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_close_atoms_are_compared_too(plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is right on all frames and wrong where atoms meet is left out."""
    file = save_model(tiny_model(pair_repulsion=True), tmp_path / "tiny.model")
    card = exported(file, tmp_path / "right", formats=("torchscript-float64", "mace"))
    (contact,) = card.contacts
    assert (contact.elements, contact.from_angstrom, contact.passed) == (("H", "C", "Si"), 0.5, True)
    assert contact.force_there_ev_per_angstrom > 1.0
    assert load_card(tmp_path / "right").contacts == card.contacts

    def wrong(file: Path, structures: Sequence[LabelledFrame], dtype: Dtype) -> Iterator[Prediction]:
        for structure, one in zip(structures, torchscript.predict(file, structures, dtype), strict=True):
            close = len(structure) == 2 and np.linalg.norm(structure.positions[1] - structure.positions[0]) < 0.75
            yield dataclasses.replace(one, forces=0.9 * one.forces) if close else one

    torchscript = formats._TRANSLATIONS["torchscript"]
    monkeypatch.setitem(formats._TRANSLATIONS, "torchscript", dataclasses.replace(torchscript, predict=wrong))
    card = exported(file, tmp_path / "wrong", formats=("torchscript-float64", "mace"))
    assert "where atoms are close" in card.not_exported["torchscript-float64"]
    assert (card.contacts, [entry.format for entry in card.files]) == ((), ["mace"])


def test_a_repulsion_of_many_ev_per_angstrom_is_exported_in_both_precisions(plugin: Path, tmp_path: Path) -> None:
    """LAMMPS computes the prefactor of mace's ZBL in single precision: 1e-8 of a force that may be large."""
    file = save_model(tiny_model(pair_repulsion=True), tmp_path / "tiny.model")
    squeezed = [
        labelled_frame(Atoms("CHSiH", positions=[[0, 0, 0], [0.1, 0.2, 0.65], [1.6, 0, 0], [2.2, 0.8, 0.4]], pbc=False))
    ]
    card = exported(file, tmp_path / "folder", frames=squeezed, formats=("torchscript-float64",))
    assert {report.run_by for report in card.parity} == {"python", "lammps"}
    assert card.parity[0].largest_force_ev_per_angstrom > 50.0
