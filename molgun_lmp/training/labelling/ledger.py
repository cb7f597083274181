"""What a labelling folder remembers: the method, and each structure's labels as soon as they are known."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.config.loading import dump_yaml, load_section
from molgun_lmp.errors import TrainingError
from molgun_lmp.folder_lock import only_command
from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure, RepeatDifference
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.labelling.share import ALL, Share


@dataclass(frozen=True, kw_only=True)
class KnownLabels:
    """What a labelling folder knows, by the structures' keys."""

    done: dict[str, ComputedLabels]
    failed: dict[str, str]
    """Why each structure that was tried has no labels."""


def read_labels(folder: Path) -> KnownLabels:
    """What all shares have found so far. A line that was cut, or that is being written, counts for nothing."""
    known = KnownLabels(done={}, failed={})
    for file in sorted(folder.glob("labels*.jsonl")):
        for line in file.read_bytes().splitlines():
            try:
                document = json.loads(line)
                key = document["key"]
                if "failed" in document:
                    known.failed[key] = document["failed"]
                    continue
                repeat = document.get("repeat")
                known.done[key] = ComputedLabels(
                    energy_ev=document["energy_ev"],
                    forces=np.array(document["forces_ev_per_angstrom"], dtype=float),
                    seconds=document["seconds"],
                    repeat=None if repeat is None else RepeatDifference(**repeat),
                )
            except (ValueError, KeyError, TypeError):
                continue
    for key in known.done:
        known.failed.pop(key, None)
    return known


class Ledger:
    """labels.jsonl, or labels-K-of-N.jsonl of a share: a line is added and synced for each structure."""

    def __init__(self, folder: Path, share: Share) -> None:
        self.known = read_labels(folder)
        self._file = folder / ("labels.jsonl" if share.is_all else f"labels-{share.name}.jsonl")
        self._handle = self._file.open("ab+")
        if self._handle.seek(0, os.SEEK_END):
            self._handle.seek(-1, os.SEEK_END)
            if self._handle.read(1) != b"\n":  # a line was cut
                self._handle.write(b"\n")

    def add(self, key: str, labels: ComputedLabels) -> None:
        """Keep the labels of one structure."""
        self._append(
            {
                "key": key,
                "energy_ev": labels.energy_ev,
                "forces_ev_per_angstrom": labels.forces.tolist(),
                "seconds": round(labels.seconds, 3),
                **({} if labels.repeat is None else {"repeat": asdict(labels.repeat)}),
            }
        )
        self.known.done[key] = labels
        self.known.failed.pop(key, None)

    def fail(self, key: str, failure: Failure) -> None:
        """Keep why a structure has none; a later run tries it again."""
        self._append({"key": key, "failed": failure.reason})
        self.known.failed[key] = failure.reason

    def _append(self, document: dict[str, Any]) -> None:
        try:
            self._handle.write(json.dumps(document, allow_nan=False).encode() + b"\n")
            self._handle.flush()
            os.fsync(self._handle.fileno())
        except OSError as error:
            raise TrainingError(
                f"{self._file} cannot be written ({error.strerror}): make room and give the same command; the labels "
                "before this one are kept."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._handle.close()


@contextmanager
def open_ledger(folder: Path, config: LabellingConfig, share: Share = ALL) -> Iterator[Ledger]:
    """The ledger of a labelling folder, for one command at a time, or one for each share of it.

    Raises `TrainingError` as `label` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with only_command("label", folder, None if share.is_all else share.name):
        kept = folder / "label.yaml"
        if kept.is_file():
            earlier = load_section(kept, LabellingConfig)
            for name in ("level_of_theory", "calculator", "options"):
                if getattr(earlier, name) != getattr(config, name):
                    raise TrainingError(
                        f"{folder} holds labels made with another `{name}`: labels of two methods must not mix. Name "
                        "another folder."
                    )
        replace_file(kept, dump_yaml(config).encode())
        ledger = Ledger(folder, share)
        try:
            yield ledger
        finally:
            ledger.close()
