"""`molgun trust`."""

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.model_arguments import (
    BatchSize,
    Device,
    Head,
    Sha256,
    TrainedOn,
    Trust,
    open_committee,
    training_files,
    training_set,
)
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.models.card import read_card
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.trust import Judge, judge_campaign, require_campaigns_model, training_part
from molgun_lmp.training.descriptors.atom_distances import MOST_FRAMES, AtomSpaces
from molgun_lmp.training.descriptors.calibration import CALIBRATION_NAME, read_calibration
from molgun_lmp.training.descriptors.error_line import FEWEST_FRAMES, FEWEST_TRAJECTORIES
from molgun_lmp.training.descriptors.force_spread import read_spread_calibration
from molgun_lmp.training.evaluation.predictor import find_model


def trust_command(
    campaign: CampaignFolder,
    *,
    model: Annotated[
        Path, typer.Option(help="The campaign's model with mace's own file: its folder, or that of its training.")
    ],
    training: TrainedOn = None,
    committee: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Another model, whose forces are compared. Repeatable."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th stored frame.")] = 10,
    worst: Annotated[int, typer.Option(min=0, help="How many of the farthest frames to write out for labelling.")] = 20,
    batch_size: BatchSize = 8,
    device: Device = "cpu",
    head: Head = None,
    sha256: Sha256 = None,
    trust_model: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Say how far each trajectory went from what its model was trained on, and write out the farthest frames.

    A model with a calibration (`molgun evaluate --calibration`) says how wrong the forces are to be expected there;
    with --training, or without one, distances are compared with those of the training set alone. `molgun report` shows
    it beside the outcomes from then on.
    """
    store = Store.open(campaign)
    source = find_model(model)
    calibrated = not training and (source.file.parent / CALIBRATION_NAME).is_file()
    trained_on = [] if calibrated else training_files(model, training, instead=_or_calibrate(model))
    members = open_committee([model, *(committee or ())], head, sha256, trust_model)
    first = members[0]
    require_campaigns_model(store, dataclasses.replace(source, sha256=first.sha256))
    card = read_card(store.model)
    calibration = read_calibration(source.file.parent, first.sha256) if calibrated else None
    if calibration is not None:
        spaces, files = calibration.atom_spaces(), tuple(calibration.files)
    else:
        structures, files = training_part(card, training_set(trained_on)), tuple(map(str, training or [model]))
        with counting("describing the training set", min(len(structures), MOST_FRAMES)) as advance:
            spaces = AtomSpaces.fit(
                first.model, structures, head=first.head, batch_size=batch_size, device=device, advance=advance
            )
    analysis = analyse(store)
    judge = Judge(
        members=members,
        spaces=spaces,
        training_files=files,
        calibration=calibration,
        spread_calibration=read_spread_calibration(source.file.parent, [one.sha256 for one in members]),
        batch_size=batch_size,
        device=device,
    )
    with counting("judging trajectories", len(analysis.ended)) as advance:
        found = judge_campaign(store, analysis, judge, every=every, worst=worst, advance=advance)
    if as_json:
        print_json(found.to_json())
        return

    table = Table("trajectory", "mode", "farthest", "at / ps", "atom", "beyond / %", "error / eV/Å", box=None)
    for column in ("spread / eV/Å", "error there / eV/Å") if committee else ():
        table.add_column(column)
    modes = {one.folder.id: one.outcome.mode.label for one in analysis.ended}
    for one in sorted(found.trajectories, key=lambda one: -one.farthest)[:20]:
        numbers = (f"{one.farthest:.2f}", f"{one.time_ps:.2f}", f"{one.element} {one.atom}", f"{100 * one.beyond:.0f}")
        errors = [_number(one.expected_error_ev_per_angstrom)]
        if committee:
            errors += [_number(one.disagreement_ev_per_angstrom), _number(one.disputed_error_ev_per_angstrom)]
        table.add_row(one.trajectory_id, modes[one.trajectory_id], *numbers, *errors)
    out = answers()
    out.print(table)
    out.print(found.sentence(), markup=False)
    unnamed = (
        []
        if training is None or card.training is None
        else sorted(card.training.data.files.keys() - {file.name for file in training})
    )
    if unnamed:
        out.print(
            f"The model was trained on {', '.join(unnamed)}, too: from all of it, distances are smaller.", markup=False
        )
    out.print(f"Numbers, and the farthest frames for labelling: {store.analysis}", markup=False)


def _or_calibrate(model: Path) -> str:
    folder = model if model.is_dir() else model.parent
    file = folder / CALIBRATION_NAME
    return (
        f" Or let it have a {CALIBRATION_NAME}, which it lacks: `molgun evaluate {shlex.quote(str(model))} FRAMES "
        f"--calibration {shlex.quote(str(file))}`, where {FEWEST_FRAMES} of the FRAMES, of {FEWEST_TRAJECTORIES} "
        "trajectories, were not trained on."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"
