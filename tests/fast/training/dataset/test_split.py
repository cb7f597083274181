"""How frames are divided: by trajectory, at random, as they say themselves, and with both kinds of test sets."""

import dataclasses

import pytest
from frame_cases import labelled_frame
from pydantic import ValidationError

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.dataset.split import SETS, SplitFrames, split_frames
from molgun_lmp.training.settings import Split

FRAMES = [labelled_frame(trajectory=name, source=f"{name}#{i}") for name in "abcdefgh" for i in range(5)]


@pytest.mark.parametrize("seed", [0, 1, 24])
def test_no_trajectory_is_in_two_sets(seed: int) -> None:
    split = split_frames(FRAMES, Split(validation=0.2, test=0.2, seed=seed))
    sets = [set(names) for names in split.trajectories().values()]
    assert [len(names) for names in sets] == [4, 2, 2]
    assert set.union(*sets) == set("abcdefgh")
    assert sum(len(frames) for frames in split.sets().values()) == len(FRAMES)


def test_the_seed_decides_the_split() -> None:
    splits = [split_frames(FRAMES, Split(validation=0.2, seed=seed)).trajectories()["validation"] for seed in range(9)]
    assert splits[0] == split_frames(FRAMES, Split(validation=0.2, seed=0)).trajectories()["validation"]
    assert len(set(splits)) > 1


def test_named_trajectories_are_held_out() -> None:
    split = split_frames(FRAMES, Split(validation=("b",), test=("c", "a")))
    assert split.trajectories() == {"train": tuple("defgh"), "validation": ("b",), "test": ("a", "c")}


@pytest.mark.parametrize("split", [Split(validation=("z",)), Split(validation=("a",), test=("a",))])
def test_a_trajectory_that_is_not_there_is_refused(split: Split) -> None:
    with pytest.raises(ConfigError, match=r"no trajectory '[za]' left to hold out"):
        split_frames(FRAMES, split)


def test_named_trajectories_are_held_out_where_every_leaves_nothing_of_one() -> None:
    lonely = [labelled_frame(trajectory=name, source=name) for name in ("x", "y")]
    for seed in range(20):
        named = Split(every=2, validation=("b", "e"), test=("c", "f", "x", "y"), seed=seed)
        split = split_frames([*FRAMES, *lonely], named)
        assert set(split.trajectories()["train"]) <= set("adgh")
        assert {frame.trajectory for frame in split.test} <= {"c", "f", "x", "y"}


def test_a_named_set_of_which_every_leaves_nothing_is_refused() -> None:
    frames = [*FRAMES, labelled_frame(trajectory="x", source="x")]
    with pytest.raises(ConfigError, match=r"every: 100 leaves no frame of (b|x), which the (validation|test) set"):
        split_frames(frames, Split(every=100, validation=("b",), test=("x",)))


def test_one_trajectory_cannot_be_divided() -> None:
    two = [labelled_frame(), labelled_frame()]
    with pytest.raises(ConfigError, match=r"one trajectory .*`by: random` .*`molgun dataset --by random`"):
        split_frames(two, Split(validation=0.5))
    assert len(split_frames(two, Split(by="random", validation=0.5)).train) == 1
    with pytest.raises(ConfigError, match=r"\. Add frames\.$"):
        split_frames(two[:1], Split(by="random", validation=0.5))
    with pytest.raises(ConfigError, match=r"Hold out fewer, or add frames\.$"):
        split_frames(two, Split(by="random", validation=0.9))


def test_a_random_split_has_the_sizes_asked_for() -> None:
    split = split_frames(FRAMES, Split(by="random", validation=0.1, test=0.25))
    assert {name: len(frames) for name, frames in split.sets().items()} == {"train": 26, "validation": 4, "test": 10}


def sizes(split: SplitFrames) -> dict[str, int]:
    return {name: len(frames) for name, frames in split.sets().items()}


def sources(split: SplitFrames) -> list[str]:
    return [frame.source for frames in split.sets().values() for frame in frames]


def test_the_papers_split_takes_the_test_set_from_what_is_left() -> None:
    # Every n-th of the shuffled frames, a fraction of those to validate, a number of the others to test.
    split = split_frames(FRAMES, Split(by="random", every=4, validation=0.2, test=15))
    assert sizes(split) == {"train": 8, "validation": 2, "test": 15}
    assert len(set(sources(split))) == 25


def test_a_random_split_can_hold_out_whole_trajectories_besides() -> None:
    split = split_frames(FRAMES, Split(by="random", every=2, validation=0.1, test=5, test_trajectories=("c", "f")))
    known = {*split.trajectories()["train"], *split.trajectories()["validation"], *split.trajectories()["test"]}
    assert set(split.trajectories()["test_trajectories"]) <= {"c", "f"}
    assert not known & {"c", "f"}
    assert len(set(sources(split))) == len(sources(split))
    assert sizes(split)["test"] == 5


@pytest.mark.parametrize("every", [1, 2])
def test_a_split_by_trajectory_can_test_known_trajectories_besides(every: int) -> None:
    split = split_frames(FRAMES, Split(every=every, validation=("a",), test=("b",), test_random=6))
    assert sizes(split)["test_random"] == 6
    assert not set(split.trajectories()["test_random"]) & {"a", "b"}
    assert len(set(sources(split))) == len(sources(split))


def test_more_test_frames_than_are_left_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"test set is to have 31 frames, but 30 are left"):
        split_frames(FRAMES, Split(by="random", every=4, test=31))


def test_given_sets_are_those_of_the_frames() -> None:
    names = [SETS[number % len(SETS)] for number in range(len(FRAMES))]
    frames = [dataclasses.replace(f, set_name=name) for f, name in zip(FRAMES, names, strict=True)]
    split = split_frames(frames, Split(by="given"))
    assert sizes(split) == dict.fromkeys(SETS, 8)
    assert all(f.set_name == name for name, members in split.sets().items() for f in members)


def test_given_sets_need_a_set_in_every_frame() -> None:
    with pytest.raises(ConfigError, match=r"must hold set=train.*found None"):
        split_frames([*FRAMES[1:], dataclasses.replace(FRAMES[0], set_name="train")], Split(by="given"))


def test_each_member_of_a_committee_leaves_out_another_part_of_the_training_trajectories() -> None:
    whole = split_frames(FRAMES, Split(validation=["a"], test=["b"]))
    kept = [split_frames(FRAMES, Split(validation=["a"], test=["b"], leave_out=(part, 3))) for part in range(3)]
    left_out = [_missing(whole, one) for one in kept]
    assert set.union(*left_out) == set("cdefgh") and sum(map(len, left_out)) == 6
    assert all(one.validation == whole.validation and one.test == whole.test for one in kept)
    more = [*FRAMES, *(labelled_frame(trajectory="z", source=f"z#{i}") for i in range(5))]
    again = split_frames(more, Split(validation=["a"], test=["b"], leave_out=(1, 3)))
    assert _missing(whole, again) - {"z"} == left_out[1], "whatever else is there"
    lonely = Split(validation=["a"], test=list("bdefgh"), leave_out=(0, 1))
    assert split_frames(FRAMES, lonely).trajectories()["train"] == ("c",), "something is left to train on"


def test_trajectories_of_before_are_thinned_in_the_training_set_alone() -> None:
    held_out = {"validation": ["a"], "test": ["b"]}
    whole = split_frames(FRAMES, Split.model_validate(held_out))
    thin = split_frames(FRAMES, Split.model_validate({**held_out, "thin": {"*": 3, "[gh]": 1, "c": 100}}))
    assert (thin.validation, thin.test) == (whole.validation, whole.test)
    for name in "cdefgh":
        frames = [frame for frame in whole.train if frame.trajectory == name]
        kept = [frame for frame in thin.train if frame.trajectory == name]
        assert kept == frames[:: {"c": 100, "g": 1, "h": 1}.get(name, 3)]
    with pytest.raises(ConfigError, match="no trajectory is called r8-"):
        split_frames(FRAMES, Split.model_validate({**held_out, "thin": {"*": 3, "r8-*": 1}}))


def _missing(whole: SplitFrames, part: SplitFrames) -> set[str]:
    return set(whole.trajectories()["train"]) - set(part.trajectories()["train"])


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"by": "random", "validation": ["a"]}, "needs `by: trajectory`"),
        ({"by": "random", "test_random": 5}, "is `test`"),
        ({"test_trajectories": 0.1}, "is `test`"),
        ({"test": 10}, "by a fraction or by their names"),
        ({"by": "given", "every": 2}, "leave out everything else"),
        ({"leave_out": [2, 2]}, "needs k < K"),
    ],
)
def test_contradictions_are_refused(split: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Split.model_validate(split)


def test_the_most_atoms_of_an_element_are_those_of_frames_that_are_trained_on() -> None:
    frames = [labelled_frame("COO", trajectory="a"), labelled_frame("CCCu", trajectory="b")]
    split = split_frames([*frames, labelled_frame("C9", trajectory="c")], Split(validation=("c",), test=()))
    assert split.most_atoms() == {"C": 2, "Cu": 1, "O": 2}
