"""`molgun label`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.store.manifest import is_campaign
from molgun_lmp.cli.job_scripts import JobFile, JobOptions, JobScheduler, only_with_job, write_job
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json
from molgun_lmp.config.loading import load_section
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.training.labelling.job_script import labelling_script
from molgun_lmp.training.labelling.label import LabellingReport, gather, label, read_structures
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.labelling.share import ALL, Share


def label_command(
    file: Annotated[Path, typer.Argument(metavar="LABEL.yaml", help="Which ASE calculator, with which options.")],
    frames: Annotated[
        list[Path],
        typer.Argument(metavar="FRAMES...", help="Structures: files that ASE reads, dumps, folders, archives."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The labels' folder; what is there is kept.")],
    *,
    share: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER/SHARES",
            help="Label only this part, counted from 0, while others label theirs into the same folder.",
        ),
    ] = None,
    gather_shares: Annotated[
        bool, typer.Option("--gather", help="Compute nothing: put together what all shares have labelled.")
    ] = False,
    job_file: JobFile = None,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks of that job's array, each of which labels a share.")] = 1,
    scheduler: JobScheduler = "slurm",
    job_options: JobOptions = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Compute reference energies and forces with any ASE calculator. Ctrl-C stops; the same command goes on."""
    only_with_job(job_file, tasks=tasks != 1, scheduler=scheduler != "slurm", job_option=bool(job_options))
    config = load_section(file, LabellingConfig, overrides or (), what="a labelling file")
    if campaign := next(filter(is_campaign, frames), None):
        raise InputFileError(
            f"{campaign} is a campaign folder: name the dumps whose frames are to be labelled, such as "
            f"{campaign}/trajectories/*/*/run-*/traj.dump, or the farthest frames that `molgun trust` has written."
        )
    structures = read_structures(frames)
    if job_file is not None:
        if share is not None or gather_shares:
            raise ConfigError("--write-job writes a job that labels all shares: leave --share and --gather out.")
        script = labelling_script(
            config,
            file=file,
            frames=frames,
            output=output,
            tasks=tasks,
            scheduler=scheduler,
            overrides=overrides or (),
            options=job_options or (),
        )
        then = "" if tasks == 1 else ". When it has ended: this command with --gather in the place of --write-job"
        write_job(job_file, script, scheduler, then)
        return
    if gather_shares:
        if share is not None:
            raise ConfigError("--gather puts all shares together: leave --share out.")
        report, part = gather(config, structures, output), ALL
    else:
        part = ALL if share is None else Share.parse(share)
        with counting("labelling", len(part.part(structures))) as show:
            report = label(config, structures, output, show, share=part)
    if as_json:
        print_json(
            {
                "labelled": report.labelled,
                "failed": report.failed,
                "waiting": report.waiting,
                "repeated": report.repeated,
                "checked_again": report.checked_again,
                "largest_net_force_ev_per_angstrom": report.largest_net_force_ev_per_angstrom,
                "file": str(report.file) if part.is_all else None,
            }
        )
        return
    _print(report, config, part)
    if report.failed and not gather_shares:
        answers().print("The same command tries these again.", markup=False)


def _print(report: LabellingReport, config: LabellingConfig, part: Share) -> None:
    out = answers()
    where = str(report.file) if part.is_all else f"share {part}; --gather puts all of them together"
    out.print(f"{report.labelled} structures labelled ({config.level_of_theory}): {where}", markup=False)
    net = 1000.0 * report.largest_net_force_ev_per_angstrom
    out.print(
        f"Forces add up to {net:.2g} meV/Å for each atom at most; from another start too: {report.checked_again}.",
        markup=False,
    )
    if report.repeated:
        out.print(f"{report.repeated} structures were given twice.", markup=False)
    for source, reason in report.failed.items():
        out.print(f"  no labels for {source}: {reason}", markup=False)
    if report.waiting:
        out.print(f"{report.waiting} structures have no label yet: their shares have not ended.", markup=False)
