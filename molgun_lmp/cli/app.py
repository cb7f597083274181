"""The command `molgun`, and the only place where an exception becomes an exit code."""

import sys
from contextlib import nullcontext
from typing import Annotated

import typer

import molgun_lmp
from molgun_lmp.cli import (
    analyse,
    bench,
    cluster,
    dataset,
    descriptors,
    doctor,
    equilibrate,
    evaluate,
    label,
    run,
    train,
    trust,
)
from molgun_lmp.cli.output import json_alone, log_to_stderr, progress_console
from molgun_lmp.errors import InterruptedRunError, MolgunError

app = typer.Typer(
    name="molgun",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fire molecules at a surface with LAMMPS under a MACE model, and count what becomes of them.\n\n"
    "A campaign in four commands: [bold]molgun init[/] DIR, [bold]molgun plan[/] DIR/campaign.yaml, "
    "[bold]molgun run[/] CAMPAIGN, [bold]molgun report[/] CAMPAIGN. Units are Å, ps, eV and K.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"molgun_lmp {molgun_lmp.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from, and more of the log.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version
    log_to_stderr(debug=debug)


for _family in (
    run,
    cluster,
    analyse,
    trust,
    equilibrate,
    dataset,
    train,
    evaluate,
    descriptors,
    label,
    doctor,
    bench,
):
    _family.register(app)


def main() -> None:
    """Run the command line and exit: 0 for success, the error's own code otherwise, 130 after Ctrl-C."""
    alone = json_alone() if "--json" in sys.argv[1:] else nullcontext()
    try:
        with alone:
            app(prog_name="molgun")
    except MolgunError as error:
        if "--debug" in sys.argv[1:]:
            raise
        progress_console().print(f"molgun: {error}", markup=False, style="red" if _is_error(error) else "yellow")
        sys.exit(error.exit_code)


def _is_error(error: MolgunError) -> bool:
    return not isinstance(error, InterruptedRunError)
