"""A timestep is not taken for the time from frame to frame."""

from collections.abc import Sequence

import numpy as np
import pytest

from molgun_lmp.analysis.outcomes.file_times import OwnTimes, timed
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.frame import Frame


def frames(steps: Sequence[int], *, counts_steps: bool = True, every_ps: float | None = None) -> list[Frame]:
    return [
        Frame(
            step=step,
            symbols=("H",),
            positions=np.zeros((1, 3)),
            images=None,
            velocities=None,
            cell=np.eye(3),
            origin=np.zeros(3),
            pbc=(True, True, True),
            counts_steps=counts_steps,
            time_ps=None if every_ps is None else place * every_ps,
        )
        for place, step in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("steps", "counts_steps", "said", "timestep_fs", "sentence"),
    [
        (
            (0, 20, 40),
            True,
            {"timestep_fs": 0.5},
            0.5,
            "0.5 fs a step, 20 steps and 10 fs from frame to frame (timestep",
        ),
        (
            (100, 120),
            True,
            {"frame_interval_fs": 10.0},
            0.5,
            "20 steps and 10 fs from frame to frame (frame_interval_fs)",
        ),
        ((0, 20), True, {"timestep_fs": 0.5, "frame_interval_fs": 10.0}, 0.5, "(timestep_fs)"),
        ((0, 1, 2), False, {"frame_interval_fs": 10.0}, 10.0, "10 fs from frame to frame (frame_interval_fs)"),
        ((7,), True, {"frame_interval_fs": 10.0}, 10.0, "(frame_interval_fs)"),
    ],
)
def test_what_counts_is_said(
    steps: Sequence[int], *, counts_steps: bool, said: dict[str, float], timestep_fs: float, sentence: str
) -> None:
    given = frames(steps, counts_steps=counts_steps)
    again, times = timed("a.xyz", iter(given), ForeignFiles.model_validate(said))
    assert list(again) == given
    assert times.timestep_fs == pytest.approx(timestep_fs)
    assert sentence in times.sentence


@pytest.mark.parametrize(
    ("counts_steps", "said", "says"),
    [
        (False, {"timestep_fs": 0.5}, r"a\.xyz counts no steps, so timestep_fs = 0\.5 may mean .* `frame_interval_fs`"),
        (False, {}, r"a\.xyz counts no steps: say .* `frame_interval_fs`"),
        (True, {}, r"need `timestep_fs`.* or `frame_interval_fs`"),
        (True, {"timestep_fs": 0.5, "frame_interval_fs": 0.5}, r"20 steps apart, which are 10 fs .* says 0\.5"),
    ],
)
def test_what_could_mean_two_things_is_refused(counts_steps: bool, said: dict[str, float], says: str) -> None:
    given = frames((0, 20) if counts_steps else (0, 1), counts_steps=counts_steps)
    with pytest.raises(ConfigError, match=says):
        timed("a.xyz", iter(given), ForeignFiles.model_validate(said))


def test_times_of_the_file_count_and_another_one_is_noted() -> None:
    given = frames((0, 20, 40), every_ps=0.01)
    for said, noted in (({"timestep_fs": 0.5}, ""), ({"frame_interval_fs": 7.0}, "not frame_interval_fs = 7")):
        settings = ForeignFiles.model_validate(said)
        own = OwnTimes(settings)
        again, times = timed("a.dump", own.heard(iter(given)), settings)
        assert len(list(again)) == 3
        assert times.sentence == "times as the file says them"
        assert noted in "".join(own.notes())
        assert bool(noted) == bool(list(own.notes()))
    _, of_vasp = timed("OUTCAR", iter(frames((0, 2))), ForeignFiles(), own_timestep_fs=2.0)
    assert of_vasp.timestep_fs == 2.0
