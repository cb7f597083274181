"""The scheme `general` on whole trajectories of molecules and atoms at metals and oxides, none of them configured."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc111, molecule, surface
from ase.spacegroup import crystal

from molgun_lmp.analysis.outcomes.decide import decide
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.outcome_words import AtomSite
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome
from molgun_lmp.surface.clean_surface import Surface, find_surface

CRITERIA = OutcomeCriteria(scheme="general")
Stage = tuple[FloatArray, FloatArray, int]
"""Places of the molecule (n, 3) and of the slab (m, 3) Å, and for how many frames."""


@dataclasses.dataclass(frozen=True)
class Shot:
    """A slab and what is fired at it; trajectories are stages of frames that stand still, 20 fs apart."""

    slab: Atoms
    projectile: Atoms
    found: Surface
    reference: Reference

    def stage(self, places: FloatArray, frames: int = 10, slab: FloatArray | None = None) -> Stage:
        return (np.atleast_2d(places), self.slab.positions if slab is None else slab, frames)

    def far(self, frames: int = 3) -> Stage:
        up = np.array([0.0, 0.0, float(self.slab.positions[:, 2].max()) + 8.0])
        return self.stage(self.projectile.positions - self.projectile.positions.mean(axis=0) + up, frames)

    def over(self, kind: AtomSite, height: float, number: int = 0) -> FloatArray:
        net = self.found.nets[0]
        at = [i for i, one in enumerate(net.kinds) if one is kind][number]
        place: FloatArray = net.centres[at] + np.array([0.0, 0.0, height])
        return place

    def outcome(self, *stages: Stage, persistence_fs: float = 100.0) -> Outcome:
        criteria = CRITERIA.model_copy(update={"persistence_fs": persistence_fs})
        return decide("t", self.frames(stages), self.reference, criteria, None, timestep_fs=20.0)

    def frames(self, stages: tuple[Stage, ...]) -> Iterator[Frame]:
        shown = [(places, slab) for places, slab, frames in stages for _ in range(frames)]
        for step, (places, slab) in enumerate(shown):
            yield Frame(
                step=step,
                symbols=self.reference.symbols,
                positions=np.vstack([slab, places]),
                images=None,
                velocities=None,
                cell=np.array(self.slab.cell[:]),
                origin=np.zeros(3),
                pbc=(True, True, True),
            )


def shot(slab: Atoms, projectile: str | Atoms) -> Shot:
    slab = slab.copy()
    slab.pbc = True
    fired = molecule(projectile) if isinstance(projectile, str) else projectile
    found = find_surface(slab)
    start = fired.positions + np.array([0.0, 0.0, float(slab.positions[:, 2].max()) + 8.0])
    reference = Reference.of(
        symbols=[*slab.get_chemical_symbols(), *fired.get_chemical_symbols()],
        positions=np.vstack([slab.positions, start]),
        surface=found,
        n_slab=len(slab),
        groups={},
        criteria=CRITERIA,
        scheme=load_scheme("general"),
    )
    return Shot(slab, fired, found, reference)


def nickel(hydrogen: int = 0) -> Atoms:
    slab = fcc111("Ni", (4, 4, 3), vacuum=12.0)
    for place in range(hydrogen):
        add_adsorbate(slab, "H", 0.9, "fcc", offset=(place, place))
    return slab


def atom(symbol: str) -> Atoms:
    return Atoms(symbol, positions=[[0.0, 0.0, 0.0]])


def test_chlorine_dissociates_on_nickel() -> None:
    case = shot(nickel(), "Cl2")
    apart = np.array([case.over(AtomSite.HOLLOW_FCC, 1.6, 5), case.over(AtomSite.BRIDGE, 1.7, 20)])
    found = case.outcome(case.far(), case.stage(apart))
    assert (found.mode, found.detail, found.stuck) == ("dissociated", "Cl + Cl", True)
    assert "Cl (bridge) + Cl (hollow fcc)" in found.reason
    assert [mode for _, mode in found.events] == ["in flight", "dissociated"]


def test_atoms_and_molecules_are_adsorbed_at_a_site() -> None:
    hydrogen = shot(nickel(), atom("H"))
    for kind, height in ((AtomSite.HOLLOW_FCC, 0.9), (AtomSite.HOLLOW_HCP, 0.9), (AtomSite.BRIDGE, 1.1)):
        found = hydrogen.outcome(hydrogen.far(), hydrogen.stage(hydrogen.over(kind, height)))
        assert (found.mode, found.stuck) == ("adsorbed", True)
        assert found.detail == ("bridge" if kind is AtomSite.BRIDGE else kind)
    carbon_monoxide = shot(nickel(), "CO")
    upright = carbon_monoxide.over(AtomSite.ON_TOP, 1.8) + np.array([[0.0, 0.0, 1.15], [0.0, 0.0, 0.0]])
    assert carbon_monoxide.projectile.get_chemical_symbols() == ["O", "C"]
    found = carbon_monoxide.outcome(carbon_monoxide.far(), carbon_monoxide.stage(upright))
    assert (found.mode, found.detail) == ("adsorbed", "on top")


@pytest.mark.parametrize(
    ("gone", "mode", "stuck"),
    [(0, "dissociated", True), (1, "partly dissociated", True), (2, "scattered in pieces", False)],
)
def test_methane_in_pieces(gone: int, mode: str, stuck: bool) -> None:
    case = shot(nickel(), "CH4")
    carbon = case.over(AtomSite.ON_TOP, 2.0, 5)
    places = carbon + np.array(
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.35], [-0.5, 0.87, 0.35], [-0.5, -0.87, 0.35], [0.0, 0.0, 0.0]]
    )
    places[4] = case.over(AtomSite.HOLLOW_FCC, 0.9, 15)
    if gone > 0:
        places[4, 2] += 2.6
    if gone > 1:
        places[:4, 2] += 1.7
    found = case.outcome(case.far(), case.stage(places))
    assert (found.mode, found.detail, found.stuck) == (mode, "H + CH3", stuck)
    assert not found.left, "a piece is within reach"
    if not stuck:
        away = case.outcome(case.far(), case.stage(places), case.stage(places + np.array([0.0, 0.0, 5.0])))
        assert (away.mode, away.left) == (mode, True)


def test_hydrogen_that_takes_hydrogen_of_the_slab_along_has_left() -> None:
    case = shot(nickel(hydrogen=4), atom("H"))
    taken = len(case.slab) - 1
    near = case.slab.positions[taken] + [0.0, 0.0, 0.9]
    gone = case.slab.positions.copy()
    gone[taken, 2] += 5.0
    found = case.outcome(case.far(), case.stage(near, 3), case.stage(gone[taken] + [0.0, 0.0, 0.74], 10, gone))
    assert (found.mode, found.detail, found.stuck) == ("left with slab atoms", "H2", False)
    assert found.bound_changes[-1][1] is False
    assert (found.bonds, found.gone, found.left) == ((), True, True)
    stays = case.outcome(case.far(), case.stage(near, 10))
    assert (stays.mode, stays.detail, stays.stuck) == ("adsorbed", "on top H", True)


def test_a_slab_that_loses_an_atom_after_the_molecule_has_gone_is_noticed() -> None:
    case = shot(nickel(), atom("Ar"))
    top = int(np.argmax(case.slab.positions[:, 2]))
    lost = case.slab.positions.copy()
    lost[top, 2] += 6.0
    hit = case.stage(case.slab.positions[top] + [0.0, 0.0, 2.0], 2)
    places = np.atleast_2d(case.slab.positions[top] + [6.0, 0.0, 9.0])
    found = case.outcome(case.far(), hit, case.stage(places, 5), case.stage(places, 10, lost))
    assert (found.mode, found.detail, found.stuck) == ("slab atoms removed", "Ni", False)


def test_argon_trapped_passing_and_implanted() -> None:
    case = shot(nickel(), atom("Ar"))
    close = case.over(AtomSite.HOLLOW_FCC, 2.2)
    passing = case.outcome(case.far(), case.stage(close, 20))
    assert (passing.mode, passing.stuck) == ("at the surface", False)
    trapped = case.outcome(case.far(), case.stage(close, 120))
    assert (trapped.mode, trapped.stuck) == ("physisorbed", False)
    left = case.outcome(case.far(), case.stage(close, 20), case.far())
    assert (left.mode, left.left, trapped.left, passing.left) == ("scattered", True, False, False)
    inside = case.outcome(case.far(), case.stage(close, 2), case.stage(case.over(AtomSite.HOLLOW_FCC, -1.02, 3), 10))
    assert (inside.mode, inside.detail, inside.stuck) == ("subsurface", "Ar", True)
    flying = case.outcome(case.far(10))
    assert (flying.mode, flying.left) == ("in flight", False)


def test_oxygen_exchanged_with_that_of_an_oxide() -> None:
    bulk = crystal(["Mg", "O"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=4.21)
    case = shot(surface(bulk, (0, 0, 1), 2, 12.0).repeat((2, 2, 1)), "O2")
    oxygen = np.array(case.slab.get_chemical_symbols()) == "O"
    top = int(np.flatnonzero(oxygen & case.found.top)[3])
    gone = case.slab.positions.copy()
    gone[top, 2] += 7.0
    places = np.array([case.slab.positions[top], gone[top] + [0.0, 0.0, 1.25]])
    found = case.outcome(case.far(), case.stage(places, 10, gone))
    assert (found.mode, found.detail) == ("left with slab atoms", "O + O2")
    moved = case.slab.positions.copy()
    metal = np.flatnonzero(~oxygen & case.found.top)[0]
    moved[top] = case.slab.positions[metal] + [0.0, 0.0, 1.9]
    lone = shot(case.slab, atom("O"))
    found = lone.outcome(lone.far(), lone.stage(case.slab.positions[top], 10, moved))
    assert (found.mode, found.detail) == ("exchanged", "O")


def test_oxygen_takes_up_hydrogen_of_the_slab() -> None:
    case = shot(nickel(hydrogen=1), atom("O"))
    oxygen = case.over(AtomSite.ON_TOP, 1.8, 9)
    moved = case.slab.positions.copy()
    moved[-1] = oxygen + np.array([0.0, 0.6, 0.77])
    found = case.outcome(case.far(), case.stage(oxygen, 10, moved))
    assert (found.mode, found.detail, found.stuck) == ("took up slab atoms", "HO", True)


def test_the_order_of_atoms_and_the_cell_do_not_matter() -> None:
    case = shot(nickel(), "Cl2")
    apart = np.array([case.over(AtomSite.HOLLOW_FCC, 1.6, 5), case.over(AtomSite.HOLLOW_HCP, 1.6, 9)])
    plain = case.outcome(case.far(), case.stage(apart))
    swapped = case.outcome(case.far(), case.stage(apart[::-1] + 2 * case.slab.cell[0] - case.slab.cell[1]))
    assert (plain.mode, plain.detail) == (swapped.mode, swapped.detail)


def test_no_class_hides_another_and_each_needs_no_configuration() -> None:
    scheme = load_scheme("general")
    assert scheme.hidden() == ()
    assert not any(one.when.groups or one.when.group_states for one in scheme.by_structure)


HOLLOWS = """\
name: hollows
extends: general
classes:
  - {label: fcc, set: bound, meaning: In a hollow without an atom beneath., when: {site: hollow fcc}}
  - {label: hollow, set: bound, meaning: In another hollow., when: {site: hollow}}
  - {label: bridge, set: bound, meaning: Between two atoms., when: {site: between two atoms}}
"""


def test_a_scheme_of_ones_own_may_ask_for_sites(tmp_path: Path) -> None:
    (tmp_path / "hollows.yaml").write_text(HOLLOWS)
    scheme = load_scheme("hollows.yaml", tmp_path)
    case = shot(nickel(), atom("N"))
    reference = dataclasses.replace(case.reference, scheme=scheme)
    case = dataclasses.replace(case, reference=reference)
    heights = {AtomSite.HOLLOW_FCC: 1.2, AtomSite.HOLLOW_HCP: 1.2, AtomSite.BRIDGE: 1.3, AtomSite.ON_TOP: 1.7}
    found = [str(case.outcome(case.far(), case.stage(case.over(kind, up))).mode) for kind, up in heights.items()]
    assert found == ["fcc", "hollow", "bridge", "adsorbed"]


def test_a_molecule_between_two_states_is_held_at_the_end_and_on_the_way() -> None:
    case = shot(nickel(), "N2")
    bound = case.over(AtomSite.ON_TOP, 2.3) + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.1]])
    unbound = bound + np.array([0.0, 0.0, 0.6])
    flicker = [case.stage(places, 2) for _ in range(15) for places in (bound, unbound)]
    held = case.outcome(case.far(), *flicker)
    assert (held.mode, held.stuck, held.left) == ("held", False, False)
    assert [mode for _, mode in held.events] == ["in flight", "held"]
    assert held.events[-1][0] == pytest.approx(0.06)
    settled = case.outcome(case.far(), *flicker, case.stage(bound, 10))
    assert settled.mode == "adsorbed"
    assert [mode for _, mode in settled.events] == ["in flight", "held", "adsorbed"]
    gone = case.outcome(case.far(), *flicker, case.far(10))
    assert [mode for _, mode in gone.events] == ["in flight", "held", "scattered"]
    short = case.outcome(case.far(), case.stage(unbound, 2), case.stage(bound, 2))
    assert short.mode == "undecided"
    lasted = case.outcome(case.far(), case.stage(bound, 20), case.stage(unbound, 2))
    assert (lasted.mode, lasted.detail) == ("undecided", "young at the surface"), "it may be leaving"


def test_a_molecule_that_changes_its_site_is_bound_all_along(tmp_path: Path) -> None:
    roaming = "  - {label: roaming, set: bound, meaning: Bound at changing sites., among: [bound]}\n"
    (tmp_path / "hollows.yaml").write_text(HOLLOWS + roaming)
    case = shot(nickel(), atom("N"))
    case = dataclasses.replace(
        case, reference=dataclasses.replace(case.reference, scheme=load_scheme("hollows.yaml", tmp_path))
    )
    hops = [AtomSite.HOLLOW_FCC, AtomSite.ON_TOP] * 8
    heights = {AtomSite.HOLLOW_FCC: 1.2, AtomSite.ON_TOP: 1.7}
    found = case.outcome(case.far(), *(case.stage(case.over(kind, heights[kind]), 2) for kind in hops))
    assert (found.mode, found.stuck) == ("roaming", True)
    assert found.first_bond_ps == pytest.approx(0.06)
    assert [mode for _, mode in found.events] == ["in flight", "roaming"]
