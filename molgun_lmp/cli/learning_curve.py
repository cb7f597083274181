"""`molgun learning-curve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from molgun_lmp.cli.output import AsJson, Overrides, answers, print_json, progress_console
from molgun_lmp.config.loading import load_section
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.learning_curve.run import draw_curve, plan_curve, run_curve
from molgun_lmp.training.settings import TrainingConfig

if TYPE_CHECKING:
    from molgun_lmp.training.learning_curve.power_law import PowerLaw
    from molgun_lmp.training.learning_curve.records import LearningCurve
    from molgun_lmp.training.learning_curve.trainings import Kind
from molgun_lmp.cli.output import _mev


def learning_curve_command(
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
    config = load_section(file, TrainingConfig, overrides or (), what="a training file")
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
    labels = planned.prepared.dataset.labels
    progress_console().print(f"Labels are read from {labels.energy}, {labels.forces}", markup=False)
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
        for what, unit, law in (
            ("force", "meV/Å", fits.forces_mae_ev_per_angstrom),
            ("energy", "meV/atom", fits.energy_mae_ev_per_atom),
        ):
            if law is not None:
                out.print(
                    f"{kind}: {what} MAE goes as N^{-law.exponent:.3f} (standard error {law.exponent_error:.3f})"
                    f"{_floor(law, unit)}",
                    markup=False,
                )
    level = next(iter(curve.design.trainings.values())).level_of_theory
    out.print(f"Labels: {level}", markup=False)


def _floor(law: "PowerLaw", unit: str) -> str:
    """What a law with a floor says."""
    if law.floor is None:
        return ""
    value, high = (1000.0 * number for number in (law.floor.value, law.floor.high))
    return (
        f"; with a floor it goes to {value:.3g} {unit} as N^{-law.floor.exponent:.3f} (no floor: p {law.floor.p:.2g}; "
        f"at most {high:.3g} {unit})"
    )
