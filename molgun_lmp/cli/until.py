"""Firing until a fraction is known: `molgun run --until`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.analysis.statistics.stopping import stopping_sentence
from molgun_lmp.campaign.launch.mpi import under_launcher
from molgun_lmp.campaign.launch.until import run_until, run_until_as_rank
from molgun_lmp.campaign.store.integrity import verify_shared
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.cli.output import answers, print_json, progress_console
from molgun_lmp.errors import ConfigError
from molgun_lmp.results.analyse import outcomes_of

if TYPE_CHECKING:
    from molgun_lmp.analysis.statistics.stopping import Stopping
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.campaign.store.run_set import Work


def fire_until(
    store: "Store",
    until: list[str],
    only: Sequence[str],
    fire: "Callable[[Work], object]",
    *,
    ranks: bool,
    as_json: bool,
) -> None:
    """Fire until all targets are reached or all shots are fired, and say what was found at each look.

    Where an MPI launcher started this process and `ranks` is true, its ranks fire, and not `fire`.
    """
    targets = [parse_target(text, store.scheme) for text in until]
    if only:
        raise ConfigError(
            "--until fires the shots in their order: give it without --only and --chain. Other terminals may "
            "help with the same command."
        )

    def say(now: "Stopping") -> None:
        if not now.over:
            progress_console().print(stopping_sentence(now), markup=False)

    if ranks and under_launcher():
        verify_shared(campaign_work(store))
        found = run_until_as_rank(store, targets, progress_console(), lambda: outcomes_of(store), say)
        if found is None:
            return
        stopping = found
    else:
        stopping = run_until(store, targets, fire, lambda: outcomes_of(store), say)
    if as_json:
        print_json(stopping.to_json() | {"reached": stopping.reached})
    else:
        answers().print(stopping_sentence(stopping), markup=False)
        answers().print(f"`molgun report {store.root}` makes the page.", markup=False)
