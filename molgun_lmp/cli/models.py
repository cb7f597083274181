"""Commands that make models: train, export."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.cli.output import AsJson, Overrides, answers, print_json, progress_console
from molgun_lmp.model_formats import EXPORTED_FILES, MODEL_FORMATS

if TYPE_CHECKING:
    from molgun_lmp.training.card import ModelCard
    from molgun_lmp.training.results import ErrorReport

_PANEL = "Models"
_WRITTEN = [name for name, file in EXPORTED_FILES.items() if MODEL_FORMATS[file.format].by_default]
_ON_REQUEST = [name for name in EXPORTED_FILES if name not in _WRITTEN]

Trust = Annotated[
    bool, typer.Option("--trust-model", help="Load a model file that nothing vouches for: it can run code of its own.")
]
Sha256 = Annotated[str | None, typer.Option("--sha256", help="The SHA-256 that the model file must have.")]
Head = Annotated[str | None, typer.Option(help="Which head of a model with several.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Structures at a time.")]
Device = Annotated[str, typer.Option(help="Where a .model file computes: cpu, cuda, ...")]
TrainedOn = Annotated[
    list[Path] | None,
    typer.Option(
        "--training", help="What MODEL was trained on; if not given, that of MODEL's training folder. Repeatable."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (train, export):
        app.command(rich_help_panel=_PANEL)(command)


def train(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The training file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The training's folder; an unfinished one goes on.")],
    *,
    job_file: Annotated[
        Path | None,
        typer.Option(
            "--write-job",
            "--write-slurm",
            metavar="FILE",
            help="Write a job script for this training and do nothing else.",
        ),
    ] = None,
    scheduler: Annotated[Scheduler, typer.Option(help="Whose job script to write.")] = "slurm",
    job_options: Annotated[
        list[str] | None,
        typer.Option(
            "--job-option",
            "--sbatch",
            metavar="NAME=VALUE",
            help="An #SBATCH or #PBS line of it, such as time=24:00:00 or l=walltime=24:00:00. Repeatable.",
        ),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Train no more: make the model of the best epoch so far.")
    ] = False,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train a MACE on labelled frames with mace's own trainer. Ctrl-C stops; the same command goes on."""
    from molgun_lmp.config.loading import load_section  # noqa: PLC0415
    from molgun_lmp.training.settings import TrainingConfig  # noqa: PLC0415

    config = load_section(file, TrainingConfig, overrides or ())
    if job_file is not None:
        from molgun_lmp.training.slurm import job_script  # noqa: PLC0415

        text = job_script(
            config,
            file=file,
            output=output,
            scheduler=scheduler,
            overrides=overrides or (),
            options=job_options or (),
        )
        _write_new(job_file, text)
        answers().print(f"Wrote {job_file}. Submit it with: {BATCH_SYSTEMS[scheduler].submit} {job_file}", markup=False)
        return
    from molgun_lmp.training.finetune import train as run_training  # noqa: PLC0415
    from molgun_lmp.training.training_figure import draw_training  # noqa: PLC0415

    record = run_training(config, output, base=file.resolve().parent, console=progress_console(), finish=finish)
    figure = draw_training(record, output)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
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


def _write_new(file: Path, text: str) -> None:
    from molgun_lmp.errors import ConfigError  # noqa: PLC0415

    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{file} exists already. Name another file, or remove it.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}. Name a file in an existing folder.") from error


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder of `molgun train`, or a .model file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to make.")],
    *,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help=f"{', '.join([*_WRITTEN, *_ON_REQUEST][:-1])} or {_ON_REQUEST[-1]}; if not given, all but "
            f"{' and '.join(_ON_REQUEST)}. Repeatable.",
        ),
    ] = None,
    frames: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled frames on which the files must agree with mace (for a .model file). Repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name on its card (for a .model file).")] = None,
    level_of_theory: Annotated[
        str | None, typer.Option(help="Of the labels that a .model file was trained on, such as 'PBE-D3(BJ), VASP'.")
    ] = None,
    head: Head = None,
    sha256: Sha256 = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Turn a trained model into the files that LAMMPS runs, each proven against mace, with a model card."""
    from molgun_lmp.errors import ModelError  # noqa: PLC0415
    from molgun_lmp.training.dataset import read_dataset  # noqa: PLC0415
    from molgun_lmp.training.export import DEFAULT_FORMATS, Provenance, export_run  # noqa: PLC0415
    from molgun_lmp.training.export import export as export_file  # noqa: PLC0415
    from molgun_lmp.training.settings import Licences  # noqa: PLC0415

    chosen: Sequence[str] = formats or DEFAULT_FORMATS
    if model.is_dir():
        card = export_run(model, output, formats=chosen)
    elif not frames or level_of_theory is None:
        raise ModelError(
            f"{model} is a single file: give --frames FILE (labelled frames to prove the exported files on) and "
            "--level-of-theory, which nothing else tells. A folder of `molgun train` needs neither."
        )
    else:
        card = export_file(
            model,
            output,
            frames=read_dataset(frames).frames[:12],
            provenance=Provenance(
                name=name or model.stem,
                level_of_theory=level_of_theory,
                e0s_kind="of the given model",
                training=None,
                errors=(),
                licences=Licences(),
            ),
            formats=chosen,
            head=head,
            sha256=sha256,
            trust=trust,
        )
    if as_json:
        print_json(card.model_dump(mode="json"))
    else:
        _print_card(card, output)


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


def _print_card(card: "ModelCard", folder: Path) -> None:
    out = answers()
    out.print(f"{folder}: model {card.name}, {', '.join(card.elements)}, labels {card.level_of_theory}", markup=False)
    for parity in card.parity:
        virial = "" if parity.virial_ev_per_atom is None else f", virial {parity.virial_ev_per_atom:.1e} eV/atom"
        out.print(
            f"  {parity.format} {parity.dtype}{' in LAMMPS' if parity.run_by == 'lammps' else ''}: largest difference "
            f"from mace on {parity.frames} frames {parity.energy_ev_per_atom:.1e} eV/atom, "
            f"{parity.force_ev_per_angstrom:.1e} eV/Å{virial}",
            markup=False,
        )
    for name, why in card.not_exported.items():
        out.print(f"  no {name}: {why}", markup=False)
    for name, why in card.not_run_in_lammps.items():
        out.print(f"  {name} was not run in LAMMPS here: {why}", markup=False)
