"""The first frame of a trajectory as planned, and what its frames are judged against."""

import dataclasses

from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.dosing_records import atoms_of
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.surface.clean_surface import Surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """The first frame of a trajectory as planned: `positions` (N, 3) and `cell` (3, 3) in Å."""

    symbols: tuple[str, ...]
    masses_u: FloatArray
    """(N,) of all atoms."""
    positions: FloatArray
    cell: FloatArray


def adsorbed(folder: TrajectoryFolder, n_slab: int) -> slice:
    """The atoms of a trajectory that earlier doses of its chain left on the surface; none outside one. Raises
    `CampaignError` where its shot is missing."""
    return slice(n_slab, n_slab + atoms_of(folder.shot().adsorbates))


def planned_start(folder: TrajectoryFolder, surface: Surface, *, whole: bool = False) -> Start:
    """The start of a trajectory from its data file: the slab and the newcomer, or the `whole` of it with what earlier
    doses of its chain left. Raises `CampaignError` where data file or shot is missing."""
    file = folder.path / DATA_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise CampaignError(f"cannot read {file}: {error.strerror}. Copy the campaign folder again.") from error
    frame = recover_shot(text, surface.top).frame
    if not whole:
        del frame[adsorbed(folder, len(surface.top))]
    return Start(
        symbols=tuple(frame.get_chemical_symbols()),
        masses_u=frame.get_masses(),
        positions=frame.positions,
        cell=frame.cell[:],
    )


def reference_of(config: Campaign, scheme: OutcomeScheme, surface: Surface, start: Start) -> Reference:
    """What the frames of a trajectory are judged against. Raises `ConfigError` for criteria that do not fit it."""
    return Reference.of(
        symbols=start.symbols,
        positions=start.positions,
        surface=surface,
        n_slab=len(surface.layer),
        groups=config.system.molecule.groups,
        criteria=config.outcomes,
        scheme=scheme,
        masses_u=start.masses_u,
    )
