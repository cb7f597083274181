"""`molgun run --until`: fire up to the next planned look, look at the complete prefix, stop where it is known enough.

The rule and what each look found stand in the campaign folder as `until.json`, written before the first shot is fired:
a rule made after looking would promise what it cannot keep, so another one is refused.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from rich.console import Console

from molgun_lmp.analysis.statistics.stopping import PrecisionTarget, Stopping
from molgun_lmp.campaign.launch.mpi import Rank, join, progress_of_all
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import verify_open
from molgun_lmp.campaign.store.looks import begin_rule, take_looks
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.concurrent import fire_together
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.records import Outcome

_OVER: Final = 0
"""What the others are told, in place of a number of shots, when nothing is left to fire."""


_OTHERS_S: Final = 2.0
"""While other terminals hold the last trajectories before a look, they are waited for so often."""


def run_until(
    store: Store,
    targets: Sequence[PrecisionTarget],
    fire: Callable[[Work], object],
    outcomes: Callable[[], Sequence[Outcome]],
    on_look: Callable[[Stopping], None],
) -> Stopping:
    """Fire and look until all targets are reached or all shots are fired; what is recorded already is not repeated.

    `fire` runs the open trajectories of some work; the others are those of `take_looks`. Raises `CampaignError` where
    the campaign has another rule, and what `fire` raises.
    """
    stopping = begin_rule(store, targets)
    while not stopping.over:
        _fire_prefix(store, stopping, fire)
        stopping = take_looks(store, outcomes, on_look) or stopping
    return stopping


def prefix_work(store: Store, shots: int) -> Work:
    """The first `shots` trajectories as work for workers."""
    # All of them need not be named.
    return campaign_work(store, [trajectory_id(k) for k in range(shots)] if shots < store.manifest.trajectories else [])


def _fire_prefix(store: Store, stopping: Stopping, fire: Callable[[Work], object]) -> None:
    work = prefix_work(store, stopping.next_look)
    work = dataclasses.replace(work, again=f"{work.again} {stopping.rule.options()}")
    while any(not folder.result_file.exists() for folder in work.folders):
        fire(work)
        if any(not folder.result_file.exists() for folder in work.folders):
            time.sleep(_OTHERS_S)


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
