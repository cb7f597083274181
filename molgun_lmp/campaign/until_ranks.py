"""`mpirun -n N molgun run --until`: all ranks fire, one of them looks, decides and records, all stop together."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from rich.console import Console

from molgun_lmp.analysis.stopping import PrecisionTarget, Stopping
from molgun_lmp.campaign.firing import open_engine
from molgun_lmp.campaign.integrity import verify_open
from molgun_lmp.campaign.opening import campaign_work
from molgun_lmp.campaign.ranks import Rank, join, progress_of_all
from molgun_lmp.campaign.store import Store
from molgun_lmp.campaign.together import fire_together
from molgun_lmp.campaign.until import prefix_work, run_until
from molgun_lmp.campaign.work import Work
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.records import Outcome

_OVER: Final = 0
"""What the others are told, in place of a number of shots, when nothing is left to fire."""


def run_until_as_rank(
    store: Store,
    targets: Sequence[PrecisionTarget],
    console: Console,
    outcomes: Callable[[], Sequence[Outcome]],
    on_look: Callable[[Stopping], None],
) -> Stopping | None:
    """`run_until` as one of several ranks; what it found on the rank that speaks for all, None on the others.

    The rank that speaks is the only one that reads or writes the rule. It tells the others up to which shot to fire;
    one of them that fails leaves the work to the rest, and raises when all is over. Raises as `run_until` and `join`.
    """
    rank = join(campaign_work(store))
    if rank.speaks:
        return _lead(rank, store, console, lambda fire: run_until(store, targets, fire, outcomes, on_look))
    _follow(rank, store)
    return None


def _lead(rank: Rank, store: Store, console: Console, until: Callable[[Callable[[Work], None]], Stopping]) -> Stopping:
    try:
        with open_engine(campaign_work(store)) as fire_one:

            def fire(work: Work) -> None:
                verify_open(work)
                rank.agree(len(work.folders))
                with progress_of_all(work, console, rank):
                    try:
                        fire_together(work, fire_one, rank.interrupt)
                    finally:
                        rank.meet()

            return until(fire)
    finally:
        rank.agree(_OVER)


def _follow(rank: Rank, store: Store) -> None:
    failure: BaseException | None = None
    with ExitStack() as engine:
        try:
            fire_one = engine.enter_context(open_engine(campaign_work(store)))
        except BaseException as error:  # raised below: whoever leaves now would be waited for
            failure = error
        while shots := rank.agree(_OVER):
            if failure is None:
                try:
                    fire_together(prefix_work(store, shots), fire_one, rank.interrupt)
                except BaseException as error:  # as above
                    failure = error
            rank.meet()
    if isinstance(failure, InterruptedRunError):  # every rank was told to stop; one says so
        raise SystemExit(failure.exit_code)
    if failure is not None:
        raise failure
