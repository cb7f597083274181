"""`molgun learn`: the rounds, one stage after the other, each once."""

from collections.abc import Callable, Mapping
from typing import Final

from molgun_lmp.atomic_files import write_json
from molgun_lmp.learning.firing import Made, choose_frames, fire
from molgun_lmp.learning.inputs import Loop
from molgun_lmp.learning.labels import check_before, label_frames
from molgun_lmp.learning.loop_folder import RoundFolder, only_loop, same_loop, stage_clock
from molgun_lmp.learning.models import export_first, test_first, train_members
from molgun_lmp.learning.records import FIRST, STAGES, LoopReport, RoundSummary, Stage, StageRecord
from molgun_lmp.learning.session import Session
from molgun_lmp.learning.summary import is_reached, labels_given, labels_left, summarise, why_over

_STAGES: Final[Mapping[Stage, Callable[[Loop, RoundFolder, Session], Made]]] = {
    "fire": fire,
    "label": label_frames,
    "check": check_before,
    "train": train_members,
    "export": export_first,
    "test": test_first,
}
"""All but `choose`, which needs to know how many labels are left."""


def learn(loop: Loop, session: Session) -> LoopReport:
    """Run rounds until the wanted error is reached or the budget is spent; what is complete is not done again.

    Raises what the stages raise, `ConfigError` for a folder with another loop, `TrainingError` where another command is
    at work in it or its files were changed, `InterruptedRunError` after Ctrl-C or SIGTERM; the same command goes on.
    """
    with only_loop(loop.folder):
        sha256 = same_loop(loop.folder, loop.config, loop.files())
        loop.write_data()
        rounds: list[RoundSummary] = []
        if not loop.start:
            rounds.append(_round(loop, 0, FIRST, rounds, sha256, session))
        while (why := why_over(rounds, loop.config)) is None or _is_begun(loop, rounds):
            number = 1 + sum(one.round > 0 for one in rounds)
            rounds.append(_round(loop, number, STAGES, rounds, sha256, session))
            report(loop, rounds, "a round is complete, and the next begins")
        return report(loop, rounds, why)


def _is_begun(loop: Loop, rounds: list[RoundSummary]) -> bool:
    """Whether the next round was begun in an earlier session, under a larger budget: it is not left half done."""
    if is_reached(rounds, loop.config):
        return False
    return loop.round(1 + sum(one.round > 0 for one in rounds)).record("fire") is not None


def _round(  # noqa: PLR0917
    loop: Loop,
    number: int,
    stages: tuple[Stage, ...],
    before: list[RoundSummary],
    sha256: str,
    session: Session,
) -> RoundSummary:
    here = loop.round(number)
    here.path.mkdir(parents=True, exist_ok=True)
    for stage in stages:
        if stage == "label" and not here.complete("choose").found["frames"]:
            break
        if stage == "train" and is_reached([*before, summarise(here)], loop.config):
            break
        done = here.record(stage)
        if done is not None:
            here.require_unchanged(done)
            continue
        session.say(f"round {number}: {stage}")
        with stage_clock() as clock:
            if stage == "choose":
                read, made, found = choose_frames(loop, here, labels_left(before, loop.config), session)
            else:
                read, made, found = _STAGES[stage](loop, here, session)
            inputs, outputs = here.hashes(read), here.hashes(made)
        here.write(
            StageRecord(
                stage=stage, round=number, loop_sha256=sha256, inputs=inputs, outputs=outputs, found=found, **clock
            )
        )
    summary = summarise(here)
    session.say(line_of(summary))
    return summary


def line_of(one: RoundSummary) -> str:
    """A round in one line for people."""
    parts = [f"round {one.round}:"]
    if one.fired is not None:
        ended = f"; ended as {one.ended()}" if one.ends else ""
        parts.append(f"{one.fired} fired ({one.broken or 0} with broken frames{ended}),")
    if one.labelled is not None:
        lost = f", {one.not_labelled} failed" if one.not_labelled else ""
        parts.append(f"{one.labelled} frames labelled{lost},")
    if one.error_before is not None:
        parts.append(f"force MAE on them before training {one.error_before.mae:.3f} eV/Å,")
    if one.test is not None:
        parts.append(f"on the test frames after it {one.test.mae:.3f} eV/Å,")
    return " ".join(parts).rstrip(",:")


def report(loop: Loop, rounds: list[RoundSummary], why: str) -> LoopReport:
    """Write `report.json` and the figure of the errors."""
    from molgun_lmp.learning.figure import draw_rounds  # noqa: PLC0415  # matplotlib

    reached = is_reached(rounds, loop.config)
    models = [one.model for one in rounds if one.model is not None]
    start = str(loop.start[0].file.parent) if loop.start else None
    found = LoopReport(
        name=loop.config.name,
        level_of_theory=loop.labelling.level_of_theory,
        rounds=tuple(rounds),
        labels=labels_given(rounds),
        hours=sum(one.hours for one in rounds),
        stopped=why,
        reached=reached,
        model=models[-1] if models else start,
    )
    write_json(found.model_dump(mode="json"), loop.folder / "report.json")
    draw_rounds(found, loop.folder, wanted=loop.config.wanted_error_ev_per_angstrom)
    return found
