"""`molgun doctor`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.engine.doctor import Finding, examine
from molgun_lmp.engine.doctor_lammps import CampaignNeeds, lammps_findings, target_findings
from molgun_lmp.engine.lammps_build import ask_lammps
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.names import INPUT_NAME
from molgun_lmp.models.card import read_card

_MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]note[/]", "missing": "[red]missing[/]"}


def doctor_command(
    campaign: Annotated[
        Path | None,
        typer.Argument(metavar="[CAMPAIGN]", help="With --lmp: whose model, precision and decks are to run there."),
    ] = None,
    lmp: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Ask this `lmp` instead: what it has, and which targets it can run."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine has (LAMMPS, MPI, compiler, torch, GPU) and which engines can run here."""
    if campaign is not None and lmp is None:
        raise ConfigError(f"{campaign}: a campaign is held against one LAMMPS: name that by --lmp PATH.")
    findings = examine() if lmp is None else _of_lammps(lmp, campaign)
    if as_json:
        print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
        return
    table = Table("", "what", "found", "what follows", box=None)
    for finding in findings:
        table.add_row(_MARKS[finding.status], finding.name, finding.found, finding.follows)
    answers().print(table)


def _of_lammps(program: str, campaign: Path | None) -> list[Finding]:
    held = None if campaign is None else _held_against(Store.open(campaign))
    build = ask_lammps(program)
    return [*lammps_findings(program, build), *target_findings(build, held)]


def _held_against(store: Store) -> CampaignNeeds:
    engine = store.manifest.engine
    deck = campaign_work(store).folders[0].path / INPUT_NAME
    return CampaignNeeds(
        card=read_card(store.model),
        dtype=engine.dtype,
        elements=engine.elements,
        dispersion=engine.dispersion,
        deck=deck.read_text(encoding="utf-8"),
        include=(store.root / ENGINE_NAME).read_text(encoding="utf-8"),
        multistep=engine.multistep is not None,
    )
