"""What a campaign of chains of doses says, all of it together, and in sentences."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from molgun_lmp.analysis.dosing.coverage import (
    AtCoverage,
    Doses,
    Places,
    at_coverage,
    holds_that_stay,
    lines_of_doses,
)
from molgun_lmp.analysis.dosing.equal_coverage import Chains
from molgun_lmp.analysis.dosing.neighbours import NeighbourRow, Tendency, neighbours, settled
from molgun_lmp.analysis.dosing.random_adsorption import Lattice
from molgun_lmp.analysis.dosing.uptake import UptakeFit, UptakePoint, fit_uptake, uptake
from molgun_lmp.analysis.statistics.clustered_intervals import FEW_CLUSTERS, Clusters, cluster_interval
from molgun_lmp.arrays import BoolArray
from molgun_lmp.dosing_records import Change, Hold, MoleculeEnd
from molgun_lmp.records import Outcome
from molgun_lmp.surface.clean_surface import Surface

_LAST: Final = 4
"""One over the share of the doses that are the last ones."""
_WORTH_A_PARAMETER: Final = 3.84
"""Of the deviance: 95 % of a chi-square of one degree of freedom."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OccupiedSite:
    """How many of the molecules that the slab held at the end of the chains were on a site; intervals over chains."""

    site: str
    count: int
    molecules: int
    fraction: float
    cluster_low: float
    cluster_high: float
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dosing:
    """All of it; `changes`: what happened to molecules that were there, how often."""

    doses_of_a_chain: int
    doses: Doses
    stays: tuple[Hold, ...]
    """What holds a molecule that is taken up."""
    places: Places
    coverage: tuple[AtCoverage, ...]
    uptake: tuple[UptakePoint, ...]
    fits: tuple[UptakeFit, ...]
    sites: tuple[OccupiedSite, ...]
    neighbours: tuple[NeighbourRow, ...]
    tendencies: tuple[Tendency, ...]
    changes: dict[Change, int]

    def chains_of(self, name: str, outcomes: Sequence[Outcome]) -> Chains:
        """The campaign as it is held against others, of the outcomes that all this is of."""
        return Chains.of(name, outcomes, self.doses, self.places)

    @property
    def sticking(self) -> list[AtCoverage]:
        """What was taken up, at each coverage."""
        return [one for one in self.coverage if one.what == "sticking"]

    def to_json(self) -> dict[str, Any]:
        """Its tables and sentences."""
        tables = ("coverage", "uptake", "fits", "sites", "neighbours", "tendencies")
        found = {name: [dataclasses.asdict(one) for one in getattr(self, name)] for name in tables}
        return found | {"changes": dict(self.changes), "sentences": self.sentences()}

    def sentences(self) -> list[str]:
        """Short answers: uptake, sticking, saturation, neighbours, and what happened to those that were there."""
        if not self.uptake or not len(self.doses.dose):
            return ["No dose of a chain has ended yet."]
        return [self._uptake(), self._sticking(), *self._saturation(), *self._order(), self._changes()]

    def _uptake(self) -> str:
        end = self.uptake[-1]
        dimers = "" if end.per_dimer is None else f", {end.per_dimer:.3f} per dimer"
        few = "" if self.doses.chains >= FEW_CLUSTERS else f" Only {_chains(self.doses.chains)}."
        return (
            f"After {end.doses} doses {end.molecules:.2f} molecules ({end.molecules_low:.2f} to "
            f"{end.molecules_high:.2f}) are on the surface: {end.monolayers:.3f} per surface atom{dimers}, over "
            f"{_chains(end.chains)}.{few}"
        )

    def _sticking(self) -> str:
        first, last = self.sticking[0], self.sticking[-1]
        said = [
            f"{100 * one.fraction:.0f} % ({100 * one.cluster_low:.0f} to {100 * one.cluster_high:.0f}) of {one.shots} "
            f"with {_range(one)} there"
            for one in ((first,) if first is last else (first, last))
        ]
        return f"Taken up: {', '.join(said)}."

    def _saturation(self) -> list[str]:
        doses = self.doses
        number = int(doses.dose.max()) + 1
        late = doses.dose >= number - max(1, number // _LAST)
        last = "quarter of the doses" if number >= _LAST else "dose of each chain"
        interval = cluster_interval(doses.taken_up[late], doses.clusters.take(late))
        rate = float(doses.taken_up[late].mean())
        said = [
            f"Of the last {last} {100 * rate:.0f} % ({100 * interval.low:.0f} to "
            f"{100 * interval.high:.0f}) were taken up: "
            + ("the surface is full or nearly so." if interval.high < 0.1 else "the surface is not full yet.")
        ]
        ends = {fit.law: fit for fit in self.fits if fit.parameter == "saturation_monolayers"}
        if ends:
            langmuir, kisliuk = ends["Langmuir"], ends["Kisliuk"]
            bent = langmuir.deviance - kisliuk.deviance > _WORTH_A_PARAMETER and kisliuk.high is not None
            fit = kisliuk if bent else langmuir
            bounds = "" if fit.low is None else f" ({fit.low:.3f} to {fit.high:.3f})" if fit.high is not None else None
            end = (
                f"it is not told where it would be full: above {fit.low:.3f} per surface atom"
                if bounds is None
                else f"it would be full at {fit.value:.3f} per surface atom{bounds}"
            )
            said.append(f"By {fit.law}'s law {end}; deviance {fit.deviance:.1f} on {fit.freedom}.")
        return said

    def _order(self) -> list[str]:
        return [one.sentence for one in self.tendencies if one.blocked == "closest"]

    def _changes(self) -> str:
        if not any(self.changes.values()):
            return "Nothing happened to molecules that were there."
        return f"Molecules that were there: {', '.join(f'{n} {change}' for change, n in self.changes.items() if n)}."


def dosing_of(
    outcomes: Sequence[Outcome], doses: int, surface: Surface, rng: np.random.Generator, *, physisorbed_stay: bool
) -> Dosing:
    """From the outcomes of chains of so many doses at a clean surface."""
    found = Doses.of(outcomes, doses, physisorbed_stay=physisorbed_stay)
    places = Places(top_atoms=int(surface.top.sum()), dimers=len(surface.dimers))
    rows, tendencies = neighbours(settled(outcomes, doses), Lattice.of(surface), rng)
    gatherings = [one.company for one in outcomes if one.company is not None]
    return Dosing(
        doses_of_a_chain=doses,
        doses=found,
        stays=holds_that_stay(physisorbed_stay),
        places=places,
        coverage=tuple(at_coverage(found, lines_of_doses(outcomes, found), places)),
        uptake=tuple(uptake(found, places)),
        fits=tuple(fit_uptake(found, places, rng)),
        sites=tuple(occupied_sites(outcomes, doses)),
        neighbours=tuple(rows),
        tendencies=tuple(tendencies),
        changes={change: sum(one.count(change) for one in gatherings) for change in Change},
    )


def occupied_sites(outcomes: Sequence[Outcome], doses: int) -> list[OccupiedSite]:
    """Of the molecules that the slab held at the end of the last dose of each chain that has ended."""
    last = {int(one.trajectory_id) // doses: one.company for one in outcomes if one.company is not None}
    held: list[tuple[int, MoleculeEnd]] = [
        (chain, molecule)
        for chain, company in last.items()
        for molecule in company.molecules
        if molecule.hold is Hold.SURFACE
    ]
    clusters = Clusters.of([chain for chain, _ in held], list(range(len(held))), "chain")
    found = []
    for site in sorted({molecule.site for _, molecule in held}):
        on: BoolArray = np.array([molecule.site == site for _, molecule in held], dtype=np.bool_)
        interval = cluster_interval(on, clusters)
        found.append(
            OccupiedSite(
                site=site,
                count=int(on.sum()),
                molecules=len(held),
                fraction=float(on.mean()),
                cluster_low=interval.low,
                cluster_high=interval.high,
                note=interval.note,
            )
        )
    return sorted(found, key=lambda one: -one.count)


def _chains(number: int) -> str:
    return "1 chain" if number == 1 else f"{number} chains"


def _range(one: AtCoverage) -> str:
    molecules = "1 molecule" if one.most == one.fewest == 1 else f"{one.most} molecules"
    if one.fewest == one.most:
        return molecules if one.most else "no molecule"
    return f"{one.fewest} to {molecules}"
