"""`molgun evaluate` and `molgun descriptors` on real files of a model, and what they refuse."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from campaign_cases import write_model
from engine_cases import TinyModel, structures

from molgun_lmp.cli import main
from molgun_lmp.errors import ModelError, TrainingError
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.evaluation.evaluation import Judgement
from molgun_lmp.training.evaluation.predictor import open_predictor

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A molecule, a molecule on a slab, and a tilted crystal, with labels of zero."""
    file = tmp_path_factory.mktemp("frames") / "frames.extxyz"
    cases = [structures()[name] for name in ("molecule in vacuum", "molecule on slab", "triclinic")]
    for atoms, name in zip(cases, "abc", strict=True):
        atoms.info.update(REF_energy=0.0, trajectory=name)
        atoms.set_array("REF_forces", np.zeros((len(atoms), 3)))
    write(file, cases)
    return file


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command line in this process: the exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            written = capsys.readouterr()
            return int(ended.code or 0), written.out, written.err
        raise AssertionError("the command line did not exit")

    return call


def test_every_file_of_a_model_gives_the_same_errors(molgun: Any, frames: Path, tiny_mace: TinyModel) -> None:
    found = {}
    for file in (tiny_mace.model, *tiny_mace.deployed.values()):
        code, output, errors = molgun("evaluate", file, frames, "--sha256", sha256_file(file), "--json")
        assert code == 0, errors
        judgement = Judgement.model_validate_json(output)
        found[judgement.model.format, judgement.model.dtype] = judgement.errors
        assert judgement.labels == "level of theory not stated"
    assert set(found) == {("mace", "float64"), ("torchscript", "float64"), ("torchscript", "float32")}
    exact = found["mace", "float64"]
    for (_, dtype), errors in found.items():
        tolerance = 1e-9 if dtype == "float64" else 1e-4
        assert errors.forces_ev_per_angstrom.mae == pytest.approx(exact.forces_ev_per_angstrom.mae, abs=tolerance)
        assert errors.energy_ev_per_atom.mae == pytest.approx(exact.energy_ev_per_atom.mae, rel=tolerance)
    assert set(exact.by_trajectory) == {"a", "b", "c"}


def test_a_model_folder_tells_the_level_of_theory_and_the_folder_is_written(
    molgun: Any, frames: Path, tiny_mace: TinyModel, tmp_path: Path
) -> None:
    write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    code, output, errors = molgun("evaluate", tmp_path / "model", frames, "-o", tmp_path / "out", "--worst", 2)
    assert code == 0, errors
    assert "none (untrained)" in output
    judgement = Judgement.model_validate_json((tmp_path / "out" / "report.json").read_text())
    assert judgement.model.format == "torchscript"
    assert judgement.errors.forces_by_group.keys() == {"molecule", "surface"}
    written = {file.name for file in (tmp_path / "out").iterdir()}
    names = ("parity-energies", "parity-forces", "error-by-force", "errors-of-parts")
    assert written == {"report.json", "worst.extxyz"} | {
        f"{name}.{kind}" for name in names for kind in ("svg", "png", "csv")
    }

    worst = read(tmp_path / "out" / "worst.extxyz", index=":")
    assert [one.info["source"] for one in worst] == [one.source for one in judgement.worst]
    (again,) = open_predictor(tmp_path / "model").predict(read_dataset([tmp_path / "out" / "worst.extxyz"]).frames[:1])
    np.testing.assert_allclose(worst[0].arrays["forces_of_model"], again.forces, atol=1e-6)


def test_what_nobody_vouched_for_is_not_loaded(molgun: Any, frames: Path, tiny_mace: TinyModel, tmp_path: Path) -> None:
    for file in (tiny_mace.model, tiny_mace.deployed["float64"]):
        code, output, errors = molgun("evaluate", file, frames, "--json")
        assert (code, output) == (ModelError.exit_code, "")
        assert "nothing vouches for it" in errors
    write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    file = tmp_path / "model" / "model.pt"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    for changed in (file, tmp_path / "model"):
        code, _, errors = molgun("evaluate", changed, frames)
        assert code == ModelError.exit_code
        assert "changed" in errors or "not the model that was recorded" in errors


def test_a_record_of_another_model_says_nothing_of_this_one(tmp_path: Path, tiny_mace: TinyModel) -> None:
    # As where a finished training goes on: the new model is there, the record still speaks of the old one.
    file = tmp_path / "model.model"
    file.write_bytes(tiny_mace.model.read_bytes())
    (tmp_path / "record.json").write_text("{}")
    assert open_predictor(file, sha256=sha256_file(file)).source.level_of_theory is None
    with pytest.raises(ModelError, match="nothing vouches for it"):
        open_predictor(file)
    with pytest.raises(TrainingError, match="not a training record"):
        open_predictor(tmp_path, trust=True)


def test_what_is_no_model_is_refused(tmp_path: Path, tiny_mace: TinyModel) -> None:
    (tmp_path / "text.model").write_text("no model")
    with pytest.raises(ModelError, match="is no model"):
        open_predictor(tmp_path / "text.model", trust=True)
    (tmp_path / "other.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(ModelError, match="no symmetrix file"):
        open_predictor(tmp_path / "other.json")
    with pytest.raises(ModelError, match="no model that can be evaluated"):
        open_predictor(tmp_path)
    card = write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    (tmp_path / "model" / "card.json").write_text(card.model_dump_json().replace("torchscript", "mliap"))
    with pytest.raises(ModelError, match="by LAMMPS with ML-IAP alone"):
        open_predictor(tmp_path / "model" / "model.pt")
    with pytest.raises(ModelError, match="computes in float64"):
        open_predictor(tiny_mace.deployed["float64"], trust=True, dtype="float32")


def test_an_unknown_element_is_refused_by_every_kind_of_file(tiny_mace: TinyModel, tmp_path: Path) -> None:
    gold = Atoms("Au2", positions=[[0, 0, 0], [2.5, 0, 0]], info={"REF_energy": 0.0})
    gold.set_array("REF_forces", np.zeros((2, 3)))
    write(tmp_path / "gold.extxyz", gold)
    labelled = read_dataset([tmp_path / "gold.extxyz"]).frames
    for file in (tiny_mace.model, tiny_mace.deployed["float64"]):
        with pytest.raises(ModelError, match="never trained on Au; it knows H, C, Si"):
            open_predictor(file, trust=True).predict(labelled)


def test_descriptors_of_a_set(molgun: Any, tiny_mace: TinyModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rest = structures()["molecule in vacuum"]
    for name, count, width in (("own", 12, 0.02), ("far", 5, 0.3)):
        rattled = []
        for _ in range(count):
            atoms = rest.copy()
            atoms.positions += rng.normal(0, width, atoms.positions.shape)
            rattled.append(atoms)
        write(tmp_path / f"{name}.extxyz", rattled)
    own, far, out = tmp_path / "own.extxyz", tmp_path / "far.extxyz", tmp_path / "out"
    trust = ("--sha256", sha256_file(tiny_mace.model))
    code, output, errors = molgun("descriptors", tiny_mace.model, far, "--training", own, "-o", out, "--json", *trust)
    assert code == 0, errors
    sets = json.loads(output)["kinds"]["invariant"]["sets"]
    assert sets["training"]["points"] == 12
    assert sets["far.extxyz"]["median"] > 3 * sets["training"]["percentile_95"]
    assert {file.stem for file in out.iterdir()} == {"descriptors", "principal-components", "distances"}
    deployed = tiny_mace.deployed["float64"]
    code, _, errors = molgun("descriptors", tiny_mace.model, far, "-o", out, *trust)
    assert (code, "--training" in errors) == (11, True)
    write_model(tmp_path / "model", deployed)
    code, _, errors = molgun("descriptors", tmp_path / "model", far, "--training", own, "-o", out)
    assert (code, "keeps its descriptors" in errors) == (ModelError.exit_code, True)
