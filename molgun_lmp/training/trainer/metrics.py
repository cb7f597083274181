"""What mace reports while it trains: its metrics file, one JSON document a line, as losses per epoch."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, TextIO

from molgun_lmp.errors import TrainingError
from molgun_lmp.training.run_folder import EpochRecord


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
        """Take in further lines. Raises `TrainingError` for an epoch whose loss is not a number."""
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

    def cut(self) -> None:
        """Forget the epoch that is running: the trainer was ended inside it."""
        self._losses, self._seconds, self.batches = [], 0.0, 0

    def _validated(self, document: dict[str, Any]) -> None:
        if self._head is not None and document.get("head") != self._head:
            return
        epoch = document.get("epoch")
        if epoch is not None:  # None: before the first step, also of a restart
            if not math.isfinite(document["loss"]):
                raise TrainingError(
                    f"the validation loss of epoch {epoch + 1} is not a finite number: the training diverged. Use a "
                    "smaller `optimisation.learning_rate` or `dtype: float64`, and a new folder."
                )
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
        self.cut()


class MetricsFile:
    """Whole new lines of a file that another process appends to; the file may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: TextIO | None = None
        self._rest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()

    def new_lines(self) -> list[str]:
        """What was added since the last call, from the beginning of the file at the first."""
        if self._handle is None:
            if not self._path.exists():
                return []
            self._handle = self._path.open(encoding="utf-8", errors="replace")
        *whole, self._rest = (self._rest + self._handle.read()).split("\n")
        return whole


def best_epoch(epochs: Iterable[EpochRecord]) -> EpochRecord:
    """The epoch with the lowest validation loss."""
    return min(epochs, key=lambda record: record.validation_loss)


def is_stale(epochs: Sequence[EpochRecord], patience: int | None) -> bool:
    """Whether the last `patience` epochs brought no lower validation loss."""
    return patience is not None and bool(epochs) and epochs[-1].epoch - best_epoch(epochs).epoch >= patience
