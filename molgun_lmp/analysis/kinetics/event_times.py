"""The moments of each trajectory on one line: contact, precursor, bonds, breakages, and the energy given away."""

import dataclasses
from collections.abc import Mapping

from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moments:
    """When what happened to one molecule, in ps after the first frame; None where it never did."""

    trajectory_id: str
    mode: Mode
    first_contact_ps: float | None
    precursor_ps: float | None
    """Its first precursor began."""
    precursor_ended_ps: float | None
    """That precursor became something else; None where it lasted until the trajectory ended."""
    precursor_became: Mode | None
    first_touch_ps: float | None
    """The first frame with a bond to the surface, however short that lasted."""
    first_bond_ps: float | None
    """The first bound mode that lasted began."""
    final_bond_ps: float | None
    """The mode in which it was stuck at the end began."""
    began_ps: Mapping[str, float | None]
    """Column of the scheme's `moment_columns` -> its class began. What began with or after one that stands before it in
    the scheme, such as hydrogen lost after a broken skeleton, is no moment of its own: it is in the reason of that."""
    translation_before_ev: float
    """Kinetic energy of the centre of mass as fired."""
    translation_after_ev: float | None
    """Kinetic energy of the centre of mass at the end of the trajectory; None where it is not known."""

    @property
    def transferred_ev(self) -> float | None:
        """Translation that the impact took: it went into the slab and into turning and shaking the molecule."""
        if self.translation_after_ev is None or self.first_contact_ps is None:
            return None
        return self.translation_before_ev - self.translation_after_ev


def moments(
    scheme: OutcomeScheme, outcome: Outcome, *, translation_before_ev: float, translation_after_ev: float | None
) -> Moments:
    """The moments of one outcome."""
    began = {mode.row.moment: time for time, mode in reversed(outcome.events)}
    lasting = outcome.lasting
    at = next((k for k, (_, mode) in enumerate(lasting) if mode.row.precursor), None)
    following = None if at is None or at + 1 == len(lasting) else lasting[at + 1]
    return Moments(
        trajectory_id=outcome.trajectory_id,
        mode=outcome.mode,
        first_contact_ps=outcome.first_contact_ps,
        precursor_ps=None if at is None else lasting[at][0],
        precursor_ended_ps=None if following is None else following[0],
        precursor_became=None if following is None else following[1],
        first_touch_ps=outcome.first_touch_ps,
        first_bond_ps=outcome.first_bond_ps,
        final_bond_ps=outcome.events[-1][0] if outcome.stuck and outcome.events else None,
        began_ps={column: began.get(column) for column in scheme.moment_columns},
        translation_before_ev=translation_before_ev,
        translation_after_ev=translation_after_ev,
    )
