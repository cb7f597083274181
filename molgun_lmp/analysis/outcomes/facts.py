"""What one structure says of a molecule, as far as conditions ask for it; each fact is worked out when it is asked."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.end_state import EndState
from molgun_lmp.analysis.outcomes.group_bonds import GroupBonds, group_bonds
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference, binding
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import BoolArray
from molgun_lmp.outcome_words import AtomSite, GroupState
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import SHORT, atom_site, pieces_of, site_between


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """One structure: its bonds, the intact molecule and the clean surface that they are judged against.

    `slab_symbols`: m chemical symbols; `numbers`: those that conditions may name
    (`molgun_lmp.condition_values.NAMED_NUMBERS`). Hydrogen binds to the slab only where it has left every heavier
    atom of the molecule: a C-H bond pressed against the surface is no bond to it.
    """

    bonds: Bonds
    molecule: MoleculeReference
    surface: Surface
    slab_symbols: tuple[str, ...]
    numbers: Mapping[str, float]
    slab_state: SlabState

    @functools.cached_property
    def state(self) -> EndState:
        """The molecule's pieces and where each is, and what became of the slab's atoms."""
        return EndState.of(self.bonds, self.molecule, self.slab_state, loose=self.loose)

    @functools.cached_property
    def loose(self) -> BoolArray:
        """(m,) bool: the slab atoms that the slab holds no more."""
        if self.bonds.slab is None:
            return np.zeros(len(self.slab_symbols), dtype=np.bool_)
        loose: BoolArray = self.slab_state.loose(self.bonds.slab[None])[0]
        return loose

    @functools.cached_property
    def to_surface(self) -> BoolArray:
        """(n, m) bool: the bonds that hold the molecule to the slab, none of them to an atom that the slab has lost."""
        holding: BoolArray = binding(self.bonds, self.molecule) & ~self.loose
        return holding

    @functools.cached_property
    def bound(self) -> bool:
        """Whether there is any."""
        return bool(self.to_surface.any())

    @functools.cached_property
    def near(self) -> BoolArray:
        """(n, m) those that are not much longer than the shortest one of the same atom: they say where it is.

        Limits that suit a bond about to break reach the second-nearest atoms of a close-packed metal, too.
        """
        shortest = np.where(self.to_surface, self.bonds.surface_lengths, np.inf).min(axis=1, keepdims=True)
        short: BoolArray = self.to_surface & (self.bonds.surface_lengths <= SHORT * shortest)
        return short

    @functools.cached_property
    def groups(self) -> Mapping[str, GroupBonds]:
        """How each group of the molecule is bound, by its name."""
        return {
            name: group_bonds(name, pair, self.to_surface, self.surface, near=self.near)
            for name, pair in self.molecule.groups.items()
        }

    @functools.cached_property
    def bound_groups(self) -> tuple[GroupBonds, ...]:
        """Those that are."""
        return tuple(group for group in self.groups.values() if group.state is not GroupState.FREE)

    @functools.cached_property
    def broken(self) -> tuple[tuple[int, int], ...]:
        """Bonds of the intact molecule that are no more, by their atoms."""
        return _pairs(self.molecule.bonded & ~self.bonds.molecule)

    @functools.cached_property
    def formed(self) -> tuple[tuple[int, int], ...]:
        """Bonds within the molecule that the intact one had not."""
        return _pairs(self.bonds.molecule & ~self.molecule.bonded)

    @functools.cached_property
    def pieces(self) -> tuple[BoolArray, ...]:
        """The pieces that the molecule is in, each (n,) True for its atoms."""
        return tuple(pieces_of(self.bonds.molecule))

    @functools.cached_property
    def free_fragments(self) -> int:
        """How many of them nothing binds to the slab."""
        return sum(not self.to_surface[piece].any() for piece in self.pieces)

    @functools.cached_property
    def layer(self) -> int | None:
        """The deepest layer that the molecule is bound to, 1 the top one, 0 hydrogen of the slab; None unbound."""
        return 1 + int(self.surface.layer[self.to_surface.any(axis=0)].max()) if self.bound else None

    @functools.cached_property
    def group_layer(self) -> int | None:
        """The same of its groups alone."""
        layers = [int(self.surface.layer[p]) for group in self.bound_groups for atom in group.partners for p in atom]
        return 1 + max(layers) if layers else None

    @functools.cached_property
    def site(self) -> AtomSite | None:
        """Where the slab atoms lie that the molecule is bound to, all of them together."""
        return atom_site(self.surface, np.flatnonzero(self.near.any(axis=0)).tolist()) if self.bound else None

    @functools.cached_property
    def finer_site(self) -> AtomSite | None:
        """The same, told by the layers: which hollow it is."""
        if not self.bound:
            return None
        site = site_between(self.surface, np.flatnonzero(self.near.any(axis=0)).tolist()).kind
        return site if isinstance(site, AtomSite) else self.site

    @property
    def where(self) -> str:
        """In words: the layer, and without dimers the site, and the layer where that is not the top one."""
        layer = self.layer
        if layer is None or self.site is None:
            return "not bound"
        if len(self.surface.dimers):
            return layer_name(layer if self.group_layer is None else self.group_layer)
        return self.site.value if layer == 1 else f"{self.site.value}, {layer_name(layer)}"

    @property
    def each_group(self) -> str:
        """In words: every bound group and its site."""
        return ", ".join(g.name if g.site is None else f"{g.name} {g.site}" for g in self.bound_groups)

    @property
    def how_bound(self) -> str:
        """In words: how the groups are bound, or by which atoms where none is."""
        if not self.bound_groups:
            atoms = np.flatnonzero(self.to_surface.any(axis=1))
            by = "bound by " + ", ".join(f"{self.molecule.symbols[atom]}{atom}" for atom in atoms)
            return by if len(self.surface.dimers) else f"{by}, {self.where}"
        if len(self.bound_groups) == 1:
            (group,) = self.bound_groups
            return f"{group.name} {_state(group)}"
        states = {group.state for group in self.bound_groups}
        if states == {GroupState.REACTED}:
            return self.each_group
        return "both dative" if states == {GroupState.DATIVE} else " + ".join(sorted(states, reverse=True))

    @property
    def reason(self) -> str:
        """One clause with the numbers: what is broken, and every bond to the slab."""
        if not self.broken:
            return self._binding_reason
        symbols, lengths = self.molecule.symbols, self.bonds.lengths
        listed = ", ".join(f"{symbols[a]}{a}-{symbols[b]}{b} ({lengths[a, b]:.2f} Å)" for a, b in self.broken)
        return (
            f"broken: {listed}; the molecule is in {len(self.pieces)} piece(s), {self.free_fragments} of them free; "
            f"{self._binding_reason}"
        )

    @property
    def _binding_reason(self) -> str:
        if not self.bound:
            return "no bond to the slab"
        lengths = ", ".join(
            f"{self.molecule.symbols[atom]}{atom} to slab atom {partner} "
            f"({self.bonds.surface_lengths[atom, partner]:.2f} Å, "
            f"{layer_name(1 + int(self.surface.layer[partner]))})"
            for atom, partner in np.argwhere(self.to_surface)
        )
        states = "; ".join(f"{group.name} {_state(group)}" for group in self.groups.values())
        return f"{states + ': ' if states else ''}{lengths}"


def layer_name(layer: int) -> str:
    """`layer 1` is the top one; 0 is hydrogen of the slab."""
    return "hydrogen of the slab" if layer < 1 else f"layer {layer}"


def _pairs(bonded: BoolArray) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in np.argwhere(np.triu(bonded)))


def _state(group: GroupBonds) -> str:
    if group.site is None:
        return group.state.value
    if group.state is GroupState.UNCLEAR:  # the site is that of the short bonds, which may be fewer
        return f"bound by one atom, {group.site.value}"
    return f"{group.state.value} {group.site.value}"
