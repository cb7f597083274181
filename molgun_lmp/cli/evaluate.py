"""`molgun evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.table import Table

from molgun_lmp.cli.arguments import LostPeriodicity, Model, ZeroedForces
from molgun_lmp.cli.model_arguments import BatchSize, Device, Head, Sha256, Trust, open_committee
from molgun_lmp.cli.output import AsJson, _mev, answers, counting, print_json
from molgun_lmp.errors import ConfigError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import read_card
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.readers.sources import require_frames
from molgun_lmp.surface.partition import MoleculeChoice
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.descriptors.held_out import calibrate_committee, write_calibrations
from molgun_lmp.training.evaluation.evaluation import judge, write_judgement
from molgun_lmp.training.evaluation.predictor import open_predictor
from molgun_lmp.training.evaluation.scans import AtomPair, curves
from molgun_lmp.training.settings import FrameLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molgun_lmp.models.card import ModelCard
    from molgun_lmp.models.error_reports import Errors
    from molgun_lmp.training.descriptors.force_spread import CommitteeMember
    from molgun_lmp.training.descriptors.held_out import Calibrations
    from molgun_lmp.training.evaluation.evaluation import Judged, Judgement
    from molgun_lmp.training.evaluation.scans import ScanCurve


LevelOfTheory = Annotated[
    str | None, typer.Option(help="Of the frames' labels; if not given, that of the model's card or training.")
]


def evaluate_command(
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
    zeroed_forces: ZeroedForces = False,
    lost_periodicity: LostPeriodicity = False,
    worst: Annotated[int, typer.Option(min=1, help="How many of the worst frames to write out.")] = 20,
    scan: Annotated[
        str | None,
        typer.Option(
            metavar="I,J",
            help="Compare energies along the distance of these two atoms, counted from 0: a curve for each trajectory.",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also calibrate `molgun trust` on those FRAMES that the model's card says were not trained on, and "
            "write that here: MODEL/calibration.json is found by itself. Name all files of the training.",
        ),
    ] = None,
    committee: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MODEL",
            help="With --calibration: another member of MODEL's committee, whose spread of forces is calibrated, too, "
            "in spread-calibration.json beside FILE. Repeatable.",
        ),
    ] = None,
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
    choice = MoleculeChoice.parse(molecule) if molecule is not None else None
    pair = AtomPair.parse(scan) if scan is not None else None
    require_frames(frames)  # before a model is loaded, which takes seconds
    predictor = open_predictor(
        model, head=head, sha256=sha256, trust=trust, dtype=dtype, batch_size=batch_size, device=device
    )
    limits = FrameLimits(zeroed_forces=zeroed_forces, lost_periodicity=lost_periodicity)
    dataset = read_dataset(frames, labels=_labels(energy_key, forces_key), limits=limits)
    with counting("predicting frames", len(dataset.frames)) as advance:
        judged = judge(
            predictor, dataset, level_of_theory=level_of_theory, molecule=choice, worst=worst, advance=advance
        )
    found = curves(judged.comparison, pair) if pair is not None else {}
    if output is not None:
        write_judgement(judged, output, found)
    if calibration is not None:
        members = open_committee([model, *(committee or ())], head, sha256, trust)
        card = read_card(predictor.source.file.parent)
        write_calibrations(_calibrated(members, card, judged, batch_size=batch_size, device=device), calibration)
    if as_json:
        print_json(judged.judgement.model_dump(mode="json"))
        return
    _print_judgement(judged.judgement)
    _print_scans(found)
    if output is not None:
        answers().print(f"Report, figures and the worst frames: {output}", markup=False)


def _calibrated(
    members: "Sequence[CommitteeMember]", card: "ModelCard", judged: "Judged", *, batch_size: int, device: str
) -> "Calibrations":
    if card.training is None:
        raise ConfigError(f"the card of {card.name} does not say what it was trained on: nothing is known as held out")
    frames, errors = judged.comparison.frames, judged.comparison.largest_force_error
    known = set(card.training.data.trajectories.get("train", ()))
    held_out = [frame for frame in frames if frame.trajectory not in known]
    with counting("describing held-out frames", len(held_out)) as advance:
        return calibrate_committee(
            members,
            trained=[frame for frame in frames if frame.trajectory in known],
            held_out=held_out,
            errors=errors[np.array([frame.trajectory not in known for frame in frames])],
            files=judged.judgement.files,
            batch_size=batch_size,
            device=device,
            advance=advance,
        )


def _labels(energy_key: str | None, forces_key: str | None) -> Labels | None:
    if energy_key is None and forces_key is None:
        return None
    if energy_key is None or forces_key is None:
        raise ConfigError("--energy-key and --forces-key go together: name both keys of the labels")
    return Labels(energy=energy_key, forces=forces_key)


def _print_judgement(judgement: "Judgement") -> None:
    errors, out = judgement.errors, answers()
    model = judgement.model
    out.print(f"{model.name} ({model.file}, {model.format} {model.dtype}) on {errors.name}", markup=False)
    out.print(f"Labels: {judgement.labels}; read from {judgement.label_keys}", markup=False)
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
    for what, of in (("Forces", errors.forces_ev_per_angstrom), ("Energy", errors.energy_ev_per_atom)):
        unit = "meV/Å" if what == "Forces" else "meV/atom"
        if of.mae_interval is not None:
            low, high = (f"{1000 * end:.1f}" for end in of.mae_interval)
            out.print(f"{what}: MAE within {low} to {high} {unit} (95 %, over trajectories)", markup=False)
    for what, energies in (
        ("Energy of whole structures", errors.energy_ev),
        (f"Binding energy of {', '.join(errors.binding_parts)}", errors.binding_energy_ev),
    ):
        if energies is not None:
            mae, rmse = _mev(energies, 1)
            out.print(f"{what}: MAE {mae} meV, RMSE {rmse} meV", markup=False)
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


def _print_scans(found: "Mapping[str, ScanCurve]") -> None:
    if not found:
        return
    table = Table("scan", "bond", "longest / Å", "energy there / eV: label", "model", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for trajectory, curve in found.items():
        label, model = curve.depth_ev
        table.add_row(
            trajectory, "-".join(curve.atoms), f"{curve.distance_angstrom[-1]:.2f}", f"{label:.2f}", f"{model:.2f}"
        )
    answers().print(table)
