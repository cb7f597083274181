"""A shot at a slab on which others stand, of a chain of doses or at a covered surface, as it is read: for most who look
on the newcomer on the slab alone, for one all of it."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from molgun_lmp.analysis.dosing.company import CompanyObserver
from molgun_lmp.analysis.dosing.layout import ShotLayout
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.planned_start import planned_start
from molgun_lmp.config import Campaign
from molgun_lmp.dosing_records import Hold
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome, TrajectoryResult
from molgun_lmp.results.decided import doses_of_a_chain, own_dose
from molgun_lmp.surface.clean_surface import Surface


class Observer(Protocol):
    """What is shown every frame of a trajectory, in order; its answer is its own method or attribute `result`."""

    def frame(self, frame: Frame, /) -> None:
        """The next frame."""


class Deciding(Protocol):
    """An observer that is told where the atoms of other molecules are."""

    def frame(self, frame: Frame, others: FloatArray | None = None, /) -> None:
        """The next frame of the slab and one molecule."""


class DoseObserver:
    """Shows `deciding` and `looking` the slab and the newcomer alone, and itself follows all molecules; what became of
    the others is told of a shot `in_chain`, whose next one meets them."""

    def __init__(
        self,
        company: CompanyObserver,
        layout: ShotLayout,
        deciding: Sequence[Deciding],
        looking: Sequence[Observer],
        *,
        in_chain: bool,
    ) -> None:
        self._company, self._layout, self._names = company, layout, layout.names
        self._in_chain = in_chain
        self._deciding, self._looking = deciding, looking

    def frame(self, frame: Frame) -> None:
        """The next frame, all atoms."""
        newcomer = self._layout.newcomer
        alone, others = self._layout.alone(frame, newcomer, self._names), self._layout.others(frame, newcomer)
        for one in self._deciding:
            one.frame(alone, others)
        for observer in self._looking:
            observer.frame(alone)
        self._company.frame(frame)

    def with_company(self, newcomer: Outcome, result: TrajectoryResult | None) -> Outcome:
        """The newcomer's outcome with what became of all; where it stands on another molecule its detail says so."""
        company = self._company.result(newcomer, result)
        if company is None:
            return newcomer
        hold, detail = company.newcomer.hold, newcomer.detail
        if hold in {Hold.ADSORBATE, Hold.SECOND_LAYER}:
            detail = f"{detail}, {hold}" if detail else str(hold)
        return dataclasses.replace(newcomer, detail=detail, company=company if self._in_chain else None)


def dose_of(
    config: Campaign,
    scheme: OutcomeScheme,
    surface: Surface,
    folder: TrajectoryFolder,
    *,
    deciding: Sequence[Deciding],
    looking: Sequence[Observer] = (),
) -> DoseObserver | None:
    """Who observes a shot of a chain, or at a covered surface; None for one at a clean slab by itself. Raises as
    `planned_start`, and `ConfigError`."""
    doses, shot = doses_of_a_chain(config), folder.shot()
    if doses is None and not shot.adsorbates:
        return None
    start = planned_start(folder, surface, whole=True)
    layout = ShotLayout.of(
        adsorbates=shot.adsorbates,
        symbols=start.symbols,
        positions=start.positions,
        n_slab=len(surface.layer),
        dose=own_dose(config, shot),
    )
    company = CompanyObserver(
        folder.id,
        layout,
        surface,
        groups=config.system.molecule.groups,
        criteria=config.outcomes,
        scheme=scheme,
        timestep_fs=config.dynamics.timestep_fs,
    )
    return DoseObserver(company, layout, deciding, looking, in_chain=doses is not None)
