"""Training, validation and test sets: by whole trajectories, at random, or as the frames themselves say."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
import numpy.typing as npt

from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.provenance import sha256_text
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.settings import Split

SETS: Final = ("train", "validation", "test", "test_random", "test_trajectories")
"""`test` is of the kind of the split; the other two are the second kind, where both were asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitFrames:
    """The sets, each in the order in which the frames were read."""

    train: tuple[LabelledFrame, ...]
    validation: tuple[LabelledFrame, ...]
    test: tuple[LabelledFrame, ...]
    test_random: tuple[LabelledFrame, ...] = ()
    """The second test set of a split by trajectory: frames of trajectories that are trained on."""
    test_trajectories: tuple[LabelledFrame, ...] = ()
    """The second test set of a random split: whole trajectories that are not trained on."""

    def sets(self) -> dict[str, tuple[LabelledFrame, ...]]:
        """The sets by name; a second test set only where there is one."""
        every: dict[str, tuple[LabelledFrame, ...]] = {name: getattr(self, name) for name in SETS}
        return {name: frames for name, frames in every.items() if frames or name in SETS[:3]}

    def trajectories(self) -> dict[str, tuple[str, ...]]:
        """The trajectories of each set, in order of appearance."""
        return {name: tuple(dict.fromkeys(f.trajectory for f in frames)) for name, frames in self.sets().items()}

    def most_atoms(self) -> dict[str, int]:
        """Element -> the largest number of its atoms in one frame that is trained on."""
        most: Counter[str] = Counter()
        for frame in self.train:
            most |= Counter(frame.symbols)
        return dict(sorted(most.items()))


def split_frames(frames: Sequence[LabelledFrame], split: Split) -> SplitFrames:
    """Divide frames as `assign_sets` does."""
    members = assign_sets([frame.trajectory for frame in frames], [frame.set_name for frame in frames], split)
    return SplitFrames(
        **{
            name: tuple(frames[int(index)] for index in np.flatnonzero(members[name]))
            for name in SETS
            if name in members
        }
    )


def assign_sets(trajectories: Sequence[str], set_names: Sequence[str | None], split: Split) -> Mapping[str, BoolArray]:
    """Which of n frames are in which set, (n,) bool for each name of `SETS`; the same seed gives the same sets.

    `trajectories` names each frame's, `set_names` the set that its file assigns it to. By trajectory, a fraction is
    filled with whole trajectories in random order until it is reached. Raises `ConfigError` for a trajectory that does
    not exist or is named twice, for a test set larger than what is left, for frames without a set where the sets are
    given, and for sets that leave nothing to train on or to validate with.
    """
    members = _given(set_names) if split.by == "given" else _chosen(np.array(trajectories, dtype=object), split)
    if split.thin:
        members["train"] = _thinned(members["train"], trajectories, split.thin)
    if split.leave_out is not None:
        members["train"] = _without_part(members["train"], trajectories, *split.leave_out)
    train, validation = (int(members[name].sum()) for name in ("train", "validation"))
    if not train or not validation:
        names = sorted(set(trajectories))
        where = f"{len(names)} trajectories" if len(names) > 1 else "one trajectory"
        raise ConfigError(
            f"this split leaves {train} frames to train on and {validation} to validate with, of "
            f"{len(trajectories)} frames in {where} ({', '.join(names[:20])}). {_way_out(split, len(trajectories))}"
        )
    return members


def _way_out(split: Split, frames: int) -> str:
    """What to do where a split leaves a set empty."""
    if frames <= 1:
        return "Add frames."
    if split.by == "given":
        return "Give frames of both kinds, or leave `by: given` out."
    if split.by == "random":
        return "Hold out fewer, or add frames."
    return (
        "Whole trajectories are held out: add trajectories, name fewer to hold out, or take single frames with `by: "
        "random` in the section `split` (`molgun dataset --by random`), which are close to those that are trained on."
    )


def _given(set_names: Sequence[str | None]) -> dict[str, BoolArray]:
    foreign = sorted({str(name) for name in set_names} - set(SETS))
    if foreign:
        raise ConfigError(
            f"with `by: given` the header of each frame must hold set={' or '.join(SETS)}; found {', '.join(foreign)}. "
            "`molgun dataset` writes such frames."
        )
    names = np.array(set_names, dtype=object)
    return {name: np.asarray(names == name, dtype=bool) for name in SETS}


def _chosen(trajectories: npt.NDArray[np.object_], split: Split) -> dict[str, BoolArray]:
    rng = np.random.default_rng(split.seed)
    selected = _every(len(trajectories), split.every, rng)
    left = ~selected
    members = {name: np.zeros(len(trajectories), dtype=bool) for name in SETS}

    def whole(name: str, wanted: float | tuple[str, ...] | None) -> None:
        """Give a set whole trajectories; of what `every` leaves over, nothing is taken from them afterwards."""
        if isinstance(wanted, tuple):
            names = _named(trajectories[selected | left], wanted)
        else:
            names = _filled(trajectories[selected], wanted, int(selected_at_first.sum()), rng)
        held = np.isin(trajectories, sorted(names)) if names else np.zeros(len(trajectories), dtype=bool)
        members[name] = selected & held
        if isinstance(wanted, tuple) and wanted and not members[name].any():
            raise ConfigError(
                f"split.every: {split.every} leaves no frame of {', '.join(wanted)}, which the {name} set is to hold. "
                "Name more trajectories, or leave `every` out: `thin` takes fewer frames of those that are trained on."
            )
        selected[held] = left[held] = False

    def at_random(name: str, wanted: float | int | None, pool: BoolArray) -> None:
        """Give a set frames of the pool."""
        if wanted is None:
            return
        count = wanted if isinstance(wanted, int) else max(1, round(wanted * int(selected_at_first.sum())))
        candidates = np.flatnonzero(pool)
        if count > len(candidates):
            raise ConfigError(
                f"the {name} set is to have {count} frames, but {len(candidates)} are left to take it from. "
                "Ask for fewer."
            )
        members[name][rng.permutation(candidates)[:count]] = True
        selected[members[name]] = False

    selected_at_first = selected.copy()
    test, validation = split.test, split.validation
    if split.by == "trajectory":
        whole("test", test if not isinstance(test, int) else None)
        whole("validation", validation)
        at_random("test_random", split.test_random, left if split.every > 1 else selected)
    else:
        whole("test_trajectories", split.test_trajectories)
        at_random("test", test if not isinstance(test, tuple) else None, left if split.every > 1 else selected)
        at_random("validation", validation if isinstance(validation, float) else None, selected)
    members["train"] = selected
    return members


def _thinned(train: BoolArray, trajectories: Sequence[str], thin: Mapping[str, int]) -> BoolArray:
    """Without the frames between each n-th and the next of its trajectory, where n is not 1."""
    names = set(trajectories)
    if unused := [pattern for pattern in thin if not any(fnmatchcase(name, pattern) for name in names)]:
        raise ConfigError(f"split.thin: no trajectory is called {', '.join(unused)}.")
    every = {name: n for pattern, n in thin.items() for name in names if fnmatchcase(name, pattern)}  # the last counts
    seen: Counter[str] = Counter()
    kept = np.zeros_like(train)
    for index in np.flatnonzero(train):
        name = trajectories[int(index)]
        kept[index] = seen[name] % every.get(name, 1) == 0
        seen[name] += 1
    return kept


def _without_part(train: BoolArray, trajectories: Sequence[str], part: int, parts: int) -> BoolArray:
    """The training set without the trajectories of one part; whole where that would leave nothing of it."""
    of = {name: int(sha256_text(name), 16) % parts for name in set(trajectories)}
    kept: BoolArray = train & np.array([of[name] != part for name in trajectories], dtype=bool)
    return kept if kept.any() else train


def _every(total: int, every: int, rng: np.random.Generator) -> BoolArray:
    selected = np.ones(total, dtype=bool)
    if every > 1:
        selected[:] = False
        selected[rng.permutation(total)[::every]] = True
    return selected


def _named(trajectories: npt.NDArray[np.object_], wanted: tuple[str, ...]) -> set[str]:
    """The names that were wanted, of trajectories that no other set has taken."""
    known = set(trajectories.tolist())
    if missing := [name for name in wanted if name not in known]:
        raise ConfigError(
            f"no trajectory {missing[0]!r} left to hold out. There are: {', '.join(sorted(known))} (a trajectory "
            "cannot be in two sets)."
        )
    return set(wanted)


def _filled(
    trajectories: npt.NDArray[np.object_], wanted: float | None, total: int, rng: np.random.Generator
) -> set[str]:
    """Names of whole trajectories that hold the wanted fraction of `total` frames."""
    held: set[str] = set()
    if wanted is not None:
        counts = Counter(trajectories.tolist())
        # All but one at most: something must be left to train on.
        for name in rng.permutation(sorted(counts))[: max(len(counts) - 1, 0)]:
            if sum(counts[other] for other in held) >= wanted * total:
                break
            held.add(str(name))
    return held
