"""`molgun analyse FILE...`: files that no campaign of ours has made."""

import collections
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from molgun_lmp.analysis.foreign import Found, FrameClass, classify_frames, decide_files
from molgun_lmp.campaign.durable import replace_file
from molgun_lmp.config.foreign import ForeignFiles
from molgun_lmp.config.loading import apply_override, load_yaml, validated
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.records import IntArray, Mode, Outcome
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.groups import Group, MoleculeChoice, group_atoms

_OUTCOMES = (
    *("trajectory", "mode", "detail", "stuck", "contact", "first_contact_ps", "first_bond_ps", "time_ps"),
    *("lowest_clearance_angstrom", "truncated", "reason"),
)
_FRAMES = ("file", "step", "mode", "detail", "bound", "nearest_angstrom", "reason")


def load_settings(file: Path | None, overrides: Sequence[str]) -> tuple[ForeignFiles, Path]:
    """The settings, and the folder that their paths start from. Raises `ConfigError`."""
    document = {} if file is None else load_yaml(file)
    for override in overrides:
        apply_override(document, override)
    where = "the options" if file is None else str(file)
    return validated(document, ForeignFiles, where=where), Path() if file is None else file.parent


def molecule_apart(atoms: Atoms, named: str | None) -> IntArray:
    """The molecule's atoms in a structure. Raises `ConfigError` where they cannot be told."""
    frame = LabelledFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=atoms.positions,
        cell=atoms.cell[:],
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy_ev=0.0,
        forces=np.zeros((len(atoms), 3)),
        trajectory="",
        config_type="",
        source="",
    )
    choice = None if named is None else MoleculeChoice.parse(named)
    grouping = group_atoms([frame], choice)
    groups = grouping.groups[0]
    found = [] if groups is None else [index for index, group in enumerate(groups) if group is Group.MOLECULE]
    if not found or len(found) == len(atoms):
        why = next(iter(grouping.undecided.values()), "all atoms hang together, or none go on through the boundaries")
        raise ConfigError(
            f"slab and molecule of {atoms.symbols.formula.convert('hill')} cannot be told apart: {why}. Say which "
            "atoms are the molecule (`molecule: 128-153`, or --set molecule=128-153)."
        )
    return np.array(found, dtype=np.int64)


def trajectories(
    files: Sequence[Path], settings: ForeignFiles, folder: Path, *, one: bool
) -> Iterator[tuple[Outcome, Found]]:
    """The outcome of each file's trajectory, or of the `one` that all files are parts of."""
    for parts in [files] if one else [[file] for file in files]:
        yield decide_files(str(parts[0]) if len(parts) == 1 else _name(parts), parts, settings, folder, molecule_apart)


def frames(
    files: Sequence[Path], settings: ForeignFiles, folder: Path, advance: Callable[[int], None]
) -> Iterator[FrameClass]:
    """The class of every frame of all files."""
    for index, file in enumerate(files):
        yield from classify_frames(file, settings, folder, molecule_apart)
        advance(index + 1)


def counts(modes: Sequence[Mode]) -> list[tuple[Mode, int]]:
    """How many there are of each mode that occurs, in the modes' order."""
    number = collections.Counter(modes)
    return [(mode, number[mode]) for mode in Mode if number[mode]]


def write_table(file: Path, rows: Sequence[Outcome] | Sequence[FrameClass], *, each_frame: bool) -> None:
    """A line of CSV for each. Raises `InputFileError` where the file cannot be written."""
    header = _FRAMES if each_frame else _OUTCOMES
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([getattr(row, "trajectory_id" if key == "trajectory" else key) for key in header])
    try:
        replace_file(file, text.getvalue().encode())
    except OSError as error:
        raise InputFileError(f"cannot write {file}: {error.strerror}. Name a file in an existing folder.") from error


def _name(parts: Sequence[Path]) -> str:
    return f"{parts[0]} to {parts[-1]}"
