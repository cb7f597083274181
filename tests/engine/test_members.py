"""`molgun members`: one campaign file fired under each of several pair potentials in real LAMMPS, read together."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from dosing_cases import MORSE, dosing_file, fire_here

import molgun_lmp
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli import main
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.plotting.figure_files import other_figures
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.members import (
    MEMBER_EXCHANGES_COLUMNS,
    MEMBER_FRACTIONS_COLUMNS,
    MEMBER_SHOTS_COLUMNS,
    MEMBERS_COLUMNS,
)

pytestmark = pytest.mark.engine

SHOTS: Final = 8
FILES: Final = {
    "members.csv": MEMBERS_COLUMNS,
    "member_fractions.csv": MEMBER_FRACTIONS_COLUMNS,
    "member_exchanges.csv": MEMBER_EXCHANGES_COLUMNS,
    "member_shots.csv": MEMBER_SHOTS_COLUMNS,
}
WELLS_EV: Final = {"deep": 0.6, "middle": 0.2, "shallow": 0.02}
Answer = Callable[..., tuple[object, str, str]]


def under(well_ev: float) -> list[str]:
    return [line.replace("O Cu 1.0 1.8", f"O Cu {well_ev} 1.4 2.6").replace("2.6 1.9", "2.6") for line in MORSE]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dosing_file(
        tmp_path_factory.mktemp("members"),
        dose=None,
        trajectories=SHOTS,
        gun={"kick": {"kind": "fixed_energy", "energy_ev": 0.1}},
    )


def planned(file: Path, name: str, well_ev: float, *overrides: str) -> Store:
    commands = json.dumps(under(well_ev))
    return write(check(load_campaign(file, [f"engine.commands={commands}", *overrides])), file.parent / name)


@pytest.fixture(scope="module")
def campaigns(file: Path) -> list[Path]:
    """All shots under two members, all but the last under the third."""
    stores = [planned(file, name, well, f"name={name}") for name, well in WELLS_EV.items()]
    for store in stores:
        fire_here(store, *(str(shot) for shot in range(SHOTS - (store is stores[-1]))))
    return [store.root for store in stores]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Answer:
    def run(paths: Sequence[Path], *options: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["molgun", "members", *map(str, [*paths, *options])])
        monkeypatch.setenv("COLUMNS", "300")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, " ".join(written.err.split())

    return run


def test_what_the_members_say(campaigns: list[Path], answer: Answer, tmp_path: Path) -> None:
    code, out, errors = answer(campaigns, "--json", "--output", tmp_path / "out")
    assert code == 0, errors
    found = json.loads(out)
    decided = [[one for one in analyse(Store.open(path)).outcomes if int(one.trajectory_id) < 7] for path in campaigns]
    modes = list(zip(*([one.mode.label for one in outcomes] for outcomes in decided), strict=True))
    assert (found["names"], found["shots"]) == (list(WELLS_EV), SHOTS - 1)
    assert [(one["ended"], one["left_out"]) for one in found["campaigns"]] == [(SHOTS, 1), (SHOTS, 1), (SHOTS - 1, 0)]
    assert found["split"]["count"] == len(found["split_shots"]) == sum(len(set(one)) > 1 for one in modes)
    assert [tuple(one["modes"]) for one in found["split_shots"]] == [one for one in modes if len(set(one)) > 1]
    stuck = next(one for one in found["rows"] if one["row"] == "stuck, of all")
    fractions = [np.mean([one.stuck for one in outcomes]) for outcomes in decided]
    assert [one["fraction"] for one in stuck["members"]] == pytest.approx(fractions)
    assert stuck["fraction"] == pytest.approx(np.mean(fractions))
    assert fractions[0] > 0.5 > fractions[2], "a deep well holds what a shallow one lets go"
    assert 0.2 < stuck["between_models"] < np.std(fractions, ddof=1)
    assert stuck["total"][0] < stuck["sampling"][0] and stuck["sampling"][1] < stuck["total"][1]

    for name, columns in FILES.items():
        with (tmp_path / "out" / name).open(encoding="utf-8", newline="") as handle:
            header, *rows = csv.reader(handle)
        assert header == list(columns)
        assert len(rows) > 2
    (figure,) = other_figures([tmp_path / "out"])
    assert figure.caption.startswith("The same shots under each member of a committee"), "`report --also` shows it"
    assert molgun_lmp.load_members(campaigns).to_json() == found

    _, out, _ = answer(campaigns)
    assert f"{found['split']['count']} of 7 shots end in a class that depends on the member" in out
    assert "8 shots ended, 1 of them left out, not ended under every member." in out
    table = next(line for line in out.splitlines() if line.startswith(" stuck, of all"))
    assert all(f"{one['count']} of 7" in table for one in stuck["members"])


def test_failed_and_flagged_shots_count_and_are_said(campaigns: list[Path]) -> None:
    (file,) = campaigns[1].glob("trajectories/*/000003/result.json")
    kept = file.read_text()
    result = json.loads(kept)
    result["energy"]["flagged"] = True
    file.write_text(json.dumps({**result, "state": "failed", "stop": None, "cause": "lost-atoms"}))
    found = molgun_lmp.load_members(campaigns)
    file.write_text(kept)
    assert [(one.failed, one.flagged) for one in found.campaigns] == [(0, 0), (1, 1), (0, 0)]
    assert "1 failed, which count as such, 1 with an energy beyond the limits" in found.campaigns[1].sentence()
    assert found.members.shots == SHOTS - 1
    (split,) = (one for one in found.members.split_shots if one.trajectory_id == "000003")
    assert split.modes[1].kind is Kind.FAILED, "under this member it has no end"


def test_what_is_not_one_shot_under_two_models_is_refused(campaigns: list[Path], file: Path) -> None:
    deep = campaigns[0]
    for name, overrides, says in (
        ("same", ["name=same"], r"deep and same were fired under one model .*--set model\.folder=MEMBER"),
        ("seed", ["seed=7"], r"What differs is seed \(deep: 24; seed: 7\)\. Plan all"),
        (
            "longer",
            ["dynamics.steps=2000", "gun.min_distance_angstrom=2"],
            r"is gun\.min_.*and 1 more \(dynamics\.steps",
        ),
        ("settled", ["stop.settled={after_ps: 1.0, excess_k: 300}"], r"--set stop\.settled=null"),
    ):
        other = planned(file, name, WELLS_EV["deep"], *overrides)
        with pytest.raises(InputFileError, match=says):
            molgun_lmp.load_members([deep, other.root])
    with pytest.raises(InputFileError, match="members are two or more campaigns"):
        molgun_lmp.load_members([deep, deep])
    unfired = planned(file, "unfired", 0.3)
    with pytest.raises(CampaignError, match="0 shots have ended under every member"):
        molgun_lmp.load_members([deep, unfired.root])
    farther = planned(file, "farther", 0.3, "engine.cutoff_angstrom=5.5")
    fire_here(farther, "0", "1")
    with pytest.raises(InputFileError, match="shot 000000 does not start alike in deep and farther"):
        molgun_lmp.load_members([deep, farther.root])
    chains = write(check(load_campaign(dosing_file(file.parent / "doses"))), file.parent / "chains")
    with pytest.raises(InputFileError, match="chains fires chains of doses"):
        molgun_lmp.load_members([deep, chains.root])
