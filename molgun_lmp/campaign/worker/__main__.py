"""A worker: claim a trajectory, fire it, store its result, until none is free.

The same code is a local process of the supervisor, a rank under mpirun, and a second terminal.
`python -m molgun_lmp.campaign.worker FOLDER [--only ID ...]` is one such process.
"""

import argparse
import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from molgun_lmp.campaign.store.campaign_folder import STOP_NAME, TrajectoryFolder
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.worker_status import ERROR_MARK, StatusKeeper
from molgun_lmp.campaign.worker.run_trajectory import Fire, OnHung, open_engine
from molgun_lmp.errors import MolgunError
from molgun_lmp.processes import interrupt_on_signals
from molgun_lmp.records import TrajectoryResult

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """One worker process; its exit code is that of the error that ended it, its log goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m molgun_lmp.campaign.worker", description=__doc__)
    parser.add_argument("folder", type=lambda path: Path(path).resolve())  # the working directory changes
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")
    parser.add_argument("--status", type=lambda path: Path(path).resolve(), help="file that says how far it has got")
    options = parser.parse_args(arguments)
    from molgun_lmp.campaign.worker.concurrent import fire_together  # noqa: PLC0415 - slow to load: --help and a wrong folder are answered before

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s")
    interrupt = interrupt_on_signals(options.folder / STOP_NAME, options.parent)
    keeper = StatusKeeper(options.status)
    try:
        work = open_work(options.folder, options.only)
        with open_engine(work) as fire:
            fire_together(work, _noted(fire, keeper), interrupt)
    except MolgunError as error:
        _say(str(error))
        return error.exit_code
    except Exception as error:
        log.exception("unexpected")
        _say(f"{type(error).__name__}: {error}")
        return MolgunError.exit_code
    finally:
        keeper.end()
    return 0


def _noted(fire: Fire, keeper: StatusKeeper) -> Fire:
    """`fire`, each run of which `keeper` notes."""

    def noted(
        folder: TrajectoryFolder, number: int, interrupt: threading.Event, on_hung: OnHung
    ) -> TrajectoryResult | None:
        with keeper.run(folder.id):
            return fire(folder, number, interrupt, on_hung)

    return noted


def _say(error: str) -> None:
    with suppress(OSError):  # on a full disk the exit status has to do
        print(f"{ERROR_MARK}{error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
