"""The trajectories that one process has at work together, and whose fault it is when a step does not end.

Only the end of the process ends a hung step, and with it go the trajectories beside it. One that hangs by itself is
charged alone: the others go on from their checkpoints. Where an evaluation for several does not end, any of them may
have caused it, as when the process is killed: all are charged, and each is then fired alone
(`campaign.worker.concurrent`), so that the next death is its own.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import Claim, is_current, mark_hung, mark_spared

log = logging.getLogger(__name__)

_HUNG_EXIT: Final = 75  # EX_TEMPFAIL


class Company:
    """The claims that a process works on."""

    def __init__(self) -> None:
        self._at_work: dict[str, tuple[TrajectoryFolder, Claim]] = {}
        self._changing = threading.Lock()

    @contextmanager
    def joined(self, folder: TrajectoryFolder, claim: Claim) -> Iterator[None]:
        """A trajectory is at work within this block."""
        with self._changing:
            self._at_work[folder.id] = (folder, claim)
        try:
            yield
        finally:
            with self._changing:
                del self._at_work[folder.id]

    def end_hung(self, hung: str, step: int, evaluated_with: Collection[str]) -> NoReturn:
        """End this process over a step of trajectory `hung`: nothing else ends a thread that is inside LAMMPS or a
        force model. `evaluated_with` names those whose forces come from the evaluation that does not end, if it is one.
        """
        with self._changing:  # to the end: no other trajectory ends, or finds itself hung, any more
            try:
                with_them = f" with {', '.join(evaluated_with)}" if evaluated_with else ""
                log.error("trajectory %s: step %d does not end%s; this worker ends itself", hung, step, with_them)
                for identifier, (folder, claim) in self._at_work.items():
                    mark = mark_hung if identifier == hung or identifier in evaluated_with else mark_spared
                    with contextlib.suppress(OSError):  # a full disk: then it is charged, or not called hung
                        if is_current(folder, claim):  # not where it has just ended
                            mark(folder, claim)
                logging.shutdown()
            finally:
                os._exit(_HUNG_EXIT)
