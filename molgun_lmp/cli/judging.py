"""Commands that say how good a model is: evaluate, learning-curve."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from molgun_lmp.cli.models import BatchSize, Device, Head, Sha256, Trust
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json, progress_console
from molgun_lmp.errors import ConfigError
from molgun_lmp.model_formats import Dtype

if TYPE_CHECKING:
    from molgun_lmp.training.curve_records import LearningCurve
    from molgun_lmp.training.curve_trainings import Kind
    from molgun_lmp.training.judgement import Judgement
    from molgun_lmp.training.results import Errors
    from molgun_lmp.training.settings import Labels

_PANEL = "Models"

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A .model file, a deployed file, a model folder, or a finished training's folder."
    ),
]
LevelOfTheory = Annotated[
    str | None, typer.Option(help="Of the frames' labels; if not given, that of the model's card or training.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    app.command(rich_help_panel=_PANEL)(evaluate)
    app.command("learning-curve", rich_help_panel=_PANEL)(learning_curve)


def evaluate(
    model: Model,
    frames: Annotated[list[Path], typer.Argument(metavar="FRAMES...", help="Files of labelled frames.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder for the report, figures, their numbers, and the worst frames."),
    ] = None,
    molecule: Annotated[
        str | None,
        typer.Option(
            help="The molecule's atoms, as indices from 0 (128-153) or as a formula (C12H14); if not given, what no "
            "bonds connect to its own periodic images."
        ),
    ] = None,
    energy_key: Annotated[str | None, typer.Option(help="Key of the energy, where frames hold several.")] = None,
    forces_key: Annotated[str | None, typer.Option(help="Key of the forces, where frames hold several.")] = None,
    worst: Annotated[int, typer.Option(min=1, help="How many of the worst frames to write out.")] = 20,
    level_of_theory: LevelOfTheory = None,
    dtype: Annotated[Dtype | None, typer.Option(help="Precision; if not given, the file's own.")] = None,
    batch_size: BatchSize = 8,
    device: Device = "cpu",
    head: Head = None,
    sha256: Sha256 = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Give a model's errors on labelled frames: by element, molecule and surface, and trajectory, with figures."""
    from molgun_lmp.training.dataset import read_dataset  # noqa: PLC0415
    from molgun_lmp.training.groups import MoleculeChoice  # noqa: PLC0415
    from molgun_lmp.training.judgement import judge, write_judgement  # noqa: PLC0415
    from molgun_lmp.training.predictor import open_predictor  # noqa: PLC0415

    choice = MoleculeChoice.parse(molecule) if molecule is not None else None
    predictor = open_predictor(
        model, head=head, sha256=sha256, trust=trust, dtype=dtype, batch_size=batch_size, device=device
    )
    dataset = read_dataset(frames, labels=_labels(energy_key, forces_key))
    with counting("predicting frames", len(dataset.frames)) as advance:
        judged = judge(
            predictor, dataset, level_of_theory=level_of_theory, molecule=choice, worst=worst, advance=advance
        )
    if output is not None:
        write_judgement(judged, output)
    if as_json:
        print_json(judged.judgement.model_dump(mode="json"))
        return
    _print_judgement(judged.judgement)
    if output is not None:
        answers().print(f"Report, figures and the worst frames: {output}", markup=False)


def learning_curve(
    file: Annotated[Path, typer.Argument(metavar="TRAIN.yaml", help="The training file, with a test set.")],
    sizes: Annotated[str, typer.Option(help="Numbers of training frames, such as 25,50,100,200.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The curve's folder; what is trained there is kept.")],
    *,
    repeats: Annotated[int, typer.Option(min=1, help="Trainings of each size, with other subsets and seeds.")] = 1,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Train models of the foundation's shape from random weights.")
    ] = False,
    both: Annotated[bool, typer.Option("--both", help="Fine-tune, and train from scratch besides.")] = False,
    by: Annotated[
        Literal["random", "trajectory"],
        typer.Option(help="Subsets of random frames, or of one trajectory after the other."),
    ] = "random",
    hold: Annotated[
        Literal["steps", "epochs"],
        typer.Option(help="What all sizes have in common. With epochs, small sets get few steps and look worse."),
    ] = "steps",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Optimiser steps of each training; if not given, those of FILE on the largest size."),
    ] = None,
    overrides: Overrides = None,
    scratch_overrides: Annotated[
        list[str] | None,
        typer.Option("--scratch-set", metavar="KEY=VALUE", help="Override a value from scratch only. Repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the trainings, and train nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train on growing subsets of the frames and fit how the test error falls. Ctrl-C stops; the same command goes on.

    All sizes take the same number of optimiser steps, so that they cost the same and differ in data alone.
    """
    from molgun_lmp.config.loading import load_section  # noqa: PLC0415
    from molgun_lmp.training.learning_curve import draw_curve, plan_curve, run_curve  # noqa: PLC0415
    from molgun_lmp.training.settings import TrainingConfig  # noqa: PLC0415

    config = load_section(file, TrainingConfig, overrides or ())
    is_tuned = config.foundation is not None and not from_scratch
    kinds: list[Kind] = ["fine-tuned", "from scratch"] if both else ["fine-tuned" if is_tuned else "from scratch"]
    planned = plan_curve(
        config,
        output,
        base=file.resolve().parent,
        sizes=_sizes(sizes),
        repeats=repeats,
        kinds=kinds,
        subsets_by=by,
        hold=hold,
        steps=steps,
        scratch_overrides=scratch_overrides or (),
    )
    if dry_run:
        names = [training.name for training in planned.trainings]
        if as_json:
            print_json({"steps": planned.design.steps, "trainings": names})
        else:
            answers().print("\n".join(names), markup=False)
        return
    curve = run_curve(planned, console=progress_console())
    draw_curve(output)
    if as_json:
        print_json(curve.model_dump(mode="json"))
    else:
        _print_curve(curve)
        answers().print(f"Figure and numbers: {output}", markup=False)


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--sizes {text!r}: expected numbers with commas between them, such as 25,50,100") from error


def _print_curve(curve: "LearningCurve") -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table("", "frames", "repeat", "steps", "test forces MAE", "RMSE / meV/Å", "energy MAE", "RMSE / meV/atom")
    table.box = None
    for column in table.columns[1:]:
        column.justify = "right"
    for point in curve.points:
        table.add_row(
            *(point.kind, str(point.size), str(point.repeat), str(point.steps)),
            *_mev(point.test.forces_ev_per_angstrom, 1),
            *_mev(point.test.energy_ev_per_atom, 2),
        )
    out = answers()
    out.print(table)
    for kind, fits in curve.fits.items():
        for what, law in (("force", fits.forces_mae_ev_per_angstrom), ("energy", fits.energy_mae_ev_per_atom)):
            if law is not None:
                out.print(
                    f"{kind}: {what} MAE goes as N^{-law.exponent:.3f} (standard error {law.exponent_error:.3f})",
                    markup=False,
                )
    level = next(iter(curve.design.trainings.values())).level_of_theory
    out.print(f"Labels: {level}", markup=False)


def _labels(energy_key: str | None, forces_key: str | None) -> "Labels | None":
    from molgun_lmp.training.settings import Labels  # noqa: PLC0415

    if energy_key is None and forces_key is None:
        return None
    if energy_key is None or forces_key is None:
        raise ConfigError("--energy-key and --forces-key go together: name both keys of the labels")
    return Labels(energy=energy_key, forces=forces_key)


def _print_judgement(judgement: "Judgement") -> None:
    from rich.table import Table  # noqa: PLC0415

    errors, out = judgement.errors, answers()
    model = judgement.model
    out.print(f"{model.name} ({model.file}, {model.format} {model.dtype}) on {errors.name}", markup=False)
    out.print(f"Labels: {judgement.labels}", markup=False)
    table = Table("", "", "forces MAE", "RMSE / meV/Å", "energy MAE", "RMSE / meV/atom", "frames", box=None)
    for column in table.columns[2:]:
        column.justify = "right"

    def row(kind: str, name: str, forces: "Errors", energy: "Errors | None" = None) -> None:
        energies = ("", "", "") if energy is None else (*_mev(energy, 2), str(energy.n))
        table.add_row(kind, name, *_mev(forces, 1), *energies)

    row("all", "", errors.forces_ev_per_angstrom, errors.energy_ev_per_atom)
    for element, of in errors.forces_by_element.items():
        row("element", element, of)
    for group, of in errors.forces_by_group.items():
        row("group", group, of)
    for kind, parts in (("file", errors.by_file), ("trajectory", errors.by_trajectory)):
        for name, part in parts.items():
            row(kind, name, part.forces_ev_per_angstrom, part.energy_ev_per_atom)
    out.print(table)
    if errors.energy_ev is not None:
        mae, rmse = _mev(errors.energy_ev, 1)
        out.print(f"Energy of whole structures: MAE {mae} meV, RMSE {rmse} meV", markup=False)
    for reason, count in judgement.dropped.items():
        out.print(f"Not used: {count} frames, {reason}", markup=False)
    for formula, why in judgement.groups_undecided.items():
        out.print(f"No groups for {formula}: {why}", markup=False)
    for one in judgement.worst[:1]:
        out.print(
            f"Worst atom: {one.worst_element} {one.worst_atom} of {one.source} ({one.trajectory}), its force is off by "
            f"{1000 * one.largest_force_error_ev_per_angstrom:.0f} meV/Å",
            markup=False,
        )


def _mev(errors: "Errors", digits: int) -> tuple[str, str]:
    return f"{1000 * errors.mae:.{digits}f}", f"{1000 * errors.rmse:.{digits}f}"
