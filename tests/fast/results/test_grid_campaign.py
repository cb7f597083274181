"""A campaign that fires a grid, planned, ended and analysed: every number at its point, and nothing mixed unsaid."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import paper_classes as paper
import pytest
from campaign_cases import write_campaign_file
from ended_cases import ended
from outcome_cases import outcome_of

from molgun_lmp.analysis.report.rows import remarks
from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.looks import begin_rule
from molgun_lmp.cli import main
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.results import analyse as analysing
from molgun_lmp.results.decide_all import Known
from molgun_lmp.results.notebook import Results

STOCK = {"kind": "stock", "commands": ["pair_style lj/cut 3.5", "pair_coeff * * 0.002 1.0"], "cutoff_angstrom": 3.5}
ENERGIES = [0.1, 0.2, 0.3, 0.4]
GUN = {"kick": {"kind": "fixed_energy"}, "grid": {"energies_ev": ENERGIES}, "skip_free_flight": True}
SHOTS = 42


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Store:
    """All shots ended; those of the k-th energy stick where their number is divisible by 5 - k, and all of 0.4 eV."""
    file = write_campaign_file(tmp_path, slab_pool, molecule_pool, {"trajectories": SHOTS, "engine": STOCK, "gun": GUN})
    plan = check(load_campaign(file))
    (note,) = [one for one in plan.notes if one.startswith("gun.grid")]
    assert "4 points (0.1 eV, 0°; 0.2 eV, 0°" in note
    assert "get 10 of 42 shots each, the first 2 one more" in note
    assert any("at each point" in one for one in plan.notes)
    store = write(plan, tmp_path / "small")
    for folder in store.trajectories():
        folder.publish(ended(folder.id))

    def decide(_store: Store, _surface: object, results: list[Any], **_: object) -> list[Known]:
        found = []
        for folder, _result in results:
            shot, number = folder.shot(), int(folder.id) // 4
            sticks = number % (4 - int(folder.id) % 4) == 0
            found.append(
                outcome_of(
                    shot.index, paper.OT_CY if sticks else paper.SCATTERED, shot.slab_snapshot, shot.molecule_snapshot
                )
            )
        return [Known(outcome=one, key="", dump_gone=False, earlier_code=False) for one in found]

    monkeypatch.setattr(analysing, "decide_all", decide)
    monkeypatch.setattr(analysing, "write_statistics", lambda *_: None)
    return store


def rows_of(file: Path) -> list[Mapping[str, str]]:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_point_has_its_own_numbers_and_one_command_writes_all(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["molgun", "analyse", str(store.root)])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert "a mean over these points" in said
    assert "logistic: A = " in said
    assert "Sticking coefficient:" not in said
    table = rows_of(store.analysis / "grid.csv")
    assert [float(row["energy_ev"]) for row in table] == ENERGIES
    assert {float(row["polar_deg"]) for row in table} == {0.0}
    assert [int(row["stuck_shots"]) for row in table] == [11, 11, 10, 10]
    assert [int(row["stuck_count"]) for row in table] == [3, 4, 5, 10]
    fits = rows_of(store.analysis / "grid_fit.csv")
    assert [row["unit"] for row in fits] == ["", "eV", "eV"] * (len(fits) // 3)
    assert all(float(row["low"]) <= float(row["high"]) for row in fits)
    differences = rows_of(store.analysis / "grid_differences.csv")
    assert {row["paired_shots"] for row in differences} == {"11", "10"}
    assert (store.analysis / "figures" / "sticking.svg").is_file()
    assert {row["what"] for row in rows_of(store.analysis / "figures" / "sticking.csv")} >= {"bound", "logistic"}
    assert all("mean over 4 points" in row["note"] for row in rows_of(store.analysis / "table.csv"))


def test_what_is_said_over_all_points_is_labelled(store: Store) -> None:
    results = Results(store=store)
    summary = results.summary
    assert summary.grid_points == 4
    assert "grid of 4 energies and angles" in remarks(summary)[0]
    assert type(summary).from_json(summary.to_json(), paper.SCHEME) == summary
    assert results.grid.loc[(0.4, 0.0), "stuck_fraction"] == 1.0
    assert "grid" in results.analysis.to_json()
    assert read_status(store).finished == SHOTS


def test_a_stop_rule_is_refused(store: Store) -> None:
    with pytest.raises(CampaignError, match=r"gun\.grid"):
        begin_rule(store, [parse_target("stuck:0.1", paper.SCHEME)])
    assert not (store.root / "until.json").exists()
