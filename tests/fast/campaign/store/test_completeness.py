"""What a run must have written: every frame and every line of thermo output, up to the step at which it ended."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from whole_runs import require_whole_run

from molgun_lmp.config import Dynamics

DYNAMICS = Dynamics(dump_every_steps=20, thermo_every_steps=40)
HALT = "Fix halt condition for fix-id halt_departed met on step {} with value 1 (../fix_halt.cpp:1)\n"


def write_run(run: Path, thermo: Iterable[int], frames: Iterable[int], halted_at: int | None = None) -> Path:
    """A run as LAMMPS leaves it at its end."""
    run.mkdir()
    lines = "".join(f"{step:9d} {step * 5e-4:<12.6g} -1.5\n" for step in thermo)
    halt = "" if halted_at is None else HALT.format(halted_at)
    end = "Loop time of 1 on 1 procs for 100 steps with 1 atoms\n\nTotal wall time: 0:00:01\n"
    (run / "log.lammps").write_text(f"   Step          Time         TotEng\n{lines}{halt}{end}")
    (run / "traj.dump").write_text(
        "".join(
            f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
            "ITEM: ATOMS id type element x y z\n1 1 H 0 0 0\n"
            for step in frames
        )
    )
    return run


@pytest.mark.parametrize("steps", [100, 95, 80])
def test_a_stop_rule_may_act_between_two_lines_of_the_log(tmp_path: Path, steps: int) -> None:
    """LAMMPS ends the table of a whole run with its last step, that of a halted one with the last that was due."""
    due, frames = range(0, steps + 1, 40), sorted({*range(0, steps + 1, 20), steps})
    require_whole_run(write_run(tmp_path / "halted", due, frames, halted_at=steps), DYNAMICS, steps=steps)
    require_whole_run(write_run(tmp_path / "whole", sorted({*due, steps}), frames), DYNAMICS, steps=steps)


@pytest.mark.parametrize("lost", [0, 40, 80, 100])
@pytest.mark.parametrize("halted_at", [None, 100])
def test_no_line_that_was_due_may_be_missing(tmp_path: Path, lost: int, halted_at: int | None) -> None:
    left = [step for step in (0, 40, 80, 100) if step != lost]
    run = write_run(tmp_path / "run", left, range(0, 101, 20), halted_at)
    if lost == 100 and halted_at is not None:
        require_whole_run(run, DYNAMICS, steps=100)
    else:
        with pytest.raises(OSError, match=f"the thermo output of step {lost} is missing"):
            require_whole_run(run, DYNAMICS, steps=100)


@pytest.mark.parametrize("lost", range(0, 101, 20))
def test_no_frame_may_be_missing(tmp_path: Path, lost: int) -> None:
    frames = [step for step in range(0, 101, 20) if step != lost]
    run = write_run(tmp_path / "run", [0, 40, 80, 100], frames)
    with pytest.raises(OSError, match=f"there should be one of step {lost}"):
        require_whole_run(run, DYNAMICS, steps=100)
