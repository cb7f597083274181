"""The command `molgun`, and the only place where an exception becomes an exit code.

A command lies in the module of its name and is loaded when it is called: `molgun status` does not wait for what
`molgun train` needs.
"""

import ast
import importlib
import os
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

import molgun_lmp
from molgun_lmp.cli.output import json_alone, log_to_stderr, progress_console
from molgun_lmp.errors import FileAccessError, InterruptedRunError, MolgunError

if TYPE_CHECKING:
    from importlib.abc import InspectLoader
    from importlib.machinery import ModuleSpec

COMMANDS: Final = {
    "A campaign": ("init", "plan", "run", "status", "retry", "cluster", "collect", "equilibrate", "covered"),
    "Results": ("analyse", "report", "compare", "members", "sensitivity", "map", "trust", "replay"),
    "Models": (
        *("dataset", "train", "export", "evaluate", "learning-curve", "descriptors"),
        *("label", "learn", "distill"),
    ),
    "Help": ("doctor", "schema", "schemes", "bench"),
}
"""The panels of `molgun --help` and their commands. A new command is its module and its name here."""
_NOBODY_READS: Final = 1
"""As rich and click have it for their own writing."""
_PANELS: Final = {name: panel for panel, names in COMMANDS.items() for name in names}


def _function_name(command: str) -> str:
    return f"{command.replace('-', '_')}_command"


def _module_name(command: str) -> str:
    return f"molgun_lmp.cli.{command.replace('-', '_')}"


def _loaded(command: str) -> TyperCommand:
    """The command itself, with its arguments."""
    function = getattr(importlib.import_module(_module_name(command)), _function_name(command))
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(command, rich_help_panel=_PANELS[command])(function)
    return cast("TyperCommand", typer.main.get_command(alone))


def _listed(command: str) -> TyperCommand:
    """A command as the list of all shows it: its docstring is read from the source, and nothing is loaded."""
    spec = find_spec(_module_name(command))
    source = cast("InspectLoader", cast("ModuleSpec", spec).loader).get_source(_module_name(command))
    function = next(
        node
        for node in ast.parse(source or "").body
        if isinstance(node, ast.FunctionDef) and node.name == _function_name(command)
    )
    return TyperCommand(
        command,
        help=ast.get_docstring(function),
        rich_help_panel=_PANELS[command],
        rich_markup_mode="rich",
    )


class _LazyCommands(TyperGroup):
    """The group `molgun`: it knows its commands by name and loads the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(_PANELS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        del ctx
        return _listed(cmd_name) if cmd_name in _PANELS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in _PANELS:  # for the words of typer, which say what was nearly meant
            self.commands = {name: _listed(name) for name in _PANELS}
        name, command, rest = super().resolve_command(ctx, args)
        return name, (_loaded(name) if name in _PANELS else command), rest


app = typer.Typer(
    name="molgun",
    cls=_LazyCommands,
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


def main() -> None:
    """Run the command line and exit: 0 for success, the error's own code otherwise, 130 after Ctrl-C.

    What the system refuses (`OSError`) is an error like any other: no traceback for a folder that cannot be written.
    """
    alone = json_alone() if "--json" in sys.argv[1:] else nullcontext()
    try:
        with alone:
            app(prog_name="molgun")
    except BrokenPipeError:  # `| head` has seen enough; what is left in the buffers has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_NOBODY_READS)
    except (MolgunError, OSError) as error:
        if "--debug" in sys.argv[1:]:
            raise
        said = error if isinstance(error, MolgunError) else _file_error(error)
        progress_console().print(f"molgun: {said}", markup=False, style="red" if _is_error(said) else "yellow")
        sys.exit(said.exit_code)


def _file_error(error: OSError) -> FileAccessError:
    """What the system refused, where no command has words of its own for it."""
    where = "" if error.filename is None else f"{error.filename}: "
    return FileAccessError(
        f"{where}{error.strerror or error}. Name another path, or see to rights and room there, and give the same "
        "command again; `molgun --debug ...` shows where it came from."
    )


def _is_error(error: MolgunError) -> bool:
    return not isinstance(error, InterruptedRunError)
