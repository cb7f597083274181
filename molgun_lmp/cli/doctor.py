"""`molgun doctor`."""

import dataclasses
from typing import Final

from rich.table import Table

from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.engine.doctor import examine

_MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]note[/]", "missing": "[red]missing[/]"}


def doctor_command(as_json: AsJson = False) -> None:
    """Say what this machine has (LAMMPS, MPI, compiler, torch, GPU) and which engines can run here."""
    findings = examine()
    if as_json:
        print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
        return
    table = Table("", "what", "found", "what follows", box=None)
    for finding in findings:
        table.add_row(_MARKS[finding.status], finding.name, finding.found, finding.follows)
    answers().print(table)
