"""What it takes to know a fraction (`plan --for`), and firing until it is known (`run --until`)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from molgun_lmp.cli.output import answers, print_json, progress_console
from molgun_lmp.errors import ConfigError

if TYPE_CHECKING:
    from molgun_lmp.campaign.store import Store
    from molgun_lmp.campaign.work import Work
    from molgun_lmp.config import LoadedCampaign


def say_sizes(loaded: "LoadedCampaign", targets: list[str], assume: float, correlation: float, as_json: bool) -> None:
    """Answer how many shots and snapshots each target takes with the campaign file's pools."""
    import dataclasses  # noqa: PLC0415

    from molgun_lmp.analysis.sizing import size  # noqa: PLC0415
    from molgun_lmp.analysis.stopping import parse_target  # noqa: PLC0415
    from molgun_lmp.gun.pools import read_pool  # noqa: PLC0415

    wanted, system = [parse_target(target) for target in targets], loaded.config.system
    slabs = len(read_pool(loaded.path(system.slab.pool), "slab"))
    molecules = len(read_pool(loaded.path(system.molecule.pool), "molecule"))
    sizes = [
        size(
            target,
            fraction=assume,
            correlation=correlation,
            slabs=slabs,
            molecules=molecules,
            planned=loaded.config.trajectories,
        )
        for target in wanted
    ]
    if as_json:
        print_json({"sizes": [dataclasses.asdict(one) | {"sentences": one.sentences()} for one in sizes]})
        return
    for one in sizes:
        for sentence in one.sentences():
            answers().print(sentence, markup=False)


def fire_until(
    store: "Store", until: list[str], only: Sequence[str], fire: "Callable[[Work], object]", as_json: bool
) -> None:
    """Fire until all targets are reached or all shots are fired, and say what was found at each look."""
    from molgun_lmp.analysis.stopping import parse_target, stopping_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse  # noqa: PLC0415
    from molgun_lmp.campaign.ranks import under_launcher  # noqa: PLC0415
    from molgun_lmp.campaign.until import run_until  # noqa: PLC0415

    targets = [parse_target(text) for text in until]
    if only or under_launcher():
        raise ConfigError(
            "--until fires the shots in their order with workers of its own: give it without --only and without "
            "mpirun. Other terminals may help with `molgun run`."
        )
    stopping = run_until(
        store,
        targets,
        fire,
        lambda: [one.outcome for one in analyse(store).ended],
        lambda now: None if now.over else progress_console().print(stopping_sentence(now), markup=False),
    )
    if as_json:
        print_json(stopping.to_json() | {"reached": stopping.reached})
    else:
        answers().print(stopping_sentence(stopping), markup=False)
        answers().print(f"`molgun report {store.root}` makes the page.", markup=False)
