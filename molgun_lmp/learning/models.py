"""Stages `train`, `export` and `test`: the members, the folder of the first, its errors and what they are warned by."""

from pathlib import Path
from typing import Any

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.config.loading import dump_yaml
from molgun_lmp.learning.firing import Made, open_members
from molgun_lmp.learning.inputs import Loop
from molgun_lmp.learning.jobs import train_by_jobs
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.session import Session, run_molgun
from molgun_lmp.learning.training_files import frame_files, frames_by_set, training_file
from molgun_lmp.models.card import CARD_NAME, read_card
from molgun_lmp.models.predict import predict_mace
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.descriptors.calibration import CALIBRATION_NAME
from molgun_lmp.training.descriptors.error_line import FEWEST_FRAMES, FEWEST_TRAJECTORIES
from molgun_lmp.training.descriptors.force_spread import SPREAD_CALIBRATION_NAME
from molgun_lmp.training.descriptors.held_out import calibrate_committee, write_calibrations
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.export.export import DEFAULT_FORMATS, export_run
from molgun_lmp.training.run_folder import RunFolder, read_record
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.committee import member_name
from molgun_lmp.training.trainer.train import train


def train_members(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """Train all members on all frames so far; a finished one is not trained again, an unfinished one goes on."""
    read, count = frame_files(loop, here.number), loop.config.committee.members
    here.path.mkdir(parents=True, exist_ok=True)
    members: dict[Path, tuple[TrainingConfig, RunFolder]] = {}
    for member in range(count):
        config = training_file(loop, here, member)
        file = here.path / f"{member_name(member)}.yaml"
        replace_file(file, dump_yaml(config).encode())
        members[file] = config, RunFolder(path=here.train / member_name(member))
    words, job = loop.config.launch.train, loop.config.jobs.train
    if job is not None:
        train_by_jobs(loop, here, members, job, session)
    for member, (file, (config, run)) in enumerate(members.items()):
        if job is None:
            session.say(f"round {here.number}: training member {member + 1} of {count}")
        if words and not run.record.is_file():
            run_molgun(words, ["train", str(file), "--output", str(run.path)])
        else:
            train(config, run.path, base=here.path, console=session.console)
    made = [run for _, run in members.values()]
    records = [read_record(run.path) for run in made]
    found = {
        "trained_on": records[0].training.data.frames["train"],
        "best_epochs": [record.training.best_epoch for record in records],
        "validation": [record.best.forces_mae_ev_per_angstrom for record in records],
    }
    return read, [run.model for run in made], found


def export_first(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """Export the member that is trained on everything; what a killed export left is whole or not there."""
    run = here.train / member_name(0)
    if not (here.model / CARD_NAME).is_file():
        session.say(f"round {here.number}: exporting")
        formats = loop.config.formats or DEFAULT_FORMATS
        export_run(run, here.model, formats=tuple(dict.fromkeys((*formats, "mace"))))
    card = read_card(here.model)
    files = [here.model / entry.name for entry in card.files]
    return [RunFolder(path=run).model], [here.model / CARD_NAME, *files], {"not_exported": card.not_exported}


def test_first(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """The first member's error on the test frames, and distance and spread calibrated on all that are held out."""
    record = read_record(here.train / member_name(0))
    test = next((one for one in record.errors if one.name == "test"), None)
    sets = frames_by_set(loop, here.number)
    trained = sets.pop("train")
    known = {frame.trajectory for frame in trained}
    held_out = [frame for frames in sets.values() for frame in frames if frame.trajectory not in known]
    found: dict[str, Any] = {"test": None if test is None else test.model_dump(mode="json"), "calibration": ""}
    trajectories = len({frame.trajectory for frame in held_out})
    if len(held_out) < FEWEST_FRAMES or trajectories < FEWEST_TRAJECTORIES:
        found["calibration"] = (
            f"none: {len(held_out)} frames of {trajectories} trajectories are held out, and {FEWEST_FRAMES} of "
            f"{FEWEST_TRAJECTORIES} are needed"
        )
        return frame_files(loop, here.number), [], found
    folders = [here.model, *(here.train / member_name(k) for k in range(1, loop.config.committee.members))]
    members = open_members(folders)
    first = members[0]
    answers = predict_mace(
        first.model, held_out, head=first.head, batch_size=loop.config.batch_size, device=loop.device
    )
    errors = ModelComparison.of("held out", held_out, answers).largest_force_error
    with session.counting("calibrating", len(held_out)) as advance:
        calibrations = calibrate_committee(
            members,
            trained=trained,
            held_out=held_out,
            errors=errors,
            files={file.name: sha256_file(file) for file in frame_files(loop, here.number)},
            batch_size=loop.config.batch_size,
            device=loop.device,
            advance=advance,
        )
    write_calibrations(calibrations, here.model / CALIBRATION_NAME)
    distance, spread = calibrations.distance, calibrations.spread
    found |= {
        "calibration": f"on {len(held_out)} frames of {trajectories} trajectories",
        "distance_slope": distance.slope,
        "distance_rank_correlation": distance.rank_correlation,
        "distance_bound_factor": distance.bound_factor,
    }
    made = [here.model / CALIBRATION_NAME]
    if spread is not None:
        made.append(here.model / SPREAD_CALIBRATION_NAME)
        found |= {
            "spread_slope": spread.slope,
            "spread_rank_correlation": spread.rank_correlation,
            "spread_bound_factor": spread.bound_factor,
        }
    return frame_files(loop, here.number), made, found
