"""What a summary says, in plain words."""

from collections.abc import Mapping

from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.analysis.statistics.stopping import stopping_sentence
from molgun_lmp.analysis.statistics.summary import Summary, bounds_text
from molgun_lmp.outcome_classes import Kind


def noise_sentences(summary: Summary) -> list[str]:
    """What is to be said of trajectories that went on from a checkpoint under random forces."""
    found = summary.noise_resumed
    said = {
        "fresh": "went on from a checkpoint under random forces: each is as good as the undisturbed one, and another.",
        "repeated": "went on from a checkpoint with the noise of the start again, as decks of earlier versions do, "
        "which heats: plan such shots anew.",
    }
    return [f"{shots_text(found[kind])} {text}" for kind, text in said.items() if kind in found]


def shots_text(number: int) -> str:
    """`1 shot` or `2 shots`."""
    return f"{number} {'shot' if number == 1 else 'shots'}"


def grid_sentence(points: int) -> str:
    """What a table over all shots of a campaign means that fires a grid; empty for one of a single point."""
    if points == 1:
        return ""
    return (
        f"The campaign fires a grid of {points} energies and angles: what is said over all shots is a mean over these "
        "points and no sticking coefficient of any of them; those are in grid.csv."
    )


def left_out_sentence(left_out: Mapping[str, str]) -> str:
    """How many shots ended and are not in the table, and why the first of them is not; empty for none."""
    if not left_out:
        return ""
    number, first = len(left_out), min(left_out)
    others = "" if number == 1 else f" (and {number - 1} more)"
    return (
        f"{shots_text(number)} ended on a cluster and could not be collected: left out of every table, which may "
        f"bias it. {first}{others}: {left_out[first]}"
    )


def unseen_sentence(summary: Summary) -> str:
    """The classes that no shot ended in, with the bound that holds for each of them, without a full stop; empty where
    every class was seen or there are no shots."""
    unseen = [one for one in summary.modes if not one.estimate.seen]
    if not unseen or not summary.shots:
        return ""
    most = max(one.estimate.cluster[1] for one in unseen)
    below = f", each below {100 * most:.0f} % ({100 * summary.confidence:g} %)" if most < 1.0 else ""
    return f"No shot ended as {', '.join(one.mode for one in unseen)}{below}"


def sticking_sentence(summary: Summary) -> str:
    """The answer in plain words."""
    if summary.shots == 0:
        return "No trajectory was analysed: there is nothing to say about sticking yet."
    stuck, level = summary.stuck, f"{100 * summary.confidence:g} % interval"
    of_kind = summary.of_kind
    unclear = [f"{n} {mode!s}" for kind in (Kind.UNDECIDED, Kind.FAILED) for mode, n in of_kind(kind) if n]
    if sum(n for _, n in of_kind(Kind.FAILED)) == summary.shots:
        return f"All {summary.shots} trajectories failed: nothing can be said about sticking."
    verb = "is" if _number(stuck) == "1" else "are"
    text = (
        f"{_number(stuck)} of {shots_text(summary.shots)} {verb} bound to the surface at the end: "
        f"{100 * (stuck.fraction or 0.0):.1f} % ({level} over snapshots: {bounds_text(stuck.cluster)})"
    )
    intact, damaged = summary.bound_intact, summary.bound_damaged
    text += f", {_number(intact)} of them intact and {_number(damaged)} damaged." if damaged.seen else "."
    if 0 < summary.contact < summary.shots:
        of = summary.stuck_of_contact
        text += (
            f" Of the {of.shots} that came into contact, {_number(of)} are: {100 * (of.fraction or 0.0):.1f} % "
            f"({bounds_text(of.cluster)})."
        )
    elif summary.contact == 0:
        text += " None came into contact with the surface."
    if unclear:
        text += f" {' and '.join(unclear)} are in the denominator and count as not bound."
    rule = "" if summary.stopping is None else stopping_sentence(summary.stopping, summary.shots)
    return " ".join(filter(None, (text, _coefficient_sentence(summary), rule)))


def _number(estimate: Estimate) -> str:
    """The count; where an audit of settled shots corrects it, what it comes to."""
    return f"about {max(0.0, estimate.hits):.0f}" if estimate.corrected else str(estimate.count)


def _coefficient_sentence(summary: Summary) -> str:
    """The sticking coefficient as the bracket that the trajectories leave; empty where none came into contact, or where
    it would be that of no energy."""
    low, high = summary.stuck_of_contact, summary.trapped_of_contact
    if low.fraction is None or high.fraction is None or summary.grid_points > 1:
        return ""
    bounds = bounds_text((low.cluster[0], high.cluster[1]))
    if not summary.open_of_contact:
        return f"Sticking coefficient: {100 * low.fraction:.1f} % ({bounds})."
    between = ", ".join(f"{count} {mode!s}" for mode, count in summary.open_of_contact.items())
    return (
        f"Sticking coefficient: between {100 * low.fraction:.1f} % (bound) and {100 * high.fraction:.1f} % (not "
        f"scattered) of those in contact ({bounds} with the intervals of both); between the two: {between}."
    )
