"""The training files of a committee's members."""

from training_cases import config

from molgun_lmp.training.trainer.committee import member_of


def test_members_differ_by_seed_and_by_what_they_leave_out_and_the_first_by_nothing() -> None:
    one = config(seed=7)
    members = [member_of(one, number, 3) for number in range(3)]
    assert [member.seed for member in members] == [7, 8, 9]
    assert [member.split.leave_out for member in members] == [None, (1, 3), (2, 3)]
    assert len({member.name for member in members}) == 3
    same = [member.model_copy(update={"name": "", "seed": 0, "split": one.split}) for member in members]
    assert same[0] == same[1] == same[2]
    assert member_of(one, 0, 1) == one
