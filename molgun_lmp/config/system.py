"""Section `system`: the slab, the molecule, and how their snapshot pools are equilibrated."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from ase.data import atomic_numbers
from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from molgun_lmp.config.section import Section
from molgun_lmp.isotopes import ISOTOPES


class StructureFile(Section):
    """A structure that ASE can read."""

    kind: Literal["file"] = "file"
    path: Path
    """Relative to the campaign file."""


class Si001Start(Section):
    """A buckled Si(001) slab with its lower side saturated by hydrogen."""

    kind: Literal["si001"]
    size: tuple[PositiveInt, PositiveInt] = (4, 4)
    """Surface unit cells along and across the dimer rows' two axes; both even."""
    layers: Annotated[int, Field(ge=4)] = 6
    lattice_constant_angstrom: PositiveFloat = 5.469
    reconstruction: Literal["p(2x2)", "c(4x2)"] = "c(4x2)"


SurfaceKind = Literal[
    "fcc100", "fcc110", "fcc111", "bcc100", "bcc110", "bcc111", "hcp0001", "diamond100", "diamond111", "graphene"
]


class SurfaceStart(Section):
    """A plain surface of one element as ASE's builders cut it from the crystal (https://ase-lib.org, ase.build)."""

    kind: SurfaceKind
    element: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")] = "C"
    size: tuple[PositiveInt, PositiveInt] = (4, 4)
    """Surface unit cells along the two in-plane vectors."""
    layers: PositiveInt = 5
    """Of `graphene` there is one."""
    lattice_constant_angstrom: PositiveFloat | None = None
    """ASE's, an experimental one, where it is not given: take the potential's or the model's own."""
    c_angstrom: PositiveFloat | None = None
    """The second lattice constant of `hcp0001`."""


class NamedStart(Section):
    """An atom by its chemical symbol, or one of the small molecules that ASE knows (`ase.collections.g2`)."""

    kind: Literal["named"]
    name: str
    """Such as Ar, H2, CO, CH4, CH3OH."""


class SmilesStart(Section):
    """A molecule from a SMILES string (needs the `smiles` extra, RDKit)."""

    kind: Literal["smiles"]
    smiles: str
    isomer: str | None = None
    """Which of the isomers that the string leaves open: its isomeric SMILES string, or `any` for the lowest of all."""
    conformers: Annotated[int, Field(ge=1, le=1000)] = 30
    """How many are made and relaxed with MMFF94; the lowest is taken."""
    seed: Annotated[int, Field(ge=0)] = 0


class Slab(Section):
    """The clean surface. Its frozen atoms are the same in equilibration and dynamics."""

    pool: Path
    """Snapshots with velocities (extxyz, VASP or LAMMPS files); `molgun equilibrate` writes this file."""
    start: Annotated[Si001Start | SurfaceStart | StructureFile, Field(discriminator="kind")] | None = None
    """What `molgun equilibrate` starts from."""
    frozen_layers: Annotated[int, Field(ge=0)] = 1
    """Lowest layers that never move, with everything below them (the saturating hydrogen). With none the slab's centre
    of mass starts at rest."""
    adsorbates: tuple[tuple[NonNegativeInt, ...], ...] = ()
    """Molecules that stand on the slab in every snapshot of the pool, their atoms behind the slab's own: of each,
    which of the molecule's atoms it has, such as [[0, 1], [0, 1]] for two whole CO. `molgun covered` makes such a pool
    of a dosing campaign."""

    @field_validator("adsorbates")
    @classmethod
    def _each_atom_once(cls, value: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        for atoms in value:
            if not atoms or list(atoms) != sorted(set(atoms)):
                raise ValueError(
                    f"{list(atoms)} is no adsorbate: name the molecule's atoms that it has, from 0, each once, in order"
                )
        return value


class HarmonicStates(Section):
    """Quasi-classical states: each normal mode of the model's own Hessian, at its minimum, has a quantised energy and a
    random phase; rotation is classical, with a temperature of its own."""

    kind: Literal["harmonic"]
    snapshots: PositiveInt = 200
    vibrational_temperature_k: Annotated[float, Field(ge=0)] = 0.0
    """Quanta are drawn from Boltzmann's distribution; with 0 all modes have their zero-point energy."""
    rotational_temperature_k: Annotated[float, Field(ge=0)] = 0.0


class DiatomicStates(Section):
    """One state (v, J) of a diatomic, by semiclassical quantisation on the model's own curve, at random phases."""

    kind: Literal["diatomic"]
    snapshots: PositiveInt = 200
    v: Annotated[int, Field(ge=0)] = 0
    j: Annotated[int, Field(ge=0)] = 0


def _as_key(key: Any) -> Any:
    """An index as YAML reads it, as the text that JSON has."""
    return str(key) if isinstance(key, int) and not isinstance(key, bool) else key


class Molecule(Section):
    """The molecule that is fired."""

    pool: Path
    """Snapshots with velocities; `molgun equilibrate` writes this file."""
    start: Annotated[StructureFile | SmilesStart | NamedStart, Field(discriminator="kind")] | None = None
    """What `molgun equilibrate` starts from."""
    states: Annotated[HarmonicStates | DiatomicStates, Field(discriminator="kind")] | None = None
    """How `molgun equilibrate` makes the pool instead of by Langevin runs, such as {kind: harmonic,
    rotational_temperature_k: 10} or {kind: diatomic, v: 1, j: 2}."""
    groups: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Reactive groups: name -> the two carbon atoms of its triple bond (0-based indices within the molecule).
    The names CY and ET stand for the reference paper's cyclooctyne and ethynyl groups."""
    patterns: dict[str, str] = Field(default_factory=dict)
    """Reactive groups by what is bonded to what instead, such as {CY: "[CX2;R][CX2;R]", ET: "[CX2;R0][CX2;H1]"}:
    a part of SMARTS without bond orders. `molgun plan` makes them `groups`."""

    isotopes: dict[Annotated[str, BeforeValidator(_as_key)], str | PositiveFloat] = Field(default_factory=dict)
    """Of which isotopes it is: an element, or an atom by its index (from 0), -> an isotope (D, T, 13C, 18O, ...) or a
    mass in u, such as {H: D} or {0: 13C, 4: 2.0141}. An atom's own entry comes before its element's. The model is asked
    by element. A pool is of the isotopes that are fired: equilibrate with them."""

    @field_validator("isotopes")
    @classmethod
    def _known_isotopes(cls, value: dict[str, str | float]) -> dict[str, str | float]:
        for key, isotope in value.items():
            if not key.isdecimal() and not atomic_numbers.get(key, 0):
                raise ValueError(f"{key!r} is neither a chemical symbol nor the index of an atom")
            if isinstance(isotope, str) and isotope not in ISOTOPES:
                raise ValueError(
                    f"no isotope {isotope!r} is known by name: give its mass in u, or one of {', '.join(ISOTOPES)}"
                )
        return value

    @model_validator(mode="after")
    def _each_group_once(self) -> Self:
        both = sorted(self.groups.keys() & self.patterns.keys())
        if both:
            raise ValueError(f"{', '.join(both)} stands under groups and under patterns")
        return self


class Equilibration(Section):
    """How `molgun equilibrate` makes a pool: independent Langevin runs under the campaign's model."""

    temperature_k: PositiveFloat = 300.0
    runs: PositiveInt = 4
    duration_ps: PositiveFloat = 40.0
    burn_in_ps: Annotated[float, Field(ge=0)] = 10.0
    """Dropped from the start of every run."""
    snapshot_every_ps: PositiveFloat = 1.0
    timestep_fs: PositiveFloat = 0.5
    damping_ps: PositiveFloat = 0.2
    """Relaxation time of the Langevin thermostat."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.burn_in_ps + self.snapshot_every_ps > self.duration_ps:
            raise ValueError(
                f"no snapshot is left: burn_in_ps ({self.burn_in_ps:g}) + snapshot_every_ps "
                f"({self.snapshot_every_ps:g}) exceeds duration_ps ({self.duration_ps:g})"
            )
        return self


class System(Section):
    """What is fired at what."""

    slab: Slab
    molecule: Molecule
    equilibration: Equilibration = Equilibration()
    cell_height_angstrom: PositiveFloat | None = None
    """L_z; computed where not given, refused where too low for the gun's height and as far as molecule and slab feel
    each other (the model's cutoff, or the reach of `model.dispersion`)."""
