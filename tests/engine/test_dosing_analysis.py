"""What is said of real chains: oxygen atoms that LAMMPS fired at copper one after the other."""

import csv

import numpy as np
import pytest
from dosing_cases import fire_here, plan_doses

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli import main
from molgun_lmp.dosing_records import Hold
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Outcome
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.notebook import load_campaign
from molgun_lmp.results.shown import shown

pytestmark = pytest.mark.engine

CHAINS, DOSES = 3, 4


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = plan_doses(tmp_path_factory.mktemp("dosed"), chains=CHAINS, molecules=DOSES)
    assert fire_here(store) == CHAINS * DOSES
    return store


def test_every_molecule_of_a_shot_is_told_of_and_none_besides(fired: Store) -> None:
    outcomes = analyse(fired).outcomes
    assert len(outcomes) == CHAINS * DOSES
    for outcome in outcomes:
        company, shot = outcome.company, fired.trajectory(outcome.trajectory_id).shot()
        assert company is not None
        assert [one.dose for one in company.molecules] == [
            *(one.dose for one in shot.adsorbates),
            shot.index % DOSES,
        ]
        # What stays for the next dose is what bonds hold: what the analysis says is held is there again.
        following = [one for one in outcomes if int(one.trajectory_id) == shot.index + 1 and (shot.index + 1) % DOSES]
        held = {one.dose for one in company.molecules if one.hold is Hold.SURFACE}
        for later in following:
            assert later.company is not None
            assert held <= {one.dose for one in later.company.molecules}
    assert {outcome.slab_snapshot for outcome in outcomes} == {f"chain {chain}" for chain in range(CHAINS)}


def test_the_answers_rest_on_what_each_shot_met(fired: Store) -> None:
    analysis = analyse(fired)
    assert analysis.dosing is not None
    met = {one.folder.id: len(one.shot.adsorbates) for one in analysis.ended}
    with (fired.analysis / "doses.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["trajectory"]: int(row["met"]) for row in rows} == met
    first = [point.molecules for point in analysis.dosing.uptake]
    for dose in range(1, DOSES):
        assert first[dose] == pytest.approx(sum(met[f"{chain * DOSES + dose:06d}"] for chain in range(CHAINS)) / CHAINS)
    again = analyse(fired)  # from what was kept
    assert again.dosing is not None and again.dosing.to_json() == analysis.dosing.to_json()

    gathered = shown(fired, analysis, clean_surface(fired))
    chains = [movie for movie in gathered.movies if movie.chain]
    assert [movie.trajectory_id for movie in chains] == [f"chain-{chain}" for chain in range(CHAINS)]
    size = len(gathered.cast.molecule)
    for movie in chains:
        there = np.isfinite(movie.positions[:, gathered.cast.n_slab :: size, 0]).sum(axis=1)
        names = [f"{int(movie.trajectory_id[-1]) * DOSES + int(dose) - 1:06d}" for dose in movie.times_ps]
        assert there.tolist() == [met[name] + 1 for name in names]
    results = load_campaign(fired.root)
    assert len(results.doses("dose_molecules")) == sum(met.values()) + CHAINS * DOSES
    last = fired.trajectory(f"{DOSES - 1:06d}")
    result = last.result()
    assert result is not None
    frames = list(read_frames(last.dump(result)))
    assert len(results.trajectory(DOSES - 1)[0]) == len(frames[0].symbols)
    assert Outcome.from_json(analysis.outcomes[-1].to_json(), fired.scheme) == analysis.outcomes[-1]


def test_the_command_says_it_shortly(
    fired: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["molgun", "analyse", str(fired.root)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert f"After {DOSES} doses" in said and "Taken up:" in said and f"Only {CHAINS} chains" in said
    monkeypatch.setattr("sys.argv", ["molgun", "analyse", str(fired.root), "--quench"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code
    assert "Leave --quench out" in " ".join(capsys.readouterr().err.split())
