"""The shipped scheme of the reference paper, and its classes by names that Python can say."""

from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.classify import Classified, classify
from molgun_lmp.analysis.outcomes.facts import Facts
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.surface.clean_surface import Surface

SCHEME = load_scheme("weiske2026")
CLASSES = SCHEME.modes
(
    EXPLOSION, CC_BROKEN, H_ABSTRACTION, SL_DB, SL, DB, OT_CY, BR_CY, OT_ET, BR_ET, PC, OTHER,
    IN_FLIGHT, SCATTERED, PHYSISORBED, UNDECIDED, FAILED,
) = CLASSES  # fmt: skip


def classified(
    bonds: Bonds,
    molecule: MoleculeReference,
    surface: Surface,
    max_fragments: int,
    scheme: OutcomeScheme = SCHEME,
) -> Classified:
    """The class of one structure, by the paper's scheme or another one."""
    return classify(
        Facts(
            bonds=bonds,
            molecule=molecule,
            surface=surface,
            slab_symbols=("Si",) * len(surface.layer),
            numbers={"max_fragments": max_fragments},
            slab_state=SlabState.of(surface, OutcomeCriteria()),
        ),
        scheme,
    )
