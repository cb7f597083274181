"""Molecular dynamics of VASP as trajectories: where the atoms were at every step, whether it is a reference or not.

A step whose electronic loop did not converge, or that a force field predicted, is no reference for a training, and a
step of the trajectory all the same.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame, Unusable
from molgun_lmp.readers.sources import Source, find_sources, items_of, may_hold_runs
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.readers.vasp.common import level_in_words
from molgun_lmp.readers.vasp.outcar import OutcarReader
from molgun_lmp.readers.vasp.vasprun import VasprunReader
from molgun_lmp.readers.vasp.xdatcar import XdatcarReader


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """One file with (a part of) a trajectory: a run of VASP where it has a source."""

    name: str
    path: Path
    source: Source | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class About:
    """What a run's first step says: `timestep_fs`, of one step that is written to the next, where the file says it, and
    the level of theory in words, or ""."""

    timestep_fs: float | None
    level_of_theory: str


@contextmanager
def given_files(paths: Sequence[Path]) -> Iterator[list[Given]]:
    """Files by their names, and for folders, archives and VASP's files each run once.

    Of a run's files vasprun.xml is read, or else OUTCAR, or else XDATCAR. Archives are unpacked until the end. Raises
    `InputFileError` where these hold no run, and for a path where nothing is.
    """
    require_there(paths)
    others = [Given(name=str(path), path=path) for path in paths if not may_hold_runs(path)]
    places = [path for path in paths if may_hold_runs(path)]
    if not places:
        yield others
        return
    with find_sources(places) as sources:
        runs = [source for source in sources.files if _is_run(source)]
        if not runs:
            raise InputFileError(
                f"no run of VASP in {', '.join(map(str, places))}: vasprun*.xml, OUTCAR* and XDATCAR* are looked for, "
                "also packed. Name other files themselves."
            )
        yield others + [Given(name=source.name, path=source.path, source=source) for source in runs]


def require_there(paths: Sequence[Path]) -> None:
    """Raises `InputFileError` for the first path where nothing is."""
    for path in paths:
        if not path.exists():
            raise InputFileError(
                f"there is no file or folder {path}. Name a campaign folder, a folder of VASP runs, or a file of a "
                "trajectory."
            )


def has_runs(folder: Path) -> bool:
    """Whether a folder holds a run of VASP."""
    try:
        with given_files([folder]):
            return True
    except InputFileError:
        return False


def about(source: Source) -> About:
    """From the first step whose atoms are known. Raises `InputFileError` where there is none."""
    first = next((one for one in map(_structure, items_of(source)) if one is not None), None)
    if first is None:
        raise _no_step(source)
    return About(timestep_fs=first.timestep_fs, level_of_theory=level_in_words(first.level))


def run_frames(source: Source) -> Iterator[Frame]:
    """The steps of a run, one in memory at a time, numbered from 0 or as the file numbers them.

    Steps without positions are left out, their numbers too; the last whole step of a cut file is marked. Raises
    `InputFileError` for a file that cannot be parsed or has no step.
    """
    previous: Frame | None = None
    cut = False
    for index, item in enumerate(items_of(source)):
        found = _structure(item)
        if found is None:
            cut = isinstance(item, Unusable) and (item.reason is DropReason.CUT or item.detail.startswith("XDATCAR"))
            continue
        cut = False
        if previous is not None:
            yield previous
        previous = dataclasses.replace(
            Frame.from_atoms(found.atoms()), step=index if found.step is None else found.step
        )
    if previous is None:
        raise _no_step(source)
    yield dataclasses.replace(previous, cut_after=cut)


def runs_frames(sources: Sequence[Source]) -> Iterator[Frame]:
    """One trajectory from several runs in order, each of which began where the one before it ended."""
    last = -1
    for number, source in enumerate(sources):
        before: int | None = None
        for frame in run_frames(source):
            if before is None:  # XDATCAR numbers from 1
                before = last + 1 - (1 if isinstance(source.reader, XdatcarReader) else 0)
            whole = frame if number == len(sources) - 1 else dataclasses.replace(frame, cut_after=False)
            last = before + frame.step
            yield dataclasses.replace(whole, step=last)


def _structure(item: FoundFrame | Unusable) -> FoundFrame | None:
    return item.structure if isinstance(item, Unusable) else item


def _is_run(source: Source) -> bool:
    return isinstance(source.reader, VasprunReader | OutcarReader | XdatcarReader)


def _no_step(source: Source) -> InputFileError:
    return InputFileError(
        f"{source.name} holds no whole step with positions. Take another file of the run (vasprun.xml, OUTCAR with "
        "NWRITE = 2 or more, XDATCAR)."
    )
