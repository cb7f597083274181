"""Do the first and the second half of the shots say the same? The test of convergence beside the bands.

All shots of a campaign are drawn alike, so two halves of them differ by chance alone, and a difference beyond that says
that something changed between them. That there is none says how far the table can still move: by what the test would
not have seen. The halves share snapshots, which moves them together: it rejects too seldom rather than too often.
"""

from collections.abc import Sequence
from typing import Final

from molgun_lmp.analysis.statistics.comparison import Comparison, compare
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome

FEWEST_SHOTS: Final = 20
_LEVEL: Final = 0.05


def halves(scheme: OutcomeScheme, outcomes: Sequence[Outcome]) -> Comparison | None:
    """The second half of the shots held against the first, in the order given; None for fewer than `FEWEST_SHOTS`.

    The shots must be a complete prefix of the campaign, as for `running`.
    """
    if len(outcomes) < FEWEST_SHOTS:
        return None
    middle = len(outcomes) // 2
    return compare(scheme, [("first half", outcomes[:middle]), ("second half", outcomes[middle:])])


def halves_sentence(found: Comparison | None) -> str:
    """The test in plain words; empty where there is none."""
    if found is None:
        return ""
    tested = [one for one in found.differences if one.difference is not None and one.p is not None]
    if not tested:
        return ""
    first, second = (summary.shots for summary in found.summaries)
    begin = f"Convergence: between the first {first} and the last {second} shots"
    apart = [one for one in tested if one.p_holm is not None and one.p_holm < _LEVEL]
    if apart:
        named = ", ".join(f"{one.row} ({100 * (one.difference or 0.0):+.1f} %, p {one.p_holm:.2g})" for one in apart)
        return (
            f"{begin} there are differences beyond chance: {named}, p by Holm over {len(tested)} lines. All shots are "
            "drawn alike: was something changed between them?"
        )
    seen = max((one.interval[1] - one.interval[0]) / 2 for one in tested)
    least = min(one.p for one in tested if one.p is not None)
    return (
        f"{begin} no line differs beyond chance (smallest p {least:.2g} of {len(tested)} lines); differences of "
        f"{100 * seen:.0f} % could have gone unseen."
    )
