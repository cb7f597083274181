"""Labelled frames from files, held in memory: for training, evaluation and parity."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import Dropped
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.readers.sources import find_sources
from molgun_lmp.training.dataset.label_keys import common_labels
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.sieve import Sieve
from molgun_lmp.training.settings import FrameLimits


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


def read_dataset(files: Sequence[Path], *, labels: Labels | None = None, limits: FrameLimits | None = None) -> Dataset:
    """All usable frames of files, folders and archives, in memory (`write_dataset` sorts out those that do not fit).

    A frame's trajectory is `trajectory` of its header; frames without one make up one trajectory for each file and
    `config_type`. Raises `InputFileError` for a file that cannot be read or has no usable frame and as
    `Sieve.frames` does, `ConfigError` where the label keys are ambiguous or absent.
    """
    dropped: list[Dropped] = []
    with find_sources(files) as sources:
        sieve = Sieve(labels or common_labels(sources.files), limits or FrameLimits(), dropped.append)
        frames = tuple(sieve.frames(sources.files))
        if not frames:
            raise no_usable_frame([source.name for source in sources.files], sieve)
        hashes = sources.hashes()
    return Dataset(
        frames=frames,
        isolated_atoms_ev=sieve.isolated_atoms_ev,
        dropped=tuple(dropped),
        labels=sieve.labels,
        files=hashes,
    )


def no_usable_frame(names: Sequence[str], sieve: Sieve) -> InputFileError:
    """The error for files that were read to the end and left nothing."""
    why = ", ".join(f"{count} x {reason}" for reason, count in sieve.dropped.items())
    return InputFileError(
        f"no usable frame in {', '.join(names)}: {why or 'only isolated atoms or nothing'}. Labels were read from "
        f"{sieve.labels.energy!r} and {sieve.labels.forces!r}; set `labels` if others are meant."
    )
