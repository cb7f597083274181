"""`molgun learn`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json, progress_console
from molgun_lmp.errors import ConfigError
from molgun_lmp.learning.inputs import load_loop
from molgun_lmp.learning.loop import learn
from molgun_lmp.learning.session import Session
from molgun_lmp.learning.settings import Budget

if TYPE_CHECKING:
    from molgun_lmp.learning.records import LoopReport
    from molgun_lmp.models.error_reports import Errors


def learn_command(
    file: Annotated[Path, typer.Argument(metavar="LOOP.yaml", help="The loop file.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The loop's folder; if not given, its name, beside FILE. It goes on."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=0, help="At most so many rounds, instead of the file's.")] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(metavar="labels=N|hours=H", help="What may be spent, instead of the file's budget. Repeatable."),
    ] = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Fire, judge, choose, label, train, export and test, round by round, until the model knows what it meets.

    It stops by itself when the error on newly chosen frames, measured before they are trained on, has been below the
    wanted one in two rounds. Ctrl-C stops; the same command goes on, and nothing is fired or labelled twice.
    """
    loop = load_loop(file, [*(overrides or ()), *_asked(rounds, budget or ())], output)
    found = learn(loop, Session(console=progress_console(), counting=counting))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _print_rounds(found)
    out = answers()
    out.print(f"Stopped: {found.stopped}. {found.labels} structures were labelled in all.", markup=False)
    if found.model is not None:
        out.print(f"Model: {loop.folder / found.model}; table and figure: {loop.folder / 'rounds.csv'}", markup=False)


def _asked(rounds: int | None, budget: "list[str] | tuple[str, ...]") -> list[str]:
    """The two options as overrides of the loop file. Raises `ConfigError` for a budget of something else."""
    asked = [] if rounds is None else [f"rounds={rounds}"]
    for text in budget:
        key, _, value = text.partition("=")
        if not value.strip() or key not in Budget.model_fields:
            raise ConfigError(f"--budget {text!r}: give {' or '.join(f'{name}=N' for name in Budget.model_fields)}")
        asked.append(f"budget.{text}")
    return asked


def _print_rounds(found: "LoopReport") -> None:
    table = Table("round", "fired", "broken", "labelled", "failed", box=None)
    for column in ("MAE before / meV/Å", "trained on", "test MAE / meV/Å", "hours"):
        table.add_column(column, justify="right")
    table.add_column("ended as")
    for one in found.rounds:
        counts = (one.fired, one.broken, one.labelled, one.not_labelled)
        table.add_row(
            str(one.round),
            *("–" if number is None else str(number) for number in counts),
            _mev(one.error_before),
            "–" if one.trained_on is None else str(one.trained_on),
            _mev(one.test),
            f"{one.hours:.2f}",
            one.ended() or "–",
        )
    answers().print(table)


def _mev(errors: "Errors | None") -> str:
    return "–" if errors is None else f"{1000 * errors.mae:.1f}"
