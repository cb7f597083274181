"""Has the model ever seen two molecules, where a campaign lets them meet?"""

import collections
from collections.abc import Mapping

from molgun_lmp.gun.setup import Setup
from molgun_lmp.models.card import ModelCard


def company_notes(setup: Setup, card: ModelCard) -> list[str]:
    """In a sentence, where no frame that the model was trained on holds the atoms of two molecules; none elsewhere.

    Atoms of elements that the slab has, too, tell nothing, and neither does a card that counts none.
    """
    known = {} if card.training is None else card.training.data.most_atoms
    if not known:
        return []
    short = {element: count for element, count in _of_two_molecules(setup).items() if known.get(element, 0) < count}
    if not short:
        return []
    least = ", ".join(f"{known.get(element, 0)} {element}" for element in short)
    wanted = ", ".join(f"{count} {element}" for element, count in short.items())
    return [
        f"WARNING: no frame that {card.name} was trained on has more than {least}, and two molecules that meet have "
        f"{wanted}: what one does to the other it was not told, and it may bind them where the reference method keeps "
        "them apart. Label pairs of them and train on these first (docs/dosing.md)."
    ]


def _of_two_molecules(setup: Setup) -> Mapping[str, int]:
    """Atoms of the newcomer and of the smallest that it can meet, by element, without the slab's own elements."""
    molecule, standing = setup.molecule.symbols, setup.campaign.system.slab.adsorbates
    others = [[molecule[atom] for atom in atoms] for atoms in standing]
    own = set(setup.slab.symbols[: len(setup.slab.symbols) - sum(map(len, others))])
    if setup.campaign.dose is not None and setup.campaign.dose.molecules > 1:
        others.append(list(molecule))
    if not others:
        return {}
    both = collections.Counter((*molecule, *min(others, key=len)))
    return {element: count for element, count in both.items() if element not in own}
