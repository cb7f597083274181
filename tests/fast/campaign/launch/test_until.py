"""`run --until` over several looks: prefixes only, nothing repeated, and no rule made after looking."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import paper_classes as paper
import pytest
from campaign_cases import write_campaign_file
from ended_cases import ended
from outcome_cases import outcome_of

from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.analysis.statistics.stopping import Stopping
from molgun_lmp.batch.system import array_of
from molgun_lmp.campaign.cluster.next_tasks import advise
from molgun_lmp.campaign.cluster.write import ClusterRecord
from molgun_lmp.campaign.launch import until
from molgun_lmp.campaign.launch.until import run_until
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.looks import begin_rule, take_looks
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.store.stop_rule import UNTIL_NAME, read_stopping
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError, InterruptedRunError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.results.analyse import outcomes_of

SHOTS = 60
STOCK = {"kind": "stock", "commands": ["pair_style lj/cut 3.5", "pair_coeff * * 0.002 1.0"], "cutoff_angstrom": 3.5}
LOOKS = (20, 30, 45, 60)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    folder = tmp_path_factory.mktemp("until")
    file = write_campaign_file(folder, slab_pool, molecule_pool, {"trajectories": SHOTS, "engine": STOCK})
    return write(check(load_campaign(file)), folder / "small").root


@pytest.fixture
def store(planned: Path, tmp_path: Path) -> Store:
    """A copy of its own for each test."""
    return Store.open(shutil.copytree(planned, tmp_path / "copy"))


class Crew:
    """Ends what is open in the work that it is given, as workers do, and remembers how far each work reached."""

    def __init__(self, store: Store, mode: Callable[[int], Mode]) -> None:
        self.store = store
        self.mode = mode
        self.reached: list[int] = []
        self.held_by_others: set[str] = set()

    def fire(self, work: Work) -> None:
        self.reached.append(len(work.folders))
        for folder in work.folders:
            if folder.id in self.held_by_others:
                self.held_by_others.remove(folder.id)
            else:
                folder.publish(ended(folder.id))

    def outcomes(self) -> Sequence[Outcome]:
        there = [int(folder.id) for folder in self.store.trajectories() if folder.result_file.exists()]
        return [outcome_of(index, self.mode(index)) for index in there]

    def run(self, target: str) -> tuple[Stopping, list[int]]:
        seen: list[int] = []
        stopping = run_until(
            self.store,
            [parse_target(target, paper.SCHEME)],
            self.fire,
            self.outcomes,
            lambda now: seen.append(now.looks[-1].shots),
        )
        return stopping, seen


def half_and_half(index: int) -> Mode:
    return paper.OT_CY if index % 2 else paper.SCATTERED


def test_it_fires_to_each_look_and_stops_at_the_first_that_reaches(store: Store) -> None:
    crew = Crew(store, half_and_half)
    stopping, seen = crew.run("OT-CY:0.2")
    assert stopping.rule.looks == LOOKS
    assert seen == crew.reached == list(LOOKS[: len(seen)])
    assert 1 < len(seen) < len(LOOKS)
    assert [look.reached for look in stopping.looks] == [False] * (len(seen) - 1) + [True]
    assert read_stopping(store) == stopping
    again, seen_again = crew.run("OT-CY:0.2")
    assert again == stopping
    assert seen_again == []
    assert len(crew.reached) == len(seen), "nothing is fired twice"


def test_an_interruption_costs_no_look_and_adds_none(store: Store) -> None:
    crew = Crew(store, half_and_half)

    def stop_at_30(work: Work) -> None:
        if len(work.folders) == 30:
            raise InterruptedRunError("stopped")
        crew.fire(work)

    target = parse_target("OT-CY:0.2", paper.SCHEME)
    with pytest.raises(InterruptedRunError):
        run_until(store, [target], stop_at_30, crew.outcomes, lambda _: None)
    kept = read_stopping(store)
    assert kept is not None
    assert [look.shots for look in kept.looks] == [20]
    resumed, seen = crew.run("OT-CY:0.2")
    assert seen[0] == 30
    assert resumed.looks[0] == kept.looks[0]


def test_shots_beyond_the_prefix_are_not_seen(store: Store) -> None:
    for index in (50, 51, 52):  # another terminal fired them; all three exploded early
        store.trajectory(f"{index:06d}").publish(ended(f"{index:06d}"))
    stopping, _ = Crew(store, lambda index: paper.EXPLOSION if index >= 50 else paper.PC).run("explosion:0.3")
    assert [look.shots for look in stopping.looks] == [20]
    assert stopping.looks[0].found[0].count == 0


def test_what_others_hold_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(until, "_OTHERS_S", 0.0)
    crew = Crew(store, half_and_half)
    crew.held_by_others = {"000003", "000019"}
    stopping, _ = crew.run("stuck:0.4")
    assert crew.reached == [20, 20]
    assert stopping.looks[0].shots == 20


def test_a_target_out_of_reach_ends_with_all_shots(store: Store) -> None:
    stopping, seen = Crew(store, half_and_half).run("OT-CY:0.05")
    assert seen[-1] == SHOTS
    assert stopping.over
    assert not stopping.reached


def test_another_rule_and_a_damaged_record_are_refused(store: Store) -> None:
    crew = Crew(store, half_and_half)
    crew.run("OT-CY:0.2")
    with pytest.raises(CampaignError, match=r"stop rule already \(OT-CY:0\.2\)"):
        crew.run("OT-CY:0.3")
    (store.root / UNTIL_NAME).write_text("{")
    with pytest.raises(CampaignError, match="damaged"):
        read_stopping(store)


def test_a_rule_that_is_there_keeps_its_level(store: Store) -> None:
    # As the build before wrote it: no level of a look, so the error is divided by the number of looks.
    target = {"line": "OT-CY", "half_width": 0.2}
    rule = {"targets": [target], "looks": list(LOOKS), "confidence": 0.95}
    old = {"rule": rule, "looks": [], "method": "repeated confidence intervals"}
    (store.root / UNTIL_NAME).write_text(json.dumps(old))
    stopping, _ = Crew(store, half_and_half).run("OT-CY:0.2")
    assert stopping.rule.level == pytest.approx(1 - 0.05 / len(LOOKS))
    assert stopping.method == "repeated confidence intervals"
    assert read_stopping(store) == stopping
    with pytest.raises(CampaignError, match=r"stop rule already \(OT-CY:0\.2\)"):
        Crew(store, half_and_half).run("OT-CY:0.3")


def test_looks_taken_late_are_those_that_would_have_been_taken(store: Store, tmp_path: Path) -> None:
    crew = Crew(store, half_and_half)
    target = "OT-CY:0.2"
    elsewhere = Store.open(shutil.copytree(store.root, tmp_path / "elsewhere"))
    begin_rule(elsewhere, [parse_target(target, paper.SCHEME)])
    late = Crew(elsewhere, half_and_half)
    assert take_looks(store, crew.outcomes) is None, "a campaign without a rule has no looks"
    for index in (*range(25), *range(26, SHOTS)):  # all came back at once from somewhere, but one
        elsewhere.trajectory(f"{index:06d}").publish(ended(f"{index:06d}"))
    seen: list[int] = []
    first = take_looks(elsewhere, late.outcomes, lambda now: seen.append(now.looks[-1].shots))
    assert first is not None
    assert seen == [20], "shots beyond the one that is missing are not looked at"
    elsewhere.trajectory("000025").publish(ended("000025"))
    take_looks(elsewhere, late.outcomes, lambda now: seen.append(now.looks[-1].shots))
    stopping, fired_to = crew.run(target)
    assert read_stopping(elsewhere) == stopping, "the same looks, the same intervals, the same end"
    assert seen == fired_to
    assert fired_to[-1] < SHOTS


def test_a_look_at_shots_that_were_freed_is_taken_again(store: Store) -> None:
    crew = Crew(store, lambda index: paper.FAILED if index % 2 else paper.SCATTERED)
    before, _ = crew.run("failed:0.3")
    folder = store.trajectory("000003")
    result = folder.result()
    assert result is not None
    folder.withdraw(result)
    crew.mode = lambda index: paper.PC if index == 3 else paper.FAILED if index % 2 else paper.SCATTERED
    after, seen = crew.run("failed:0.3")
    assert seen == [20]
    assert before.looks[0].found[0].count == 10
    assert after.looks[0].found[0].count == 9
    assert read_stopping(store) == after


def test_two_commands_at_once_keep_each_others_looks(store: Store) -> None:
    crew = Crew(store, half_and_half)
    other = Crew(store, half_and_half)

    def slow(work: Work) -> None:  # meanwhile another terminal comes to the end
        crew.fire(work)
        other.run("OT-CY:0.2")

    stopping = run_until(store, [parse_target("OT-CY:0.2", paper.SCHEME)], slow, crew.outcomes, lambda _: None)
    assert stopping == read_stopping(store)
    assert [look.shots for look in stopping.looks] == list(LOOKS[: len(stopping.looks)])
    assert crew.reached == [20], "what the other has fired is not fired again"


def test_status_tells_a_stop_from_a_campaign_that_is_not_done(store: Store) -> None:
    assert read_status(store).rule is None
    crew = Crew(store, half_and_half)
    begin_rule(store, [parse_target("OT-CY:0.2", paper.SCHEME)])
    status = read_status(store)
    assert not status.complete
    assert "Its stop rule (OT-CY:0.2) looks next after 20." in status.sentence()
    assert f'`molgun run {store.root} --until "OT-CY:0.2"` goes on.' in status.sentence()

    stopping, _ = crew.run("OT-CY:0.2")
    last = stopping.looks[-1]
    status = read_status(store)
    assert status.complete
    assert status.rule is not None
    assert (status.rule.shots, status.rule.not_run) == (last.shots, SHOTS - last.shots)
    width = 100 * last.found[0].half_width
    looks = f"look {len(stopping.looks)} of {len(LOOKS)}, after {last.shots} of {SHOTS} trajectories"
    assert looks in status.sentence()
    assert f"OT-CY known to ±{width:.1f} % (asked for ±20 %)" in status.sentence()
    assert f"{SHOTS - last.shots} were not run, and none is missing." in status.sentence()

    folder = store.trajectory("000003")
    result = folder.result()
    assert result is not None
    folder.withdraw(result)
    status = read_status(store)
    assert not status.complete
    assert "1 that its stop rule (OT-CY:0.2) saw are free again" in status.sentence()
    folder.publish(ended("000003"))
    for index in range(last.shots, SHOTS):
        store.trajectory(f"{index:06d}").publish(ended(f"{index:06d}"))
    status = read_status(store)
    assert status.rule is not None
    assert (status.complete, status.stopped, status.rule.not_run) == (True, False, 0)
    assert "is complete: 60 of 60 trajectories finished" in status.sentence()


def test_a_cluster_folder_is_told_its_tasks_and_what_it_lacks(store: Store) -> None:
    begin_rule(store, [parse_target("OT-CY:0.2", paper.SCHEME)])
    for index in (0, 3, 7, *range(40, 50)):
        store.trajectory(f"{index:06d}").publish(ended(f"{index:06d}"))
    there = tuple(f"{index:06d}" for index in range(2, SHOTS))
    record = ClusterRecord(
        campaign="small one", manifest="", engine="", model="", trajectories=there, chunk=6, files={}
    )
    advice = advise(store, record, outcomes_of)
    assert advice is not None
    assert advice.elsewhere == ("000001",)
    assert advice.needed == tuple(f"{index:06d}" for index in range(20) if index not in (0, 3, 7))
    assert advice.array == "0-2", "the last one holds a shot beyond the look, too"
    said = " ".join(advice.sentences())
    assert "17 of the first 20 shots, which the next look needs, have not ended." in said
    assert "sbatch --array=0-2 job.slurm" in said
    assert "1 of them are not in this folder: 000001" in said
    other = advise(store, record.model_copy(update={"scheduler": "pbs", "chunk": 100}), outcomes_of)
    assert other is not None
    assert "also again: qsub -J 0-1:2 job.pbs" in " ".join(other.sentences())
    assert array_of([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert array_of([]) == ""
