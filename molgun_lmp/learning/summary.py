"""A round in one line, from the records of its stages, and whether the loop is over."""

from collections.abc import Sequence
from typing import Any, Final

from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.records import STAGES, RoundSummary
from molgun_lmp.learning.settings import LoopConfig
from molgun_lmp.models.error_reports import Errors

_IN_A_ROW: Final = 2
"""Rounds below the wanted error: one may be luck of the choice."""


def summarise(here: RoundFolder) -> RoundSummary:
    """What the records of a round say, as far as it has come. Raises `TrainingError` for a damaged one."""
    records = {stage: record for stage in STAGES if (record := here.record(stage)) is not None}
    line: dict[str, Any] = {
        "round": here.number,
        "hours": sum(record.seconds for record in records.values()) / 3600.0,
    }
    if "fire" in records:
        fired = records["fire"].found
        line |= {"fired": fired["fired"], "failed_trajectories": fired["failed"], "ends": fired.get("ends")}
    if "choose" in records:
        found = records["choose"].found
        spreads = [one["spread_ev_per_angstrom"] for one in found["frames"]]
        known = [spread for spread in spreads if spread is not None]
        line |= {
            "broken": sum(found["broken"].values()),
            "chosen": len(found["frames"]),
            "farthest": max((one["distance"] for one in found["frames"]), default=None),
            "largest_spread_ev_per_angstrom": max(known, default=None),
        }
    if "label" in records:
        line |= {"labelled": records["label"].found["labelled"], "not_labelled": records["label"].found["failed"]}
    if "check" in records:
        found = records["check"].found
        line |= {
            "error_before": Errors.model_validate(found["errors"]["forces_ev_per_angstrom"]),
            "spread_rank_correlation": found["spread_rank_correlation"],
            "distance_rank_correlation": found["distance_rank_correlation"],
        }
    if "train" in records:
        line["trained_on"] = records["train"].found["trained_on"]
    if "export" in records:
        line["model"] = str(here.model.relative_to(here.loop))
    if "test" in records and records["test"].found["test"] is not None:
        line["test"] = Errors.model_validate(records["test"].found["test"]["forces_ev_per_angstrom"])
    return RoundSummary(**line)


def labels_given(rounds: Sequence[RoundSummary]) -> int:
    """Structures that were given to the calculator."""
    return sum((one.labelled or 0) + (one.not_labelled or 0) for one in rounds)


def is_reached(rounds: Sequence[RoundSummary], config: LoopConfig) -> bool:
    """Whether the error on new frames has been below the wanted one in the last two rounds that measured it."""
    errors = [one.error_before.mae for one in rounds if one.error_before is not None][-_IN_A_ROW:]
    return len(errors) == _IN_A_ROW and max(errors) < config.wanted_error_ev_per_angstrom


def why_over(rounds: Sequence[RoundSummary], config: LoopConfig) -> str | None:
    """Why no further round begins after these, in words; None where one does."""
    fired = [one for one in rounds if one.round > 0]
    if is_reached(rounds, config):
        errors = " and ".join(
            f"{one.error_before.mae:.3f}" for one in fired[-_IN_A_ROW:] if one.error_before is not None
        )
        return (
            f"the error on new frames, before they were trained on, was {errors} eV/Å in the last two rounds, below "
            f"the wanted {config.wanted_error_ev_per_angstrom:g} eV/Å"
        )
    if fired and fired[-1].chosen == 0:
        return f"round {fired[-1].round} found no frame to label: all its trajectories are broken, or have no frames"
    if len(fired) >= config.rounds:
        return f"all {config.rounds} rounds are done (--rounds)"
    labels, hours = labels_given(rounds), sum(one.hours for one in rounds)
    if config.budget.labels is not None and labels >= config.budget.labels:
        return f"the budget of {config.budget.labels} labels is spent"
    if config.budget.hours is not None and hours >= config.budget.hours:
        return f"the budget of {config.budget.hours:g} hours is spent ({hours:.2f})"
    return None


def labels_left(rounds: Sequence[RoundSummary], config: LoopConfig) -> int:
    """How many frames the next round may choose."""
    if config.budget.labels is None:
        return config.choice.frames
    return min(config.choice.frames, config.budget.labels - labels_given(rounds))
