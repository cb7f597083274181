"""Which frames a round chooses, when a loop ends, and what holds of its files: cases whose answer is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from learning_cases import loop_files

from molgun_lmp.errors import ConfigError
from molgun_lmp.learning.choice import Candidate, choose
from molgun_lmp.learning.inputs import load_loop
from molgun_lmp.learning.judging import first_broken
from molgun_lmp.learning.labels import by_set
from molgun_lmp.learning.loop_folder import same_loop
from molgun_lmp.learning.records import RoundSummary
from molgun_lmp.learning.settings import Budget, Choice, HeldOutShares, LoopConfig
from molgun_lmp.learning.summary import labels_left, why_over
from molgun_lmp.models.error_reports import Errors
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

CONFIG = LoopConfig(
    name="x", campaign=Path("c"), train=Path("t"), label=Path("l"), wanted_error_ev_per_angstrom=0.05, rounds=5
)


def candidate(trajectory: int, place: int, point: tuple[float, float], spread: float | None = None) -> Candidate:
    """A frame every 0.01 ps, whose distance is that of its point from the origin."""
    return Candidate(
        trajectory=f"{trajectory:06d}", place=place, time_ps=0.01 * place, distance=float(np.hypot(*point)),
        spread_ev_per_angstrom=spread, fingerprint=np.array(point),
    )  # fmt: skip


def test_chosen_frames_are_far_from_what_is_known_and_from_each_other() -> None:
    """Three crowds far out, of which one is known: one frame of each of the other two comes first."""
    rng = np.random.default_rng(1)
    centres = [(10.0, 0.0), (-5.0, 8.7), (-5.0, -8.7)]
    crowd = [
        candidate(3 * k + number, 0, (centre[0] + x, centre[1] + y))
        for k, centre in enumerate(centres)
        for number, (x, y) in enumerate(rng.normal(0, 0.1, (3, 2)).tolist())
    ]
    known = np.array([[0.0, 0.0], [10.0, 0.0]])
    found = choose(crowd, known, 2, Choice(apart_ps=0.0))
    assert {index // 3 for index in found} == {1, 2}
    assert len(choose(crowd, known, 100, Choice(apart_ps=0.0))) == 9
    assert choose([], known, 3, Choice()) == choose(crowd, known, 0, Choice()) == []


def test_two_neighbours_of_one_trajectory_are_never_chosen() -> None:
    frames = [candidate(number % 2, number, (number**2, -number)) for number in range(60)]
    found = choose(frames, np.empty((0, 2)), 60, Choice(apart_ps=0.1))
    for trajectory in (0, 1):
        times = sorted(frames[index].time_ps for index in found if index % 2 == trajectory)
        assert len(times) >= 3
        assert np.diff(times).min() >= 0.1 - 1e-9


def test_the_shortlist_are_the_most_disputed_where_distances_are_equal() -> None:
    rng = np.random.default_rng(2)
    angles = rng.uniform(0, 2 * np.pi, 50)
    frames = [
        candidate(k, 0, (float(np.cos(angle)), float(np.sin(angle))), spread=float(k)) for k, angle in enumerate(angles)
    ]
    found = choose(frames, np.zeros((1, 2)), 4, Choice(shortlist=2.0))
    assert min(found) >= 42


def frame(z: float) -> Frame:
    return Frame.from_atoms(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, z]], cell=[9, 9, 9], pbc=True))


def test_a_broken_frame_and_its_cause() -> None:
    fine = [frame(2.6), frame(2.2)]
    assert first_broken(fine, None, 0.5) is None
    assert first_broken([*fine, frame(1.0), frame(2.6)], None, 0.5) == (2, "too close: Cu 0 and Cu 1 are 1.00 Å apart")
    assert first_broken([*fine, frame(8.0)], None, 0.5) == (2, "too close: Cu 0 and Cu 1 are 1.00 Å apart"), (
        "through the cell"
    )
    assert first_broken([*fine, frame(np.nan)], None, 0.5) == (2, "no numbers: positions")


def summary(number: int, error: float | None = None, **more: object) -> RoundSummary:
    before = None if error is None else Errors(mae=error, rmse=error, n=9)
    return RoundSummary.model_validate({"round": number, "error_before": before, **more})


def test_a_loop_ends_below_the_wanted_error_in_two_rounds_running() -> None:
    first = summary(0)
    assert why_over([first, summary(1, 0.04)], CONFIG) is None
    assert why_over([first, summary(1, 0.04), summary(2, 0.06), summary(3, 0.04)], CONFIG) is None
    over = why_over([first, summary(1, 0.2), summary(2, 0.04), summary(3, 0.03)], CONFIG)
    assert over is not None and "was 0.040 and 0.030 eV/Å" in over


def test_a_loop_ends_with_its_budget() -> None:
    rounds = [summary(k, 0.2, labelled=18, not_labelled=2, hours=1.0) for k in (1, 2)]
    assert why_over(rounds, CONFIG) is None
    assert "all 2 rounds" in (why_over(rounds, CONFIG.model_copy(update={"rounds": 2})) or "")
    spent = CONFIG.model_copy(update={"budget": Budget(labels=40)})
    assert "40 labels" in (why_over(rounds, spent) or "")
    assert labels_left(rounds, CONFIG.model_copy(update={"budget": Budget(labels=45)})) == 5
    assert "2 hours" in (why_over(rounds, CONFIG.model_copy(update={"budget": Budget(hours=2.0)})) or "")
    assert "no frame to label" in (why_over([summary(1, chosen=0)], CONFIG) or "")


def test_a_trajectory_is_in_one_set_and_shares_are_kept() -> None:
    one = LabelledFrame(
        symbols=("Cu",), positions=np.zeros((1, 3)), cell=np.eye(3), pbc=(True, True, True), energy_ev=0.0,
        forces=np.zeros((1, 3)), trajectory="", config_type="Default", source="",
    )  # fmt: skip
    frames = tuple(dataclasses.replace(one, trajectory=f"round-1-{k // 3:06d}") for k in range(3000))
    sets = by_set(frames, HeldOutShares(validation=0.1, test=0.2), 24)
    assert sum(map(len, sets.values())) == 3000
    assert abs(len(sets["test"]) - 600) < 150 and abs(len(sets["validation"]) - 300) < 120
    names = {name: {frame.trajectory for frame in some} for name, some in sets.items()}
    assert sum(map(len, names.values())) == 1000
    assert by_set(frames[:3], HeldOutShares(validation=0.0, test=0.999), 24) == {"train": list(frames[:3])}


def test_what_may_change_between_rounds_and_what_may_not(tmp_path: Path) -> None:
    files = {"train": "1", "label": "2"}
    first = same_loop(tmp_path, CONFIG, files)
    assert same_loop(tmp_path, CONFIG, files) == first
    changed = CONFIG.model_copy(update={"rounds": 9, "budget": Budget(labels=3), "workers": 4})
    assert same_loop(tmp_path, changed, files) != first, "its hash says so"
    with pytest.raises(ConfigError, match="another seed"):
        same_loop(tmp_path, CONFIG.model_copy(update={"seed": 1}), files)
    with pytest.raises(ConfigError, match="another what train says"):
        same_loop(tmp_path, CONFIG, {**files, "train": "3"})


def test_a_member_with_too_few_frames_is_refused_before_anything_is_fired(tmp_path: Path) -> None:
    """Of the 16 frames that learning begins with, member-1 leaves out 12; a loop that has begun has more by now."""
    file = loop_files(tmp_path, committee={"members": 2})
    training = tmp_path / "train.yaml"
    training.write_text(training.read_text().replace("batch_size: 2", "batch_size: 16"))
    assert load_loop(file, ["committee.members=1"]).config.committee.members == 1
    with pytest.raises(ConfigError, match=r"a committee of 2: member-1 .*batch_size is 16, but there are 4 frames"):
        load_loop(file)
    assert not (tmp_path / "learned").exists()
    training.write_text(training.read_text().replace("batch_size: 16", "batch_size: 4"))
    load_loop(file).write_data()
    training.write_text(training.read_text().replace("batch_size: 4", "batch_size: 16"))
    assert load_loop(file).config.committee.members == 2
