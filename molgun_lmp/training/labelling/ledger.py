"""What a labelling folder remembers: the method, and each structure's labels as soon as they are known."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from molgun_lmp.config.loading import dump_yaml, load_section
from molgun_lmp.errors import TrainingError
from molgun_lmp.folder_lock import only_command
from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure, RepeatDifference
from molgun_lmp.training.labelling.settings import LabellingConfig


class Ledger:
    """labels.jsonl: a line is added and synced for each structure; a line that was cut counts for nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.done: dict[str, ComputedLabels] = {}
        text = file.read_bytes() if file.is_file() else b""
        for line in text.splitlines():
            try:
                document = json.loads(line)
                forces = np.array(document["forces_ev_per_angstrom"], dtype=float)
                repeat = document.get("repeat")
                self.done[document["key"]] = ComputedLabels(
                    energy_ev=document["energy_ev"],
                    forces=forces,
                    seconds=document["seconds"],
                    repeat=None if repeat is None else RepeatDifference(**repeat),
                )
            except (ValueError, KeyError, TypeError):
                continue
        self._handle = file.open("ab")
        if text and not text.endswith(b"\n"):
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
        self.done[key] = labels

    def fail(self, key: str, failure: Failure) -> None:
        """Keep why a structure has none; a later run tries it again."""
        self._append({"key": key, "failed": failure.reason})

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
def open_ledger(folder: Path, config: LabellingConfig) -> Iterator[Ledger]:
    """The ledger of a labelling folder, for one command at a time. Raises `TrainingError` as `label` does."""
    folder.mkdir(parents=True, exist_ok=True)
    with only_command("label", folder):
        kept = folder / "label.yaml"
        if kept.is_file():
            earlier = load_section(kept, LabellingConfig)
            for name in ("level_of_theory", "calculator", "options"):
                if getattr(earlier, name) != getattr(config, name):
                    raise TrainingError(
                        f"{folder} holds labels made with another `{name}`: labels of two methods must not mix. Name "
                        "another folder."
                    )
        kept.write_text(dump_yaml(config), encoding="utf-8")
        ledger = Ledger(folder / "labels.jsonl")
        try:
            yield ledger
        finally:
            ledger.close()
