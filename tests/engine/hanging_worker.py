"""A worker whose force model hangs at one call, once; started as a program by the tests.

`python hanging_worker.py CAMPAIGN CALL MARK`: evaluation CALL makes the file MARK and never returns, unless the file is
there.
"""

import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from molgun_lmp.campaign import firing, worker
from molgun_lmp.engine.force_models import Evaluation, Structure
from molgun_lmp.engine.torch_model import TorchScriptModel

CALL, MARK = int(sys.argv[2]), Path(sys.argv[3])


class Hanging(TorchScriptModel):
    """The campaign's own model, as if a library below it waited for a lock that nobody gives back."""

    calls = 0
    hangs = False

    def evaluate(self, structure: Structure) -> Evaluation:
        Hanging.calls += 1
        if Hanging.calls == CALL and not MARK.exists():
            MARK.touch()
            Hanging.hangs = True
            threading.Event().wait()
        return super().evaluate(structure)


class PatientAtFirst:
    """The campaign's limit, from the hang on: the first calls compile, which on a busy machine takes as long."""

    def __init__(self, *, limit_s: float, bark: Callable[[int], NoReturn]) -> None:
        self._limit_s = limit_s
        self.bark = bark

    @property
    def limit_s(self) -> float:
        return self._limit_s if Hanging.hangs else math.inf


if __name__ == "__main__":
    firing.TorchScriptModel = Hanging  # type: ignore[attr-defined]  # where the worker looks it up
    firing.Watchdog = PatientAtFirst  # type: ignore[attr-defined, assignment]
    sys.exit(worker.main([sys.argv[1]]))
