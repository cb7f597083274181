"""What mace reports while it trains: its metrics file, one JSON document a line, as losses per epoch."""

import json
from collections.abc import Iterable
from typing import Any

from molgun_lmp.config.section import Section


class EpochRecord(Section):
    """One epoch: the mean training loss, and errors on the validation frames (of the averaged weights, with EMA)."""

    epoch: int
    train_loss: float | None
    """None for an epoch whose batches were not recorded."""
    validation_loss: float
    energy_mae_ev_per_atom: float
    energy_rmse_ev_per_atom: float
    forces_mae_ev_per_angstrom: float
    forces_rmse_ev_per_angstrom: float
    seconds: float
    """Time in the batches and the validation."""


class History:
    """Losses so far. Feed it the lines of mace's metrics file in order; a line that is cut or foreign is passed over.

    A restarted training repeats epochs: the last report of an epoch counts.
    """

    def __init__(self, head: str | None = None) -> None:
        self._head = head
        self._epochs: dict[int, EpochRecord] = {}
        self._losses: list[float] = []
        self._seconds = 0.0
        self.batches = 0
        """Batches of the epoch that is running."""

    @property
    def epochs(self) -> tuple[EpochRecord, ...]:
        """Finished epochs in order."""
        return tuple(self._epochs[epoch] for epoch in sorted(self._epochs))

    def feed(self, lines: Iterable[str]) -> None:
        """Take in further lines."""
        for line in lines:
            try:
                document = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(document, dict) and document.get("mode") == "opt":
                self._losses.append(float(document["loss"]))
                self._seconds += float(document["time"])
                self.batches += 1
            elif isinstance(document, dict) and document.get("mode") == "eval":
                self._validated(document)

    def _validated(self, document: dict[str, Any]) -> None:
        if self._head is not None and document.get("head") != self._head:
            return
        epoch = document.get("epoch")
        if epoch is not None:  # None: before the first step, also of a restart
            self._epochs[epoch] = EpochRecord(
                epoch=epoch,
                train_loss=sum(self._losses) / len(self._losses) if self._losses else None,
                validation_loss=document["loss"],
                energy_mae_ev_per_atom=document["mae_e_per_atom"],
                energy_rmse_ev_per_atom=document["rmse_e_per_atom"],
                forces_mae_ev_per_angstrom=document["mae_f"],
                forces_rmse_ev_per_angstrom=document["rmse_f"],
                seconds=self._seconds + float(document["time"]),
            )
        self._losses, self._seconds, self.batches = [], 0.0, 0


def best_epoch(epochs: Iterable[EpochRecord]) -> EpochRecord:
    """The epoch with the lowest validation loss, whose weights mace keeps."""
    return min(epochs, key=lambda record: record.validation_loss)
