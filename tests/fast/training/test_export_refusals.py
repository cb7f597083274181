"""A format that cannot hold a model is left out with its reason, whatever the translator raises."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from model_cases import frames

from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.model_formats import EXPORTED_FILES, Dtype, ExportedFormat
from molgun_lmp.models.mace_file import ModelFacts
from molgun_lmp.models.predict import Prediction
from molgun_lmp.training.export import formats
from molgun_lmp.training.export.deploy import symmetrix_refusal
from molgun_lmp.training.export.export import _require_a_file
from molgun_lmp.training.export.formats import Exported, MaceReference, write_file

HELD: dict[str, Any] = {
    "elements": ("H", "C", "Si"),
    "r_max_angstrom": 4.0,
    "num_interactions": 2,
    "max_ell": 3,
    "hidden_irreps": "4x0e",
    "heads": ("Default",),
    "e0s_ev": {},
    "dtype": "float64",
    "parameters": 1,
    "correlations": (3, 3),
    "gate": "silu",
    "readouts": 2,
    "equal_channels": True,
    "products_by_element": True,
    "shifted": True,
}
FRAMES = frames()[:2]
REFERENCE = [Prediction(energy_ev=-1.0, forces=np.ones((6, 3))) for _ in FRAMES]
TRANSLATED = [name for name, file in EXPORTED_FILES.items() if file.format in get_args(ExportedFormat)]


def written(name: str, folder: Path) -> Exported:
    return write_file(
        name,
        folder / "absent.model",
        folder,
        facts=ModelFacts(**HELD),
        head="Default",
        reference=MaceReference(frames=FRAMES, on_frames=REFERENCE),
    )


def translator(monkeypatch: pytest.MonkeyPatch, name: str, *, write: Any = None, predict: Any = None) -> None:
    """Stand-ins for the translator of a format; LAMMPS is not there."""

    def nothing(*_: object) -> str:
        return ""

    def no_lammps(*_: object, **__: object) -> list[Prediction]:
        raise EngineError("no LAMMPS here")

    how = formats._Translation(write=write or nothing, predict=predict or (lambda *_: iter(REFERENCE)))
    monkeypatch.setitem(formats._TRANSLATIONS, EXPORTED_FILES[name].format, how)  # type: ignore[misc]
    monkeypatch.setattr(formats, "predict_in_lammps", no_lammps)


@pytest.mark.parametrize("name", TRANSLATED)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (IndexError("index 2 is out of bounds\nfor axis 0"), "IndexError: index 2 is out of bounds"),
        (AttributeError("no attribute 'acts'"), "AttributeError: no attribute 'acts'"),
        (RuntimeError("failed in the TorchScript interpreter.\nTraceback:\n  shape is wrong\n"), "RuntimeError: shape"),
        (Exception("Only ZBL pair_repulsion is supported."), "Exception: Only ZBL"),
        (AssertionError(), "AssertionError: no reason given"),
        (ModelError("mace cannot convert it"), "mace cannot convert it"),
    ],
)
def test_whatever_a_translator_raises_is_a_refusal(
    name: str, error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_written(_: Path, file: Path, *__: object) -> str:
        file.write_text("half")
        raise error

    translator(monkeypatch, name, write=half_written)
    done = written(name, tmp_path)
    assert done.refusal is not None
    assert done.refusal.startswith(words)
    assert (done.parity, list(tmp_path.iterdir())) == ((), [])


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_file_that_computes_something_else_is_a_refusal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Path, frames: Sequence[object], __: Dtype) -> Iterator[Prediction]:
        return (Prediction(energy_ev=-1.0, forces=np.full((6, 3), 0.5)) for _ in frames)

    def no_number(*_: object) -> Iterator[Prediction]:
        return iter([Prediction(energy_ev=float("nan"), forces=np.ones((6, 3)))] * len(FRAMES))

    def crash(*_: object) -> Iterator[Prediction]:
        raise ZeroDivisionError("in its kernel")

    for predict, words in ((half, "does not compute what mace does"), (no_number, "not numbers"), (crash, "in its")):
        translator(monkeypatch, name, predict=predict)
        refusal = written(name, tmp_path).refusal
        assert refusal is not None
        assert words in refusal


def test_a_full_disk_is_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    translator(monkeypatch, "symmetrix", write=full)
    with pytest.raises(OSError, match="No space left"):
        written("symmetrix", tmp_path)


def test_a_format_asked_for_alone_that_cannot_be_had_is_an_error() -> None:
    refused = Exported(refusal="the correlation is 2, not 3")
    _require_a_file(Path("a.model"), {"symmetrix": refused, "mace": Exported()})
    with pytest.raises(ModelError, match=r"a\.model cannot be had.*symmetrix: the correlation is 2, not 3\. Nothing"):
        _require_a_file(Path("a.model"), {"symmetrix": refused})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_interactions": 3}, "the number of interactions is 3, not 2"),
        ({"num_interactions": 1, "readouts": 1}, "the gate of the last readout is silu, not none"),
        ({"num_interactions": 1, "readouts": 1, "gate": "none", "heads": ("a", "b")}, "number of heads.* is 2, not 1"),
        ({"max_ell": 1}, "max_ell is 1, not 3"),
        ({"correlations": (2, 2)}, "the correlation is 2, not 3"),
        ({"correlations": (3, 2)}, "the correlation is 3, 2, not 3"),
        ({"gate": "tanh"}, "the gate of the last readout is tanh, not silu"),
        ({"readouts": 1}, "the number of readouts is 1, not 2"),
        ({"equal_channels": False, "hidden_irreps": "4x0e+2x1o"}, r"unlike numbers of channels \(4x0e\+2x1o\)"),
        ({"products_by_element": False}, "the same for all elements"),
        ({"shifted": False}, "not scaled and shifted"),
        ({"max_ell": 2, "gate": "none"}, "max_ell is 2, not 3; the gate of the last readout is none, not silu"),
    ],
)
def test_what_symmetrix_cannot_hold_is_said_before_it_is_tried(changes: dict[str, Any], words: str) -> None:
    refusal = symmetrix_refusal(ModelFacts(**{**HELD, **changes}))
    assert refusal is not None
    with pytest.raises(ModelError, match=words):
        raise ModelError(refusal)
