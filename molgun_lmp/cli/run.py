"""`molgun run`."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.campaign.launch.here import fire_here
from molgun_lmp.campaign.launch.lammps import require_lammps
from molgun_lmp.campaign.launch.local import supervise
from molgun_lmp.campaign.launch.mpi import under_launcher, work_as_rank
from molgun_lmp.campaign.launch.parsl_blocks import BlockCrew
from molgun_lmp.campaign.launch.parsl_site import load_site
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import verify_open, verify_shared
from molgun_lmp.campaign.store.opening import campaign_work, chains_named
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.engine.chosen_lammps import ARGUMENTS_VARIABLE, LIBRARY_VARIABLE, require_chosen
from molgun_lmp.errors import ConfigError, InterruptedRunError

if TYPE_CHECKING:
    from molgun_lmp.campaign.store.run_set import Work


def run_command(  # noqa: PLR0917  # a command
    campaign: CampaignFolder,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Local worker processes; if not given, one for each core, or two for each GPU. With --parsl: the most "
            "workers.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Fire this trajectory only, such as 3. Repeatable.")
    ] = None,
    chain: Annotated[
        list[int] | None,
        typer.Option(
            min=0, metavar="N", help="Fire this chain of doses only, counted from 0. Repeatable; not with --only."
        ),
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE:HALF-WIDTH",
            help="Stop when a fraction is known so well, such as scattered:0.02, stuck:0.05 (bound at the end, intact "
            "or broken), at one of a few numbers of shots that are fixed beforehand. Repeatable: all must be reached.",
        ),
    ] = None,
    parsl: Annotated[
        str | None,
        typer.Option(
            metavar="SITE.py",
            help="Let Parsl start the workers, in blocks as this Python file of yours configures them (`config`); "
            "`local` and `slurm` are examples.",
        ),
    ] = None,
    lmp_library: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            envvar=LIBRARY_VARIABLE,
            help="Another LAMMPS than this environment's: its liblammps.so, of 2021 or later.",
        ),
    ] = None,
    lmp_args: Annotated[
        str | None,
        typer.Option(
            metavar='"ARG ..."',
            envvar=ARGUMENTS_VARIABLE,
            help='More of LAMMPS\'s command line, such as "-k on t 1 -sf kk -pk kokkos newton on neigh half".',
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be fired, and fire nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fire the planned shots. Ctrl-C stops; the same command goes on. `mpirun -n N molgun run CAMPAIGN` works too.

    Several terminals or machines may work on one campaign at a time: each trajectory is fired once.
    """
    store = Store.open(campaign)
    _choose_lammps(lmp_library, lmp_args)
    chosen = _chosen(store, only or [], chain or [])
    if parsl is not None:
        if under_launcher():
            raise ConfigError("--parsl starts its workers by itself: give it without mpirun and srun.")
        load_site(parsl)  # for what it raises: that is no matter of what is left to fire
    if until and not dry_run:
        from molgun_lmp.cli.until import fire_until  # noqa: PLC0415 - its looks need what decides outcomes, slow to load

        fire_until(store, until, chosen, lambda work: _fire(work, workers, parsl), ranks=parsl is None, as_json=as_json)
        return
    work = campaign_work(store, chosen)
    open_ids = [folder.id for folder in work.folders if not folder.result_file.exists()]
    if dry_run:
        _list_open(open_ids, as_json)
        return
    try:
        if open_ids and not _fire(work, workers, parsl):
            return
    except InterruptedRunError:
        if not work.ended:  # the request came too late to stop anything
            raise
    now = read_status(store)
    if as_json:
        print_json(now.to_json())
    else:
        answers().print(now.sentence(), markup=False)


def _chosen(store: Store, only: list[str], chains: list[int]) -> list[str]:
    """The trajectories that either option names; none: all. Raises `ConfigError` for both together."""
    doses = chains_named(store, chains)
    if only and chains:
        raise ConfigError(
            f"--only and --chain each say what alone is fired: give one of them. --chain {chains[0]} is "
            f"{' '.join(f'--only {one}' for one in chains_named(store, chains[:1]))}."
        )
    return only or doses


def _choose_lammps(library: str | None, arguments: str | None) -> None:
    """Say it to this process and to all that it starts, where it is said at all; refuse what cannot be, even where
    nothing is left to fire."""
    for name, value in ((LIBRARY_VARIABLE, library), (ARGUMENTS_VARIABLE, arguments)):
        if value is not None:
            os.environ[name] = str(Path(value).absolute()) if value and name == LIBRARY_VARIABLE else value
    require_chosen()


def _list_open(ids: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"open": ids})
    else:
        answers().print("\n".join(ids) if ids else "Every trajectory has ended: nothing to fire.")


def _fire(work: "Work", workers: int | None, parsl: str | None) -> bool:
    """Fire with local workers, in Parsl's blocks, or as an MPI rank; True where this process speaks for all."""
    console = progress_console()
    if parsl is None and not under_launcher():
        fire_here(work, workers=workers, console=console)
        return True
    verify_shared(work)
    for remark in require_lammps(work):
        if not under_launcher():  # each of many ranks would say it
            console.print(remark, markup=False)
    if parsl is None:
        return work_as_rank(work, console)
    crew = partial(BlockCrew, load_site(parsl))
    verify_open(work)
    supervise(work, workers=workers or len(work.folders), console=console, crew_of=crew)
    return True
