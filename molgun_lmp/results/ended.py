"""One ended trajectory as it lies on disk: what was drawn, how its dynamics ended, where it began, its frames."""

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.planned_start import adsorbed
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.readers.trajectory import Frame, read_chosen, read_frames
from molgun_lmp.records import TrajectoryResult
from molgun_lmp.surface.clean_surface import Surface, find_surface


def clean_surface(store: Store) -> Surface:
    """Layers, dimers and rows of the campaign's slab, the same for all its trajectories. Raises `CampaignError`."""
    return find_surface(store.clean_slab)


def without_adsorbates(folder: TrajectoryFolder, frames: Iterable[Frame], n_slab: int) -> Iterator[Frame]:
    """The slab and the newcomer alone in each frame. Raises as `adsorbed`."""
    others = adsorbed(folder, n_slab)
    return (frame.without(others) for frame in frames)


def planned_masses_u(folder: TrajectoryFolder) -> FloatArray:
    """(N,) the masses in u of a trajectory's atoms, isotopes among them, from its data file. Raises `CampaignError`."""
    file = folder.path / DATA_NAME
    try:
        return read_data(file.read_text(encoding="utf-8")).masses_u
    except (OSError, ValueError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def frames_of(folder: TrajectoryFolder, result: TrajectoryResult, *, velocities: bool = True) -> Iterator[Frame]:
    """The whole frames of a trajectory that counts; none where it failed before its first.

    Raises `InputFileError` for a damaged dump, and for one that is gone.
    """
    if _without_frames(folder, result):
        return iter(())
    return read_frames(_there(folder, result), velocities=velocities)


def chosen_frames(
    folder: TrajectoryFolder, result: TrajectoryResult, places: Container[int], *, velocities: bool = True
) -> Iterator[Frame]:
    """Those of `frames_of` whose place (from 0) is among `places`; the others are passed over, which is faster."""
    if _without_frames(folder, result):
        return iter(())
    return read_chosen(_there(folder, result), places, velocities=velocities)


def has_dump(folder: TrajectoryFolder, result: TrajectoryResult) -> bool:
    """Whether there is a dump to read frames from, as it was written or packed."""
    return folder.dump(result).is_file()


def _there(folder: TrajectoryFolder, result: TrajectoryResult) -> Path:
    dump = folder.dump(result)
    if not dump.is_file():
        raise InputFileError(
            f"{dump} is gone, and what is asked for needs the frames of trajectory {folder.id}. Put it back, plain or "
            "packed (.gz, .zst, .xz, .bz2); or fire the trajectory again in another folder."
        )
    return dump


def _without_frames(folder: TrajectoryFolder, result: TrajectoryResult) -> bool:
    dump = folder.dump(result)
    return result.state == "failed" and (not dump.is_file() or dump.stat().st_size == 0)
