"""The words that outcomes are described in: where a molecule is bound and how its groups are."""

from enum import StrEnum


class SurfaceSite(StrEnum):
    """Where two slab atoms lie, the more specific first."""

    ON_TOP = "on-top"
    """The two atoms of one dimer."""
    BRIDGE = "bridge"
    """Atoms of two neighbouring dimers of one row, same side."""
    DIAGONAL = "diagonal"
    """Atoms of two neighbouring dimers of one row, opposite sides."""
    ALONG_ROW = "along the row"
    """Dimers of one row that are not neighbours."""
    ACROSS_ROWS = "across rows"
    """Dimers of two rows."""
    NO_DIMER = "outside dimers"
    """At least one atom is in no dimer."""


class AtomSite(StrEnum):
    """Where something is bound, by the slab atoms around it, whether dimers are among them or not."""

    ON_TOP = "on top of one atom"
    BRIDGE = "between two atoms"
    """Two atoms next to each other: a bridge."""
    HOLLOW = "hollow"
    """Three atoms or more, each next to another."""
    HOLLOW_FCC = "hollow fcc"
    """A hollow of three atoms of a close-packed layer, with no atom of the next layer beneath."""
    HOLLOW_HCP = "hollow hcp"
    """The same, with an atom of the next layer beneath."""
    HOLLOW_FOURFOLD = "fourfold hollow"
    APART = "atoms apart"
    """Atoms that are not all next to another of them."""


class GroupState(StrEnum):
    """How a group is bound."""

    FREE = "free"
    DATIVE = "dative"
    """All its bonds go to one slab atom."""
    REACTED = "reacted"
    """Its two atoms bind two different slab atoms."""
    UNCLEAR = "bound by one atom to several"
    """One atom of the group binds two slab atoms, the other none."""


class Place(StrEnum):
    """Where a piece is."""

    ON = "on the surface"
    """Bound to the slab."""
    BELOW = "below the surface"
    """An atom of it is closed in by slab atoms on all sides above."""
    FREE = "free"
    """Not bound to the slab, near it or far."""
