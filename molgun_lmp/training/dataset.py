"""Labelled frames from files, one at a time: which keys hold the labels, which frames are dropped, and why."""

import bz2
import collections
import dataclasses
import gzip
import hashlib
import lzma
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import BufferedIOBase
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.io import iread

from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.settings import Labels, Limits

ISOLATED_ATOM: Final = "IsolatedAtom"

_OPENERS: Final[Mapping[str, Callable[[Path], BufferedIOBase]]] = {
    ".xz": lzma.LZMAFile,
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
}


class DropReason(StrEnum):
    """Why a frame is not used."""

    NO_ENERGY = "no energy"
    NO_FORCES = "no forces"
    NOT_FINITE = "energy, forces or positions not finite"
    LARGE_FORCE = "force above the limit"
    DUPLICATE = "duplicate of an earlier frame"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dropped:
    """One frame that is not used. `source` as in `LabelledFrame`."""

    source: str
    reason: DropReason
    detail: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """What was read from the files, in their order."""

    frames: tuple[LabelledFrame, ...]
    isolated_atoms_ev: Mapping[str, float]
    """Energy of each element whose isolated atom is among the frames."""
    dropped: tuple[Dropped, ...]
    labels: Labels
    files: Mapping[str, str]
    """File name -> SHA-256."""

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the frames, alphabetically."""
        return tuple(sorted({symbol for frame in self.frames for symbol in frame.symbols}))

    def report(self) -> dict[str, object]:
        """Counts of frames kept and dropped, JSON-ready: by trajectory and by reason, the dropped ones listed."""
        return {
            "files": dict(self.files),
            "labels": self.labels.model_dump(),
            "frames": len(self.frames),
            "elements": list(self.elements),
            "isolated_atoms_ev": dict(self.isolated_atoms_ev),
            "by_trajectory": dict(collections.Counter(frame.trajectory for frame in self.frames)),
            "dropped": dict(collections.Counter(str(drop.reason) for drop in self.dropped)),
            "dropped_frames": [dataclasses.asdict(drop) for drop in self.dropped],
        }


def read_dataset(files: Sequence[Path], *, labels: Labels | None = None, limits: Limits | None = None) -> Dataset:
    """All usable frames of the files.

    A frame's trajectory is `trajectory` of its header; frames without one make up one trajectory for each file and
    `config_type`. Raises `InputFileError` for a file that cannot be read or has no usable frame and for one
    geometry with two energies, `ConfigError` where the label keys are ambiguous or absent.
    """
    limits = limits or Limits()
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise ConfigError(f"two of the frame files have the same name: {', '.join(sorted(names))}. Rename one.")
    for file in files:
        if not file.is_file():
            raise InputFileError(f"no file of labelled frames at {file}. Check `frames` in the training file.")
    used = labels or _common_labels(files)
    frames: list[LabelledFrame] = []
    isolated: dict[str, float] = {}
    dropped: list[Dropped] = []
    seen: dict[bytes, LabelledFrame] = {}
    for file in files:
        for index, atoms in _read(file):
            source = f"{file.name}#{index}"
            item = _label(atoms, used, limits, source, file)
            if isinstance(item, Dropped):
                dropped.append(item)
            elif item.config_type == ISOLATED_ATOM:
                _add_isolated(isolated, item)
            elif (twin := seen.setdefault(_geometry(item), item)) is item:
                frames.append(item)
            else:
                dropped.append(_duplicate(item, twin))
    if not frames:
        reasons = collections.Counter(str(drop.reason) for drop in dropped)
        raise InputFileError(
            f"no usable frame in {', '.join(names)}: "
            + (
                ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
                or "only isolated atoms or nothing"
            )
            + f". Labels were read from {used.energy!r} and {used.forces!r}; set `labels` if others are meant."
        )
    return Dataset(
        frames=tuple(frames),
        isolated_atoms_ev=isolated,
        dropped=tuple(dropped),
        labels=used,
        files={file.name: sha256_file(file) for file in files},
    )


def label_candidates(atoms: Atoms) -> list[Labels]:
    """The pairs of keys that could be a frame's labels: `energy` with `forces` under one common prefix.

    Such as REF_energy with REF_forces, dft_energy with dft_forces; the frame's calculator (where ASE puts `energy` and
    `forces`) last.
    """
    forces = {
        key[: -len(ending)]: key
        for ending in ("forces", "force")
        for key, values in atoms.arrays.items()
        if key.lower().endswith(ending) and values.shape == (len(atoms), 3)
    }
    found = [
        Labels(energy=key, forces=forces[prefix])
        for key, value in atoms.info.items()
        if key.lower().endswith("energy") and (prefix := key[: -len("energy")]) in forces and np.ndim(value) == 0
    ]
    results = getattr(atoms.calc, "results", {})
    if "energy" in results and "forces" in results:
        found.append(Labels(energy="energy", forces="forces"))
    return found


def _common_labels(files: Iterable[Path]) -> Labels:
    found: dict[tuple[str, str], Path] = {}
    for file in files:
        for _, atoms in _read(file):
            candidates = label_candidates(atoms)
            if candidates:
                found.update({(pair.energy, pair.forces): file for pair in candidates})
                break
    if not found:
        raise ConfigError(
            f"no frame of {', '.join(file.name for file in files)} has an energy and forces under a common prefix "
            "(such as REF_energy and REF_forces). Name the keys with `labels: {energy: ..., forces: ...}`."
        )
    if len(found) > 1:
        pairs = "; ".join(f"{energy} with {forces} in {file.name}" for (energy, forces), file in found.items())
        raise ConfigError(
            f"the frames hold more than one pair of labels: {pairs}. They may come from different levels of theory: "
            "say which one is meant with `labels: {energy: ..., forces: ...}`."
        )
    energy, forces = next(iter(found))
    return Labels(energy=energy, forces=forces)


def _read(file: Path) -> Iterator[tuple[int, Atoms]]:
    index = -1
    try:
        with _unpacked(file) as plain:
            for index, atoms in enumerate(iread(str(plain), index=":")):
                yield index, atoms
    except Exception as error:  # ASE's readers raise anything for what they cannot parse
        raise InputFileError(
            f"{file} cannot be read beyond frame {index}: {type(error).__name__}: {error}. The file is cut or of "
            "another format: remove the broken end, or write it again as extxyz."
        ) from error


@contextmanager
def _unpacked(file: Path) -> Iterator[Path]:
    """The file, or a plain copy of a packed one: ASE's reader seeks back, which unpacks from the start every time."""
    opener = _OPENERS.get(file.suffix)
    if opener is None:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / file.stem
        with opener(file) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target)
        yield plain


def _label(atoms: Atoms, labels: Labels, limits: Limits, source: str, file: Path) -> LabelledFrame | Dropped:
    # The calculator's own arrays: get_forces() would zero those of constrained atoms.
    results = getattr(atoms.calc, "results", {})
    energy = atoms.info.get(labels.energy, results.get(labels.energy))
    forces = atoms.arrays.get(labels.forces, results.get(labels.forces))
    config_type = str(atoms.info.get("config_type", "Default"))
    if energy is None or np.ndim(energy) != 0:
        return Dropped(source=source, reason=DropReason.NO_ENERGY, detail=f"no number under {labels.energy!r}")
    if config_type == ISOLATED_ATOM and forces is None:
        forces = np.zeros((len(atoms), 3))
    if forces is None or np.shape(forces) != (len(atoms), 3):
        return Dropped(source=source, reason=DropReason.NO_FORCES, detail=f"no (N, 3) array under {labels.forces!r}")
    forces = np.asarray(forces, dtype=float)
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(atoms.positions).all()):
        return Dropped(source=source, reason=DropReason.NOT_FINITE, detail=f"energy {energy}")
    largest = float(np.linalg.norm(forces, axis=1).max())
    if largest > limits.max_force_ev_per_angstrom:
        return Dropped(source=source, reason=DropReason.LARGE_FORCE, detail=f"{largest:.1f} eV/Å")
    return LabelledFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=atoms.positions.copy(),
        cell=np.array(atoms.cell),
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy_ev=float(energy),
        forces=forces,
        trajectory=str(atoms.info.get("trajectory", f"{file.name}:{config_type}")),
        config_type=config_type,
        source=source,
    )


def _add_isolated(isolated: dict[str, float], frame: LabelledFrame) -> None:
    element = frame.symbols[0]
    if len(frame) != 1:
        raise InputFileError(f"{frame.source} has config_type {ISOLATED_ATOM} and {len(frame)} atoms. Correct it.")
    if abs(isolated.setdefault(element, frame.energy_ev) - frame.energy_ev) > 1e-6:
        raise InputFileError(
            f"{frame.source}: the isolated {element} atom has {frame.energy_ev} eV here and {isolated[element]} eV "
            "before: two levels of theory, or two spin states. Keep one."
        )


def _geometry(frame: LabelledFrame) -> bytes:
    digest = hashlib.sha256(" ".join(frame.symbols).encode())
    for array in (frame.positions, frame.cell, np.array(frame.pbc, dtype=float)):
        digest.update((np.round(array, 6) + 0.0).tobytes())  # + 0.0 makes -0.0 and 0.0 one
    return digest.digest()


def _duplicate(frame: LabelledFrame, twin: LabelledFrame) -> Dropped:
    difference = abs(frame.energy_ev - twin.energy_ev)
    if difference > 1e-3 * len(frame):
        raise InputFileError(
            f"{frame.source} and {twin.source} are one geometry with energies that differ by {difference:.3f} eV: the "
            "files mix levels of theory. Train on one of them."
        )
    return Dropped(source=frame.source, reason=DropReason.DUPLICATE, detail=f"same geometry as {twin.source}")
