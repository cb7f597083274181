"""The training files of a committee's members."""

from pathlib import Path

import pytest
from training_cases import config, write_frames

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.trainer.committee import member_of, train_committee
from molgun_lmp.training.trainer.preparation import prepare


def test_members_differ_by_seed_and_by_what_they_leave_out_and_the_first_by_nothing() -> None:
    one = config(seed=7)
    members = [member_of(one, number, 3) for number in range(3)]
    assert [member.seed for member in members] == [7, 8, 9]
    assert [member.split.leave_out for member in members] == [None, (1, 3), (2, 3)]
    assert len({member.name for member in members}) == 3
    same = [member.model_copy(update={"name": "", "seed": 0, "split": one.split}) for member in members]
    assert same[0] == same[1] == same[2]
    assert member_of(one, 0, 1) == one


def test_a_member_whose_part_is_not_enough_is_refused_before_the_first_is_trained(tmp_path: Path) -> None:
    """Of three trajectories of four frames, which are a batch, it leaves out two."""
    write_frames(tmp_path)
    batch = config(optimisation={"batch_size": 12})
    assert len(prepare(batch, tmp_path).split.train) == 12
    with pytest.raises(
        ConfigError,
        match=r"a committee of 3: member-1 leaves out .*optimisation.batch_size is 12, but there are 4 frames",
    ):
        train_committee(batch, 3, tmp_path / "run", base=tmp_path)
    assert not (tmp_path / "run").exists()
