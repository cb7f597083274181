"""What one frame says of any molecule at any surface, on hand-made frames of metals, silicon and oxides."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from ase import Atoms
from ase.build import add_adsorbate, diamond100, fcc100, fcc111, fcc211, molecule, surface
from ase.spacegroup import crystal

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.end_state import EndState
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_words import AtomSite, Place
from molgun_lmp.surface.clean_surface import Surface, find_surface

CRITERIA = OutcomeCriteria()


@dataclasses.dataclass(frozen=True)
class Gun:
    """A clean slab and a molecule; frames of them are judged."""

    slab: Atoms
    projectile: Atoms
    found: Surface

    def state(self, places: npt.ArrayLike, slab: FloatArray | None = None) -> EndState:
        """With the molecule at `places` (n, 3) Å, and the slab where it was or at `slab` (m, 3) Å."""
        symbols = self.projectile.get_chemical_symbols()
        found = self.found
        limits = BondLimits.of(symbols, self.slab.get_chemical_symbols(), CRITERIA)
        reference = MoleculeReference.find(symbols, self.projectile.positions, {}, found.lattice, CRITERIA)
        now = self.slab.positions if slab is None else slab
        places = np.asarray(places, dtype=np.float64)
        bonds = limits.bonds(places, now, found.lattice)
        slab_state = SlabState.of(found, CRITERIA)
        return EndState.of(bonds, reference, slab_state, slab_state.loose(now[None])[0])

    def over(self, kind: AtomSite, height: float, number: int = 0) -> FloatArray:
        """A place over one of the sites of a kind."""
        net = self.found.nets[0]
        at = [i for i, one in enumerate(net.kinds) if one is kind][number]
        place: FloatArray = net.centres[at] + np.array([0.0, 0.0, height])
        return place


def gun(slab: Atoms, projectile: str | Atoms) -> Gun:
    slab = slab.copy()
    slab.pbc = True
    return Gun(slab, molecule(projectile) if isinstance(projectile, str) else projectile, find_surface(slab))


def nickel() -> Atoms:
    return fcc111("Ni", (4, 4, 3), vacuum=10.0)


def to(*steps: float) -> FloatArray:
    """A step in Å."""
    return np.array(steps)


def words(state: EndState) -> str:
    return state.words


@pytest.mark.parametrize("through_the_boundary", [False, True])
def test_chlorine_apart_on_nickel_is_dissociated_and_each_atom_has_its_site(through_the_boundary: bool) -> None:
    case = gun(nickel(), "Cl2")
    places = np.array([case.over(AtomSite.HOLLOW_FCC, 1.6, 5), case.over(AtomSite.BRIDGE, 1.7, 20)])
    if through_the_boundary:
        places += 3 * case.slab.cell[0] - case.slab.cell[1]
    state = case.state(places)
    assert words(state) == "Cl (bridge) + Cl (hollow fcc)"
    assert state.products == "Cl + Cl"
    assert [piece.place for piece in state.pieces] == [Place.ON, Place.ON]
    assert not state.carried_off
    assert not state.taken_up


@pytest.mark.parametrize(
    ("kind", "height", "name"),
    [
        (AtomSite.ON_TOP, 1.8, "on top"),
        (AtomSite.BRIDGE, 1.5, "bridge"),
        (AtomSite.HOLLOW_FCC, 1.3, "hollow fcc"),
        (AtomSite.HOLLOW_HCP, 1.3, "hollow hcp"),
    ],
)
def test_carbon_monoxide_by_site(kind: AtomSite, height: float, name: str) -> None:
    case = gun(nickel(), "CO")
    carbon = case.over(kind, height)
    oxygen = carbon + to(0.0, 0.0, 1.17)
    places = np.zeros((2, 3))
    places[[case.projectile.symbols.indices()["C"][0], case.projectile.symbols.indices()["O"][0]]] = carbon, oxygen
    state = case.state(places)
    assert words(state) == f"CO ({name})"


def test_ethylene_over_two_atoms_is_on_their_bridge_and_over_one_on_top() -> None:
    case = gun(nickel(), "C2H4")
    net = case.found.nets[0]
    first, second = case.slab.positions[list(net.atoms[net.kinds.index(AtomSite.BRIDGE)])]
    flat = case.projectile.positions @ np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    along = (second - first) / np.linalg.norm(second - first)
    flat = flat @ np.stack([along, [-along[1], along[0], 0.0], [0.0, 0.0, 1.0]]) + to(0.0, 0.0, 2.0)
    assert words(case.state(flat + (first + second) / 2)) == "C2H4 (bridge)"
    assert words(case.state(flat + first)) == "C2H4 (on top)"


def test_methane_dissociated_on_a_metal() -> None:
    case = gun(nickel(), "CH4")
    carbon = case.over(AtomSite.ON_TOP, 2.0, 5)
    places = case.projectile.positions - case.projectile.positions[0] + carbon
    places[1:] = carbon + np.array([[1.0, 0.0, 0.35], [-0.5, 0.87, 0.35], [-0.5, -0.87, 0.35], [0.0, 0.0, 0.0]])
    places[4] = case.over(AtomSite.HOLLOW_FCC, 0.9, 15)
    assert words(case.state(places)) == "H (hollow fcc) + CH3 (on top)"
    places[4] = carbon + to(0.0, 0.0, 6.0)
    state = case.state(places)
    assert words(state) == "H (free) + CH3 (on top)"
    assert [piece.bonds > 0 for piece in state.pieces] == [False, True]


def test_a_molecule_in_flight_is_one_free_piece() -> None:
    state = gun(nickel(), "CH4").state(molecule("CH4").positions + to(0.0, 0.0, 20.0))
    assert words(state) == "CH4 (free)"
    assert state.pieces[0].bonds == 0
    assert not state.removed
    assert not state.exchanged


def test_hydrogen_that_leaves_with_hydrogen_of_the_slab_has_not_stuck() -> None:
    slab = nickel()
    for offset in ((0, 0), (1, 1), (2, 2)):
        add_adsorbate(slab, "H", 0.9, "fcc", offset=offset)
    case = gun(slab, Atoms("H", positions=[[0.0, 0.0, 0.0]]))
    gone = case.slab.positions.copy()
    gone[-1] += [0.0, 0.0, 6.0]
    state = case.state([gone[-1] + to(0.0, 0.3, 0.7)], gone)
    assert words(state) == "H2 (free)"
    assert state.pieces[-1].slab == (len(slab) - 1,)
    assert state.pieces[0].bonds == 0
    still_bound = case.state([case.slab.positions[-1] + to(0.0, 0.3, 0.7)])
    assert still_bound.pieces[0].place is Place.ON
    assert still_bound.pieces[0].formula == "H", "hydrogen of the slab in its place is the slab's"


def test_hydrogen_of_the_slab_taken_up_by_what_stays() -> None:
    slab = nickel()
    add_adsorbate(slab, "H", 0.9, "fcc")
    case = gun(slab, Atoms("O", positions=[[0.0, 0.0, 0.0]]))
    oxygen = case.over(AtomSite.ON_TOP, 1.8, 9)
    moved = case.slab.positions.copy()
    moved[-1] = oxygen + to(0.0, 0.6, 0.77)
    state = case.state([oxygen], moved)
    assert words(state) == "HO (on top)"
    assert state.pieces[-1].slab == (len(slab) - 1,)


def test_sputtered_and_etched_atoms_of_the_slab() -> None:
    case = gun(nickel(), Atoms("Ar", positions=[[0.0, 0.0, 0.0]]))
    top = int(np.argmax(case.slab.positions[:, 2]))
    moved = case.slab.positions.copy()
    moved[top, 2] += 7.0
    state = case.state([moved[top] + to(6.0, 0.0, 6.0)], moved)
    assert (words(state), state.removed) == ("Ar (free)", ("Ni",))
    moved[top - 1] = moved[top] + to(2.2, 0.0, 0.0)
    assert case.state([moved[top] + to(6.0, 0.0, 6.0)], moved).removed == ("Ni2",)
    silicon = gun(diamond100("Si", (4, 4, 6), vacuum=10.0), "Cl2")
    top = int(np.argmax(silicon.slab.positions[:, 2]))
    moved = silicon.slab.positions.copy()
    moved[top, 2] += 8.0
    state = silicon.state(moved[top] + np.array([[1.6, 0.0, 1.3], [-1.6, 0.0, 1.3]]), moved)
    assert (words(state), state.removed) == ("Cl2Si (free)", ())


def test_argon_on_and_in_the_slab_has_no_bonds() -> None:
    case = gun(nickel(), Atoms("Ar", positions=[[0.0, 0.0, 0.0]]))
    state = case.state([case.over(AtomSite.HOLLOW_FCC, 2.0)])
    assert (words(state), state.pieces[0].bonds) == ("Ar (free)", 0)
    octahedral = case.over(AtomSite.HOLLOW_FCC, -1.02, 3)
    state = case.state([octahedral])
    assert (words(state), state.pieces[0].bonds) == ("Ar (below the surface)", 0)


@pytest.mark.parametrize("slab", [nickel(), fcc100("Ni", (4, 4, 4), vacuum=10.0), fcc211("Ni", (6, 3, 3), vacuum=10.0)])
def test_below_the_surface_is_where_no_way_up_is_open(slab: Atoms) -> None:
    case = gun(slab, Atoms("N", positions=[[0.0, 0.0, 0.0]]))
    net = case.found.nets[0]
    for number, kind in enumerate(net.kinds):
        over = net.centres[number] + np.array([0.0, 0.0, 1.1])
        assert case.state([over]).pieces[0].place is Place.ON, kind
        if kind is AtomSite.HOLLOW_FCC:  # octahedral, half a layer down
            over[2] = net.centres[number, 2] - 1.0
            assert case.state([over]).pieces[0].place is Place.BELOW


def oxide() -> Atoms:
    bulk = crystal(["Mg", "O"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=4.21)
    return surface(bulk, (0, 0, 1), 2, 10.0).repeat((2, 2, 1))


def test_oxygen_on_an_oxide_is_told_by_index() -> None:
    case = gun(oxide(), "O2")
    found = case.found
    net = found.nets[0]
    symbols = np.array(case.slab.get_chemical_symbols())
    magnesium = [i for i, kind in enumerate(net.kinds) if kind is AtomSite.ON_TOP and symbols[net.atoms[i][0]] == "Mg"]
    places = net.centres[magnesium[:2]] + to(0.0, 0.0, 1.9)
    assert words(case.state(places)) == "O (on top Mg) + O (on top Mg)"
    assert words(case.state(places[0] + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.25]]))) == "O2 (on top Mg)"


def test_oxygen_that_leaves_with_oxygen_of_the_slab_and_fills_its_place() -> None:
    case = gun(oxide(), "O2")
    symbols = np.array(case.slab.get_chemical_symbols())
    top = int(np.flatnonzero((symbols == "O") & case.found.top)[3])
    moved = case.slab.positions.copy()
    home = moved[top].copy()
    moved[top] += [0.0, 0.0, 7.0]
    state = case.state([home + to(0.2, 0.1, 0.1), moved[top] + to(0.0, 0.0, 1.25)], moved)
    assert state.exchanged == ((top, 0),)
    assert state.products == "O + O2"
    assert state.pieces[-1].slab == (top,)
    assert [piece.place for piece in state.pieces] == [Place.ON, Place.FREE]


def test_a_slab_that_drifts_or_is_hot_has_lost_nothing() -> None:
    case = gun(nickel(), "CO")
    moved = (
        case.slab.positions + np.random.default_rng(3).normal(0.0, 0.15, case.slab.positions.shape) + to(2.0, -1.5, 0.3)
    )
    state = case.state(case.projectile.positions + to(0.0, 0.0, 22.0), moved)
    assert not state.removed
    assert not state.exchanged
    assert words(state) == "CO (free)"


def test_an_adatom_that_hops_is_still_the_slabs() -> None:
    slab = nickel()
    add_adsorbate(slab, "Ni", 2.0, "fcc")
    case = gun(slab, "CO")
    moved = case.slab.positions.copy()
    moved[-1] += [2.49, 0.0, 0.0]
    assert not case.state(case.projectile.positions + to(0.0, 0.0, 22.0), moved).removed
