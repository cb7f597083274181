"""One ended trajectory as it lies on disk: what was drawn, how its dynamics ended, where it began, its frames."""

import dataclasses
from collections.abc import Container, Iterable, Iterator

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.dosing_records import atoms_of
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.readers.trajectory import Frame, read_chosen, read_frames
from molgun_lmp.records import TrajectoryResult
from molgun_lmp.surface.clean_surface import Surface, find_surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """The first frame of a trajectory as planned: `positions` (N, 3) and `cell` (3, 3) in Å."""

    symbols: tuple[str, ...]
    masses_u: FloatArray
    """(N,) of all atoms."""
    positions: FloatArray
    cell: FloatArray


def clean_surface(store: Store) -> Surface:
    """Layers, dimers and rows of the campaign's slab, the same for all its trajectories. Raises `CampaignError`."""
    return find_surface(store.clean_slab)


def adsorbed(folder: TrajectoryFolder, n_slab: int) -> slice:
    """The atoms of a trajectory that earlier doses of its chain left on the surface; none outside one. Raises
    `CampaignError` where its shot is missing."""
    return slice(n_slab, n_slab + atoms_of(folder.shot().adsorbates))


def without_adsorbates(folder: TrajectoryFolder, frames: Iterable[Frame], n_slab: int) -> Iterator[Frame]:
    """The slab and the newcomer alone in each frame. Raises as `adsorbed`."""
    others = adsorbed(folder, n_slab)
    return iter(frames) if others.start == others.stop else (frame.without(others) for frame in frames)


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


def planned_masses_u(folder: TrajectoryFolder) -> FloatArray:
    """(N,) the masses in u of a trajectory's atoms, isotopes among them, from its data file. Raises `CampaignError`."""
    file = folder.path / DATA_NAME
    try:
        return read_data(file.read_text(encoding="utf-8")).masses_u
    except (OSError, ValueError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def frames_of(folder: TrajectoryFolder, result: TrajectoryResult, *, velocities: bool = True) -> Iterator[Frame]:
    """The whole frames of a trajectory that counts; none where it failed before its first.

    Raises `InputFileError` for a damaged dump.
    """
    if _without_frames(folder, result):
        return iter(())
    return read_frames(folder.dump(result), velocities=velocities)


def chosen_frames(
    folder: TrajectoryFolder, result: TrajectoryResult, places: Container[int], *, velocities: bool = True
) -> Iterator[Frame]:
    """Those of `frames_of` whose place (from 0) is among `places`; the others are passed over, which is faster."""
    if _without_frames(folder, result):
        return iter(())
    return read_chosen(folder.dump(result), places, velocities=velocities)


def _without_frames(folder: TrajectoryFolder, result: TrajectoryResult) -> bool:
    dump = folder.dump(result)
    return result.state == "failed" and (not dump.is_file() or dump.stat().st_size == 0)
