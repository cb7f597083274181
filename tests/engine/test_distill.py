"""`molgun distill`: shots of a tiny model, its own labels, a tinier one trained on them, exported and judged."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk, molecule
from campaign_cases import write_model
from engine_cases import TinyModel
from potential_cases import campaign_file

from molgun_lmp.cli import distill as command
from molgun_lmp.cli import main
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.models.card import load_card, mace_sha256
from molgun_lmp.models.predict import predict_calculator
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.distillation import judgement
from molgun_lmp.training.run_folder import read_record
from molgun_lmp.training.settings import AS_THEY_ARE

pytestmark = pytest.mark.engine

SHAPE = (
    *("architecture.num_channels=2", "architecture.max_ell=1", "architecture.correlation=1"),
    "architecture.r_max_angstrom=3.0",
)
TINY = (
    *("optimisation.epochs=1", "optimisation.batch_size=2", "judged_frames=1"),
    *("split.test=0.3", "split.validation=0.3", "max_force_ev_per_angstrom=1e6"),
    *("fired.shots=3", "fired.hot=0", "fired.longest_ps=0.008", "fired.frame_every_fs=2"),
    *("flights.molecules=1", "flights.duration_ps=0.008", "flights.outer_steps_fs=[1.0, 2.0]"),
)


@pytest.fixture
def folder(tmp_path: Path, tiny_mace: TinyModel, plugin: Path) -> Path:
    """A campaign of methane on silicon under the tiny model."""
    del plugin
    write_model(tmp_path / "full", tiny_mace.deployed["float64"], mace=tiny_mace.model)
    slab = bulk("Si", "diamond", a=5.47, cubic=True)
    slab.cell[2, 2] = 20.0
    sections = {
        "engine": {"kind": "torchscript", "commands": []},
        "model": {"folder": "elsewhere", "dtype": "float64"},
        "dynamics": {"steps": 400, "dump_every_steps": 20, "thermo_every_steps": 20, "checkpoint_every_steps": 40},
    }
    campaign_file(tmp_path, slab, molecule("CH4"), [], sections)
    return tmp_path


@pytest.fixture
def distill(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The same command each time: its exit code, and what it answered in JSON."""

    def call(*words: str, output: str = "inner", settings: Sequence[str] = SHAPE) -> Any:
        changed = [word for one in (*TINY, *settings) for word in ("--set", one)]
        arguments = ["full", "campaign.yaml", "-o", output, "--workers", "1", *changed, *words, "--json"]
        monkeypatch.setattr("sys.argv", ["molgun", "distill", *arguments])
        monkeypatch.chdir(folder)
        capfd.readouterr()
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                return ended.code, capfd.readouterr().err
        return 0, json.loads(capfd.readouterr().out)

    return call


def test_a_stopped_distillation_goes_on_where_it_was(
    folder: Path, distill: Callable[..., Any], tiny_mace: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise InterruptedRunError("stopped")

    monkeypatch.setattr(judgement, "_ROUND_S", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(command, "judge_inner", stop)
        code, said = distill()
        assert code == InterruptedRunError.exit_code, said
    out = folder / "inner"
    made = [
        *out.glob("shots/trajectories/*/*/result.json"),
        *(out / name for name in ("labels/labels.jsonl", "training/record.json", "model/model.model")),
    ]
    assert len(made) == 6
    before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in made]
    code, report = distill()
    assert code == 0, report
    assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in made] == before

    # Labels are the full model's.
    frames = read_dataset([out / "labels/labelled.extxyz"], limits=AS_THEY_ARE).frames
    assert {len(frame) for frame in frames} == {5, 8, 13}
    whole = [frame for frame in frames if len(frame) == 13][:2]
    for frame, expected in zip(whole, predict_calculator(tiny_mace.model, whole, head="Default"), strict=True):
        np.testing.assert_allclose(frame.forces, expected.forces, atol=1e-6)

    # Pools are trained on; held-out shots are judged, and the card says what the model belongs to.
    data = read_record(out / "training").training.data
    assert {"slab.extxyz", "molecule.extxyz"} < set(data.trajectories["train"])
    assert all(name.startswith("shots-") for name in data.trajectories["test"])
    card = load_card(out / "model")
    assert card.distilled_from == mace_sha256(load_card(folder / "full")) == report["model_sha256"]
    assert card.architecture.r_max_angstrom == 3.0
    assert [step["every"] for step in report["outer_steps"]] == [1, 2, 4, 5, 10, 20]
    assert report["advised_every"] in {1, 2, 4, 5, 10, 20}
    flights = report["flights"]
    assert [step["every"] for step in (flights["alone"], *flights["outer_steps"])] == [1, 2, 4]
    assert all(step["largest_mev"] > 0.0 for step in flights["outer_steps"])
    assert (out / "flights.png").is_file()
    limit = 2.0 * flights["alone"]["largest_mev"]
    short, long = (step["largest_mev"] <= limit for step in flights["outer_steps"])
    assert card.longest_outer_step_fs == ((2.0 if long else 1.0) if short else None)
    assert report["advised_every"] * 0.5 <= max(0.5, card.longest_outer_step_fs or 0.0)
    assert report["remaining_force"]["forces_by_group"].keys() == {"molecule", "surface"}
    assert report["inner_core_ms"] > 0.0
    assert report["outer_steps"][1]["core_time"] == pytest.approx(
        0.5 + report["inner_core_ms"] / report["full_core_ms"]
    )

    # An inner model of before is where the next one's training starts, with its shape and its energies of atoms.
    code, _ = distill("--frames", "inner/shots", output="next", settings=("foundation=inner/model",))
    assert code == 0
    following = load_card(folder / "next/model")
    assert str(mace_sha256(card)) in str(read_record(folder / "next/training").training.foundation)
    assert following.architecture.hidden_irreps == card.architecture.hidden_irreps
    assert following.architecture.r_max_angstrom == card.architecture.r_max_angstrom
    assert following.training is not None
    assert str(following.training.config["foundation"]["file"]) == "../inner/model/model.model"
    assert following.e0s_ev == pytest.approx(card.e0s_ev)
    assert mace_sha256(following) != mace_sha256(card)
