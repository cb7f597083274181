"""Planning: what is written, that it is a pure function of file and seed, and every refusal before anything is."""

import dataclasses
import importlib.util
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from campaign_cases import write_campaign_file, write_model

from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.plan import plan as planning
from molgun_lmp.campaign.plan.pool_notes import image_notes, orientation_notes, pool_notes
from molgun_lmp.campaign.plan.shot_files import shot_json
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import verify_open, verify_shared
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config import load_campaign
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import CampaignError, ConfigError, GeometryError, InputFileError, ModelError, MolgunError
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.pools import Pool, write_pool
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.setup import Setup, prepare
from molgun_lmp.models.card import ModelFile, load_card, write_card
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import InitialCondition
from molgun_lmp.results.decided import shared_run
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.minimum_image import MinimumImage

PlanOf = Callable[[Path, Mapping[str, Any]], planning.Plan]


@pytest.fixture
def file_of(slab_pool: Pool, molecule_pool: Pool) -> Callable[[Path, Mapping[str, Any]], Path]:
    """A campaign file with pools and a model that nobody loads."""

    def make(folder: Path, sections: Mapping[str, Any]) -> Path:
        write_model(folder / "model")
        return write_campaign_file(folder, slab_pool, molecule_pool, sections)

    return make


@pytest.fixture
def plan_of(file_of: Callable[[Path, Mapping[str, Any]], Path], slab_pool: Pool, molecule_pool: Pool) -> PlanOf:
    """A checked campaign with the engine given: which one runs here would take a compiler to find out."""

    def make(folder: Path, sections: Mapping[str, Any]) -> planning.Plan:
        loaded = load_campaign(file_of(folder, sections))
        card = load_card(folder / "model")
        setup = prepare(loaded.config, slab_pool, molecule_pool, card.architecture.r_max_angstrom)
        return planning.Plan(
            loaded=loaded,
            setup=setup,
            slab_pool=slab_pool,
            molecule_pool=molecule_pool,
            model_folder=folder / "model",
            card=card,
            engine=EngineChoice(
                kind="mace", dtype="float64", threads=1, model_file="model.pt", elements=setup.elements
            ),
            scheme=load_scheme(loaded.config.outcomes.scheme, folder),
        )

    return make


def test_a_planned_campaign_is_whole_and_unchanged(plan_of: PlanOf, tmp_path: Path) -> None:
    store = planning.write(plan_of(tmp_path, {}), tmp_path / "small")
    assert sorted(entry.name for entry in store.root.iterdir()) == sorted(
        ["campaign.yaml", "engine.in", "manifest.json", "model", "slab.extxyz", "trajectories"]
    )
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")], "nothing is left aside"
    work = campaign_work(store)
    verify_shared(work)
    verify_open(work)
    status = read_status(store)
    assert (status.planned, status.pending, status.done) == (4, 4, 0)
    assert Store.open(store.root) == store


def test_the_shot_that_is_stored_is_the_one_that_is_written(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {})
    store = planning.write(plan, tmp_path / "small")
    for folder in store.trajectories():
        shot = folder.shot()
        measured = recover_shot((folder.path / "data.lmp").read_text(), plan.setup.slab.top)
        assert shot.kick_energy_ev == pytest.approx(measured.kick_energy_ev, rel=1e-9)
        assert shot.clearance_angstrom == pytest.approx(measured.clearance_angstrom, abs=1e-9)
        assert np.allclose(shot.com_start, measured.com_start, atol=1e-9)


def test_the_clean_slab_has_the_layers_and_dimers_of_the_built_one(plan_of: PlanOf, tmp_path: Path) -> None:
    from ase.io import read

    store = planning.write(plan_of(tmp_path, {}), tmp_path / "small")
    surface = find_surface(read(store.slab))
    assert surface.n_layers == 6
    assert len(surface.dimers) == 8
    assert store.manifest.cell[0][0] == pytest.approx(15.47, abs=0.01)


def test_every_shot_is_drawn_once(
    file_of: Callable[[Path, Mapping[str, Any]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def drawing(index: int, setup: Setup) -> InitialCondition:
        drawn.append(index)
        return draw(index, setup)

    monkeypatch.setattr(planning, "draw", drawing)
    engine = {"kind": "stock", "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5"], "cutoff_angstrom": 4}
    loaded = load_campaign(file_of(tmp_path, {"engine": engine}))
    planning.write(planning.check(loaded), tmp_path / "small")
    assert drawn == [0, 1, 2, 3]
    drawn.clear()
    planning.draw_all(planning.check(loaded))
    assert drawn == [0, 1, 2, 3]


def test_a_late_shot_that_cannot_be_fired_leaves_nothing_behind(
    plan_of: PlanOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(index: int, setup: Setup) -> InitialCondition:
        if index == 3:
            raise GeometryError("trajectory 000003: too close")
        return draw(index, setup)

    plan = plan_of(tmp_path, {})
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(planning, "draw", refuse)
    with pytest.raises(GeometryError, match="trajectory 000003"):
        planning.write(plan, tmp_path / "small")
    with pytest.raises(GeometryError, match="trajectory 000003"):
        planning.draw_all(plan)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_stored_shot_is_plain_json(plan_of: PlanOf, tmp_path: Path) -> None:
    for folder in planning.write(plan_of(tmp_path, {}), tmp_path / "small").trajectories():
        assert (folder.path / "shot.json").read_text() == json.dumps(folder.shot().to_json(), indent=2) + "\n"
    odd = dataclasses.replace(folder.shot(), slab_snapshot='a "%s"\n%d, é', polar_deg=float("nan"))
    assert shot_json(odd) == json.dumps(odd.to_json(), indent=2) + "\n"


def test_an_opened_store_holds_its_files_and_one_opened_anew_sees_the_new_ones(plan_of: PlanOf, tmp_path: Path) -> None:
    store = planning.write(plan_of(tmp_path, {}), tmp_path / "small")
    assert store.config() is store.config()
    assert store.clean_slab is store.clean_slab
    file = store.root / "campaign.yaml"
    file.write_text(file.read_text().replace("steps: 20000", "steps: 10"))
    store.slab.write_text("nothing")
    assert store.config().dynamics.steps == 20_000
    again = Store.open(store.root)
    assert again.config().dynamics.steps == 10
    with pytest.raises(CampaignError, match=r"cannot read .*slab\.extxyz"):
        _ = again.clean_slab


def test_decks_depend_on_file_and_seed_alone(plan_of: PlanOf, tmp_path: Path) -> None:
    def decks(name: str, sections: Mapping[str, Any]) -> dict[str, bytes]:
        store = planning.write(plan_of(tmp_path / name, sections), tmp_path / name / "small")
        return {str(file.relative_to(store.root)): file.read_bytes() for file in store.root.glob("trajectories/*/*/*")}

    first = decks("a", {})
    assert decks("b", {}) == first
    more = decks("c", {"trajectories": 6})
    assert {name: more[name] for name in first} == first, "more shots change none of the earlier ones"
    assert decks("d", {"seed": 25}) != first


def test_more_than_a_thousand_trajectories_are_spread_over_folders(plan_of: PlanOf, tmp_path: Path) -> None:
    store = planning.write(plan_of(tmp_path, {"trajectories": 1002}), tmp_path / "small")
    shards = sorted((store.root / "trajectories").iterdir())
    assert [shard.name for shard in shards] == ["0000", "0001"]
    assert len(list(shards[0].iterdir())) == 1001, "1,000 trajectories and their hashes"
    assert store.trajectory("001001").shot().index == 1001
    assert [folder.id for folder in store.select(["1001", "7"])] == ["000007", "001001"]


def test_a_campaign_of_no_trajectories_says_so(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"trajectories": 0})
    assert any("no trajectories" in note for note in plan.notes)
    status = read_status(planning.write(plan, tmp_path / "small"))
    assert "nothing to run" in status.sentence()


def test_a_plan_says_what_runs_of_molecules_fired_as_drawn_are_worth(
    plan_of: PlanOf, molecule_pool: Pool, tmp_path: Path
) -> None:
    assert not any("as_drawn" in note for note in plan_of(tmp_path / "random", {}).notes)
    plan = plan_of(tmp_path / "drawn", {"gun": {"orientation": "as_drawn"}})
    note = next(note for note in plan.notes if "as_drawn" in note)
    assert "6 molecule snapshots are of 1 equilibration run, " in note
    assert "0 to 100 %" in note
    four = dataclasses.replace(molecule_pool, runs=("0", "0", "1", "1", "2", "3"))
    setup = dataclasses.replace(plan.setup, molecule=dataclasses.replace(plan.setup.molecule, runs=four.run_of_each))
    note = orientation_notes(setup, four)[0]
    assert re.search(r"of 4 equilibration runs, and a fraction near one half will be known to ±2\d % at best", note)
    assert "orientation: random" in note
    unknown = dataclasses.replace(molecule_pool, runs=None)
    setup = dataclasses.replace(plan.setup, molecule=dataclasses.replace(plan.setup.molecule, runs=unknown.run_of_each))
    assert "does not say which equilibration run" in orientation_notes(setup, unknown)[0]


@pytest.mark.parametrize(("orientation", "run"), [("random", ""), ("as_drawn", "0")])
def test_outcomes_share_the_molecule_s_run_only_as_drawn(
    plan_of: PlanOf, tmp_path: Path, orientation: str, run: str
) -> None:
    store = planning.write(plan_of(tmp_path, {"gun": {"orientation": orientation}}), tmp_path / "campaign")
    assert {shared_run(store.config(), folder.shot()) for folder in store.trajectories()} == {run}


def test_an_existing_folder_is_left_alone(plan_of: PlanOf, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "mine.txt").write_text("mine")
    plan = plan_of(tmp_path, {})
    with pytest.raises(CampaignError, match=r"exists already, and is no campaign folder.*\(--output\)\.$"):
        planning.write(plan, tmp_path / "small")
    planning.write(plan, tmp_path / "campaign")
    with pytest.raises(CampaignError, match=r"exists already\. To go on with its campaign"):
        planning.write(plan, tmp_path / "campaign")
    assert [entry.name for entry in (tmp_path / "small").iterdir()] == ["mine.txt"]


def _no_model(folder: Path) -> None:
    shutil.rmtree(folder / "model")


def _model_without_silicon(folder: Path) -> None:
    shutil.rmtree(folder / "model")
    write_model(folder / "model", elements=("H", "C"))


def _changed_model(folder: Path) -> None:
    (folder / "model" / "model.pt").write_bytes(b"another model")


def _no_velocities(folder: Path) -> None:
    from ase.io import read, write

    atoms = read(folder / "molecule.extxyz")
    atoms.arrays.pop("momenta")
    write(folder / "molecule.extxyz", atoms)


def _no_pool(folder: Path) -> None:
    (folder / "slab.extxyz.xz").unlink()


def _nothing(folder: Path) -> None:
    del folder


@pytest.mark.parametrize(
    ("sections", "spoil", "error", "says"),
    [
        ({}, _no_model, ModelError, "no readable model card"),
        ({}, _model_without_silicon, ModelError, "never trained on Si"),
        ({}, _changed_model, ModelError, "was changed after it was exported"),
        ({}, _no_pool, InputFileError, "does not exist"),
        ({}, _no_velocities, InputFileError, "no velocities"),
        (
            {"gun": {"start": {"kind": "height", "angstrom": 2.0}, "skip_free_flight": False}},
            _nothing,
            GeometryError,
            "Start higher",
        ),
        ({"system": {"cell_height_angstrom": 20.0}}, _nothing, GeometryError, "cell_height_angstrom is 20"),
    ],
)
def test_what_cannot_be_fired_is_refused_before_anything_is_written(
    file_of: Callable[[Path, Mapping[str, Any]], Path],
    tmp_path: Path,
    *,
    sections: Mapping[str, Any],
    spoil: Callable[[Path], None],
    error: type[MolgunError],
    says: str,
) -> None:
    file = file_of(tmp_path, sections)
    spoil(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=says):
        planning.check(load_campaign(file))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"dynamics": {"steps": 0}}, "dynamics.steps"),
        ({"dynamics": {"step": 10}}, "did you mean `dynamics.steps`"),
        ({"gun": {"kick": {"kind": "fluks"}}}, "fluks"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(
    file_of: Callable[[Path, Mapping[str, Any]], Path], tmp_path: Path, sections: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_campaign(file_of(tmp_path, sections))


def test_a_changed_manifest_a_foreign_folder_and_an_unplanned_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="no folder"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(CampaignError, match="is empty"):
        Store.open(tmp_path)
    (tmp_path / "campaign.yaml").write_text("name: x")
    with pytest.raises(CampaignError, match="never planned"):
        Store.open(tmp_path)
    (tmp_path / "campaign.yaml").unlink()
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(CampaignError, match="no campaign folder"):
        Store.open(tmp_path)
    with pytest.raises(CampaignError, match="is a file"):
        Store.open(tmp_path / "notes.txt")
    (tmp_path / "manifest.json").write_text(json.dumps({"manifest_format": 1}))
    with pytest.raises(CampaignError, match="damaged or of another version"):
        Store.open(tmp_path)


def test_the_pace_is_that_of_those_that_have_ended(plan_of: PlanOf, tmp_path: Path) -> None:
    status = read_status(planning.write(plan_of(tmp_path, {}), tmp_path / "small"))
    assert (status.per_hour, status.left_s) == (None, None)
    assert "free on the disk" in status.pace
    later = dataclasses.replace(status, planned=100, pending=70, running=10, finished=18, failed=2, wall_s=36_000.0)
    assert later.per_hour == pytest.approx(20.0)
    assert later.left_s == pytest.approx(4 * 3600.0)
    assert later.pace.startswith("about 20 an hour, 4 hours left")


def test_a_scheme_of_the_users_own_goes_with_the_campaign(plan_of: PlanOf, tmp_path: Path) -> None:
    classes = "[{label: held, set: bound, meaning: M., when: {groups: {DUBLE: {state: reacted}}}}]"
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\nextends: weiske2026\nclasses: {classes}\n")
    plan = plan_of(tmp_path, {"outcomes": {"scheme": "own.yaml"}})
    (note,) = (note for note in plan.notes if "outcome scheme" in note)
    assert "no molecule of this campaign can be held: the outcome scheme asks for group DUBLE, which" in note
    store = planning.write(plan, tmp_path / "small")
    own.unlink()
    again = Store.open(store.root)
    assert again.config().outcomes.scheme == "scheme.yaml"
    assert again.scheme.identity == plan.scheme.identity
    assert again.decided_by("weiske2026").scheme.identity == "weiske2026"
    assert again.scheme_name == str(store.root / "scheme.yaml")
    verify_shared(campaign_work(again))
    (store.root / "scheme.yaml").write_text("name: other\n")
    with pytest.raises(CampaignError, match=r"scheme\.yaml was changed after the campaign was planned"):
        verify_shared(campaign_work(again))


def test_a_plan_says_what_its_pools_hold(plan_of: PlanOf, slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {})
    slab, molecule = (
        next(note for note in plan.details if f"The {part} pool" in note) for part in ("slab", "molecule")
    )
    assert slab == "The slab pool holds 6 snapshots of 1 equilibration run: H32Si96 (6 layers, 8 dimers in 2 rows)."
    assert molecule == "The molecule pool holds 6 snapshots of 1 equilibration run: C12H14."
    unknown = dataclasses.replace(molecule_pool, runs=None)
    _, molecule = pool_notes(plan.setup, slab_pool, unknown)
    assert "6 snapshots (the file does not say of which equilibration runs): C12H14." in molecule


@pytest.mark.skipif(importlib.util.find_spec("rdkit") is None, reason="needs the extra `smiles`")
def test_a_plan_says_which_isomer_its_pool_holds(plan_of: PlanOf, tmp_path: Path) -> None:
    details = plan_of(tmp_path, {}).details
    assert any("The molecule is C#C[C@@]1(C)[C@@H]2CCC#CCC[C@@H]21 (its first snapshot" in detail for detail in details)


def test_a_plan_says_which_targets_take_it(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {})
    note = next(note for note in plan.details if "molgun cluster" in note)
    assert "can send this campaign to ml-mace, ml-mace-kokkos, pip; not to mliap-kokkos (no mliap file in" in note
    single = dataclasses.replace(plan, engine=plan.engine.model_copy(update={"dtype": "float32"}))
    note = next(note for note in single.details if "target takes it" in note)
    assert "ml-mace-kokkos (computes in float64 only)" in note
    assert "ml-mace (no torchscript file in float32)" in note


def test_a_plan_warns_of_shots_that_end_in_flight(plan_of: PlanOf, tmp_path: Path) -> None:
    """A time step meant in ps, and a surface too far for a slow molecule."""

    def warned(name: str, changed: Mapping[str, Any]) -> str:
        return "\n".join(note for note in plan_of(tmp_path / name, changed).notes if "flight" in note)

    assert warned("enough", {"dynamics": {"steps": 20_000}}) == ""
    assert "would end before they reach it" in warned("in ps", {"dynamics": {"timestep_fs": 0.0005, "steps": 4200}})


def test_a_plan_says_what_its_thermostat_holds(plan_of: PlanOf, tmp_path: Path) -> None:
    def notes(name: str, dynamics: Mapping[str, Any]) -> str:
        return "\n".join(plan_of(tmp_path / name, {"dynamics": dynamics}).notes)

    assert "thermostat" not in notes("nve", {})
    assert "the molecule moves under NVE" in notes("nvt", {"ensemble": "nvt"})
    coupled = notes("all", {"ensemble": "nvt", "thermostat": {"molecule": True}})
    assert "WARNING: dynamics.thermostat.molecule is true" in coupled
    plan = plan_of(tmp_path / "resolved", {"dynamics": {"ensemble": "nvt"}})
    assert plan.resolved.dynamics.thermostat == plan.loaded.config.dynamics.acting_thermostat


def test_a_target_that_would_compute_wrongly_is_refused_at_plan(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {})
    single = dataclasses.replace(plan, engine=plan.engine.model_copy(update={"dtype": "float32"}))
    other = dataclasses.replace(plan, engine=plan.engine.model_copy(update={"elements": ("H", "C", "Ge")}))
    planning.require_target(plan, load_target("ml-mace-kokkos"))
    with pytest.raises(ConfigError, match=r"computes in float64 only.*model\.dtype: float64"):
        planning.require_target(single, load_target("ml-mace-kokkos"))
    with pytest.raises(ModelError, match="never trained on Ge"):
        planning.require_target(other, load_target("ml-mace"))
    for name in ("symmetrix", "symmetrix-kokkos"):
        command = "molgun export MODEL --output FOLDER --format torchscript-float64 --format symmetrix-splines"
        with pytest.raises(ModelError, match=f"no symmetrix-splines file in float64.*`{command}`"):
            planning.require_target(plan, load_target(name))
    for keys, words in (
        ({"launch": "mpirun -n 4 lmp", "include": "pair_style mace no_domain_decomposition\n"}, "4 ranks"),
        ({"launch": "lmp -k on g 1 -sf kk", "include": "pair_style mace no_domain_decomposition\n"}, "newton on"),
        ({"include": "newton off\npair_style mace no_domain_decomposition\n"}, "belongs to the deck"),
        ({"include": "atom_modify map hash\npair_style mace no_domain_decomposition\n"}, "belongs to the deck"),
    ):
        (tmp_path / "own.yaml").write_text(yaml.safe_dump({"summary": "mine", "model": "torchscript", **keys}))
        with pytest.raises(ConfigError, match=words):
            planning.require_target(plan, load_target(str(tmp_path / "own.yaml")))


def test_symmetrix_in_lammps_gets_the_file_of_splines(plan_of: PlanOf, tmp_path: Path) -> None:
    """And not the compact one, which its pair style does not read."""
    plan = plan_of(tmp_path, {})
    folder = tmp_path / "model"
    files = {"symmetrix": "model.symmetrix.json", "symmetrix-splines": "model.symmetrix-splines.json"}
    made = []
    for kind, name in files.items():
        (folder / name).write_text(f'{{"is": "{kind}"}}')
        made.append(
            ModelFile.model_validate(
                {"name": name, "format": kind, "dtype": None, "sha256": sha256_file(folder / name), "size_bytes": 1}
            )
        )
    compact, splines = made
    site = ClusterSite(time="01:00:00")
    for number, taken in enumerate(([compact], [compact, splines])):
        card = plan.card.model_copy(update={"files": (*plan.card.files, *taken)})
        write_card(card, folder)
        this = dataclasses.replace(plan, card=card)
        store = planning.write(this, tmp_path / f"small-{number}")
        jobs, target = tmp_path / f"jobs-{number}", load_target("symmetrix")
        if splines not in taken:
            with pytest.raises(ModelError, match=r"--format symmetrix --format symmetrix-splines"):
                write_cluster(store, jobs, target=target, target_name="symmetrix", site=site, model=folder)
            continue
        planning.require_target(this, target)
        record = write_cluster(store, jobs, target=target, target_name="symmetrix", site=site, model=folder)
        assert record.model == splines.sha256
        assert (jobs / "model" / splines.name).read_text() == '{"is": "symmetrix-splines"}'
        assert f"${{root}}/model/{splines.name} H C Si" in (jobs / "engine.in").read_text()
        part = splines.model_copy(update={"elements": ("H", "C")})
        without = card.model_copy(update={"files": (*plan.card.files, part)})
        with pytest.raises(ModelError, match="holds H, C, and not Si"):
            planning.require_target(dataclasses.replace(plan, card=without), target)


def test_dispersion_stands_in_the_include_and_in_the_level_of_theory(plan_of: PlanOf, tmp_path: Path) -> None:
    d3 = {"kind": "d3", "functional": "pbe", "labels_hold_none": True}
    plan = plan_of(tmp_path, {"model": {"dispersion": d3}})
    engine = plan.engine.model_copy(update={"dispersion": plan.loaded.config.model.dispersion})
    store = planning.write(dataclasses.replace(plan, engine=engine), tmp_path / "small")
    assert (store.root / "engine.in").read_text().splitlines()[:3] == [
        "pair_style hybrid/overlay mace no_domain_decomposition dispersion/d3 bj pbe 20 15",
        "pair_coeff * * mace ${root}/model/model.pt H C Si",
        "pair_coeff * * dispersion/d3 H C Si",
    ]
    assert store.manifest.level_of_theory == "none (untrained) + D3(bj, pbe) by LAMMPS"


def test_dispersion_is_refused_for_a_lammps_that_is_older_than_the_style(plan_of: PlanOf, tmp_path: Path) -> None:
    d3 = {"kind": "d3", "functional": "pbe", "labels_hold_none": True}
    plan = plan_of(tmp_path, {"model": {"dispersion": d3}})
    engine = plan.engine.model_copy(update={"dispersion": plan.loaded.config.model.dispersion})
    with_d3 = dataclasses.replace(plan, engine=engine)
    for name in ("ml-mace", "ml-mace-kokkos"):
        planning.require_target(plan, load_target(name))
        with pytest.raises(ConfigError, match=r"dispersion/d3, and this target's LAMMPS is older"):
            planning.require_target(with_d3, load_target(name))
        site, folder = ClusterSite(time="01:00:00"), tmp_path / name
        store = planning.write(with_d3, tmp_path / f"of-{name}")
        with pytest.raises(ConfigError, match=r"dispersion/d3, and this target's LAMMPS is older"):
            write_cluster(store, folder, target=load_target(name), target_name=name, site=site)
        assert not folder.exists()
    planning.require_target(with_d3, load_target("pip"))
    (note,) = (note for note in with_d3.details if "molgun cluster" in note)
    assert "can send this campaign to pip; not to ml-mace (no dispersion/d3 there), ml-mace-kokkos (no" in note


@pytest.mark.parametrize(("given", "stored"), [({}, None), ({"departed_angstrom": 25.0}, 25.0)])
def test_a_molecule_has_left_only_beyond_the_reach_of_dispersion(
    plan_of: PlanOf, tmp_path: Path, given: dict[str, float], stored: float | None
) -> None:
    assert plan_of(tmp_path / "bare", {"outcomes": given}).resolved.outcomes.departed_angstrom == (stored or 6.0)
    d3 = {"kind": "d3", "functional": "pbe", "labels_hold_none": True}
    plan = plan_of(tmp_path / "d3", {"outcomes": given, "model": {"dispersion": d3}})
    assert plan.setup.cutoff_angstrom > 14.0 > plan.card.architecture.r_max_angstrom
    assert plan.resolved.outcomes.departed_angstrom == (stored or pytest.approx(plan.setup.cutoff_angstrom + 0.5))
    engine = plan.engine.model_copy(update={"dispersion": plan.loaded.config.model.dispersion})
    store = planning.write(dataclasses.replace(plan, engine=engine), tmp_path / "small")
    assert store.manifest.cutoff_angstrom == plan.setup.cutoff_angstrom


def test_a_plan_says_where_a_molecule_feels_its_own_images(plan_of: PlanOf, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {})
    assert not any("periodic images" in note for note in plan.notes), "4 Å of cutoff in a cell of 15.5 Å"
    widest = max(atoms.get_all_distances().max() for atoms in plan.molecule_pool.snapshots)
    closest = 15.47 - widest
    assert image_notes(plan.setup, closest - 0.05) == ()
    (note,) = image_notes(plan.setup, closest + 0.1)
    assert f"up to {widest:.1f} Å long and its periodic images are 15.5 Å apart" in note
    assert f"within {closest:.1f} Å of them, and the model feels {closest + 0.1:g} Å far" in note
    # In a skewed cell the images along the shortest vector count, whichever two the file gives.
    skewed = MinimumImage.of_cell(np.array([[12.0, 0.0, 0.0], [18.0, 9.0, 0.0], [0.0, 0.0, 40.0]]))
    (note,) = image_notes(dataclasses.replace(plan.setup, lattice=skewed), 6.0)
    assert f"images are {np.hypot(6.0, 9.0):.1f} Å apart" in note


def test_a_quasi_classical_pool_needs_no_temperature_of_a_protocol(
    file_of: Callable[[Path, Mapping[str, Any]], Path], molecule_pool: Pool, tmp_path: Path
) -> None:
    engine = {"kind": "stock", "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5"], "cutoff_angstrom": 4}
    file = file_of(tmp_path, {"engine": engine})
    hot = [atoms.copy() for atoms in molecule_pool.snapshots]
    for atoms in hot:
        atoms.set_velocities(3.5 * atoms.get_velocities())
    write_pool(tmp_path / molecule_pool.source.name, hot, None)
    with pytest.raises(InputFileError, match="far from the 300 K"):
        planning.check(load_campaign(file))
    planning.check(load_campaign(file, ["system.molecule.states={kind: harmonic}"]))
