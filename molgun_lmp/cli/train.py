"""`molgun train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.cli.job_scripts import JobFile, JobOptions, JobScheduler, only_with_job, write_job
from molgun_lmp.cli.output import AsJson, Overrides, answers, print_json, progress_console
from molgun_lmp.config.loading import load_section
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.committee import member_name, train_committee
from molgun_lmp.training.trainer.figure import draw_training
from molgun_lmp.training.trainer.job_script import job_script
from molgun_lmp.training.trainer.preparation import prepare
from molgun_lmp.training.trainer.train import train

if TYPE_CHECKING:
    from molgun_lmp.models.error_reports import ErrorReport
    from molgun_lmp.training.run_folder import TrainingRecord


def train_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The training file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The training's folder; an unfinished one goes on.")],
    *,
    job_file: JobFile = None,
    scheduler: JobScheduler = "slurm",
    job_options: JobOptions = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Train no more: make the model of the best epoch so far.")
    ] = False,
    committee: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="K",
            help="Train K models that differ by seed and by the part of the trajectories that they leave out (the "
            "first leaves out none), in OUTPUT/member-0 and so on.",
        ),
    ] = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train a MACE on labelled frames with mace's own trainer. Ctrl-C stops; the same command goes on."""
    only_with_job(job_file, scheduler=scheduler != "slurm", job_option=bool(job_options))
    config = load_section(file, TrainingConfig, overrides or (), what="a training file")
    if job_file is not None:
        if committee is not None:
            raise ConfigError(
                "--write-job writes the job of one training: give `molgun train --committee` in a script of your own."
            )
        prepare(config, file.resolve().parent)  # what is wrong with the frames is said now, not when the job starts
        text = job_script(
            config,
            file=file,
            output=output,
            scheduler=scheduler,
            overrides=overrides or (),
            options=job_options or (),
        )
        write_job(job_file, text, scheduler)
        return

    base, console = file.resolve().parent, progress_console()
    if committee is not None:
        records = train_committee(config, committee, output, base=base, console=console, finish=finish)
        if as_json:
            print_json({"members": [record.model_dump(mode="json") for record in records]})
            return
        for member, record in enumerate(records):
            answers().print(f"{output / member_name(member)}", markup=False)
            _print_record(record, output / member_name(member))
        return
    record = train(config, output, base=base, console=console, finish=finish)
    if as_json:
        draw_training(record, output)
        print_json(record.model_dump(mode="json"))
        return
    _print_record(record, output)


def _print_record(record: "TrainingRecord", output: Path) -> None:
    figure = draw_training(record, output)
    answers().print(f"Labels: {record.level_of_theory}; read from {record.training.data.labels}", markup=False)
    for errors in record.errors:
        _print_errors(errors)
    if (kept := record.kept_of_foundation) is not None:
        answers().print(
            f"Left of the foundation model (cosine of the weights): readouts {kept.readouts:.3f}, others "
            f"{kept.others:.3f}",
            markup=False,
        )
    for remark in record.remarks:
        answers().print(f"Note: {remark}.", markup=False)
    answers().print(
        f"Model: {output / 'model.model'}, losses: {figure.png}. Next: molgun export {output} --output MODEL_FOLDER",
        markup=False,
    )


def _print_errors(errors: "ErrorReport") -> None:
    energy, forces = errors.energy_ev_per_atom, errors.forces_ev_per_angstrom
    out = answers()
    out.print(
        f"{errors.name}: energy MAE {1000 * energy.mae:.2f} meV/atom ({energy.n} frames), force MAE "
        f"{1000 * forces.mae:.1f} meV/Å, RMSE {1000 * forces.rmse:.1f} meV/Å",
        markup=False,
    )
    for element, of in errors.forces_by_element.items():
        out.print(f"  {element}: force MAE {1000 * of.mae:.1f} meV/Å", markup=False)
