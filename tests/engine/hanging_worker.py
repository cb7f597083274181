"""A worker in which something goes wrong at one force call; started as a program by the tests.

`python hanging_worker.py CAMPAIGN CALL MARK [HOW]`: call CALL makes the file MARK and never returns, unless the file is
there. The call is one of the force model or, where HOW is `alone`, of trajectory 000001, which has not asked the model
yet, as if LAMMPS hung. Where HOW is `killed`, each such call of 000001 kills the worker. Where HOW is `held`, call CALL
of the force model makes the file MARK and returns once MARK is gone, or the runs of three trajectories were asked to
end.
"""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NoReturn

from molgun_lmp.campaign.worker import __main__ as worker
from molgun_lmp.campaign.worker import run_trajectory
from molgun_lmp.engine import joint_evaluation, registry, session
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.engine.torch_model import TorchScriptModel

CALL, MARK = int(sys.argv[2]), Path(sys.argv[3])
HOW = sys.argv[4] if len(sys.argv) > 4 else ""
GUILTY = "000001"


class Hanging(TorchScriptModel):
    """The campaign's own model, as if a library below it waited for a lock that nobody gives back."""

    calls = 0
    hangs = False

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        Hanging.calls += 1
        if not HOW and Hanging.calls == CALL:
            hang()
        if HOW == "held" and Hanging.calls == CALL:
            hold()
        return super().evaluate_many(structures)


class Guilty(joint_evaluation.Member):
    """Of the first three, none asks before all are there, so that they are at work together on any machine."""

    three = threading.Barrier(3)
    met = 0

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.calls = 0

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        self.calls += 1
        if self.calls == 1 and Guilty.met < 3 and not MARK.exists():
            Guilty.met += 1
            Guilty.three.wait()
        if self.name == GUILTY and self.calls == CALL:
            if HOW == "killed":
                MARK.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if HOW == "alone" and not MARK.exists():
                while not self.others_wait():
                    time.sleep(0.01)
                hang()
        return super().evaluate(structure)

    def others_wait(self) -> bool:
        """From then on none of them is taken for hung, however slow its last step was."""
        members = set(self._joint._members)
        return len(members) == 3 and all(member.waits for member in members - {self})


def hang() -> None:
    """Once."""
    if not MARK.exists():
        MARK.touch()
        Hanging.hangs = True
        threading.Event().wait()


def hold() -> None:
    MARK.touch()
    while MARK.exists() and len(Asked.jobs) < 3:
        time.sleep(0.01)


class Asked(session._Job):
    """A run that notes that it was asked to end."""

    jobs: ClassVar[set["Asked"]] = set()

    def end_its_run(self) -> None:
        super().end_its_run()
        Asked.jobs.add(self)


class PatientAtFirst:
    """The campaign's limit, from the hang on: the first calls compile, which on a busy machine takes as long."""

    def __init__(
        self, *, limit_s: float, bark: Callable[[int], NoReturn], waits: Callable[[], bool] = lambda: False
    ) -> None:
        self._limit_s = limit_s
        self.bark = bark
        self.waits = waits

    @property
    def limit_s(self) -> float:
        return self._limit_s if Hanging.hangs else math.inf


if __name__ == "__main__":
    registry.TorchScriptModel = Hanging  # type: ignore[attr-defined]  # where the worker looks it up
    run_trajectory.Watchdog = PatientAtFirst  # type: ignore[attr-defined, assignment]
    joint_evaluation.Member = Guilty  # type: ignore[misc, assignment]
    session._Job = Asked  # type: ignore[misc]
    sys.exit(worker.main([sys.argv[1]]))
