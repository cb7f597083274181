"""Stages `label` and `check`: reference forces for chosen frames, and how wrong the model was before it had them."""

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.atomic_files import replace_file
from molgun_lmp.config.loading import dump_yaml
from molgun_lmp.geometry import geometry_digest
from molgun_lmp.learning.firing import Made, open_members
from molgun_lmp.learning.inputs import Loop
from molgun_lmp.learning.jobs import label_by_jobs
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.records import StageRecord
from molgun_lmp.learning.session import Session, run_molgun
from molgun_lmp.learning.settings import HeldOutShares
from molgun_lmp.learning.training_files import models_fired, read_frames
from molgun_lmp.models.predict import predict_mace
from molgun_lmp.provenance import sha256_text
from molgun_lmp.surface.partition import group_atoms
from molgun_lmp.training.dataset.given_sets import write_given
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.descriptors.error_line import rank_correlation
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.evaluation.errors import error_report
from molgun_lmp.training.labelling.label import gather, label, read_structures
from molgun_lmp.training.settings import AS_THEY_ARE


def label_frames(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """Label what was chosen, and decide of each trajectory whether it is trained on, validates, or tests.

    A structure that the calculator fails on has no label and is counted. Raises what `label` raises.
    """
    structures = read_structures([here.chosen])
    words, job = loop.config.launch.label, loop.config.jobs.label
    if words or job is not None:
        file = here.path / "label.yaml"
        replace_file(file, dump_yaml(loop.labelling).encode())
        if job is not None:
            label_by_jobs(loop, here, file, job, session)
        else:
            run_molgun(words, ["label", str(file), str(here.chosen), "--output", str(loop.labels)])
        report = gather(loop.labelling, structures, loop.labels)
    else:
        with session.counting("labelling", len(structures)) as advance:
            report = label(loop.labelling, structures, loop.labels, advance)
    frames = read_dataset([report.file], limits=AS_THEY_ARE).frames
    sets = by_set(frames, loop.config.held_out, loop.config.seed)
    write_given(here.new, sets)
    found = {
        "labelled": len(frames),
        "failed": len(structures) - len(frames),
        "why": report.failed,
        "sets": {name: len(some) for name, some in sets.items()},
    }
    return [here.chosen], [here.new], found


def by_set(frames: tuple[LabelledFrame, ...], held_out: HeldOutShares, seed: int) -> dict[str, list[LabelledFrame]]:
    """Frames by the set that their whole trajectory is drawn for; where none would be trained on, all are."""
    sets: dict[str, list[LabelledFrame]] = {"train": []}
    for frame in frames:
        share = int(sha256_text(f"{seed} {frame.trajectory}"), 16) / 2**256
        name = (
            "test"
            if share < held_out.test
            else "validation"
            if share < held_out.test + held_out.validation
            else "train"
        )
        sets.setdefault(name, []).append(frame)
    return sets if sets["train"] else {"train": list(frames)}


def check_before(loop: Loop, here: RoundFolder, session: Session) -> Made:
    """The error of the model that was fired on the new frames, which it was not trained on, and what warned of it."""
    chosen, labelled = here.complete("choose"), here.complete("label")
    (first,) = open_members(models_fired(loop, here.number)[:1])
    frames = read_frames(loop, [here.new])
    with session.counting("predicting new frames", len(frames)) as advance:
        answers = []
        for answer in predict_mace(
            first.model, frames, head=first.head, batch_size=loop.config.batch_size, device=loop.device
        ):
            answers.append(answer)
            advance(len(answers))
    comparison = ModelComparison.of("new frames", frames, answers)
    found = {
        "errors": error_report("new frames", comparison, group_atoms(frames)).model_dump(mode="json"),
        "dropped": labelled.found["labelled"] - len(frames),
        "largest_force_error_ev_per_angstrom": comparison.largest_force_error.tolist(),
        **_warnings(frames, comparison.largest_force_error, chosen),
    }
    return [here.new], [], found


def _warnings(frames: tuple[LabelledFrame, ...], errors: FloatArray, chosen: StageRecord) -> dict[str, float | None]:
    """Rank correlations of the true errors with what was known before: distance, and spread where there is one."""
    known = {one["key"]: one for one in chosen.found["frames"]}
    rows = [known[geometry_digest(frame).hex()] for frame in frames]
    found: dict[str, float | None] = {}
    for name, key in (("distance", "distance"), ("spread", "spread_ev_per_angstrom")):
        values = [row[key] for row in rows if row[key] is not None]
        complete = len(values) == len(errors) > 2
        found[f"{name}_rank_correlation"] = rank_correlation(np.array(values), errors) if complete else None
    return found
