"""What should be known of a campaign's outcome scheme beside its molecule."""

from collections.abc import Iterable

from molgun_lmp.outcome_scheme import OutcomeScheme


def scheme_notes(scheme: OutcomeScheme, groups: Iterable[str]) -> list[str]:
    """In sentences: classes of the user's own scheme that ask for groups that the molecule has not."""
    if scheme.shipped:
        return []
    asked = {mode.label: sorted(scheme.groups_of(mode) - set(groups)) for mode in scheme.modes}
    return [
        f"WARNING: no molecule of this campaign can be {label}: the outcome scheme asks for "
        f"{' and '.join(f'group {name}' for name in missing)}, which system.molecule.groups does not name."
        for label, missing in asked.items()
        if missing
    ]
