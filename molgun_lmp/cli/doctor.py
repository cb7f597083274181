"""Commands about this machine and this program: doctor, schema."""

import dataclasses
from typing import Final

import typer

from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.cli.schema import schema

_PANEL = "Help"
_MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]note[/]", "missing": "[red]missing[/]"}


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (doctor, schema):
        app.command(rich_help_panel=_PANEL)(command)


def doctor(as_json: AsJson = False) -> None:
    """Say what this machine has (LAMMPS, MPI, compiler, torch, GPU) and which engines can run here."""
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.engine.doctor import examine  # noqa: PLC0415

    findings = examine()
    if as_json:
        print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
        return
    table = Table("", "what", "found", "what follows", box=None)
    for finding in findings:
        table.add_row(_MARKS[finding.status], finding.name, finding.found, finding.follows)
    answers().print(table)
