"""What the training tests share: labelled frames that EMT makes in no time, a tiny training, `molgun train` itself."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write
from waiting import PATIENCE_S, wait_for

from molgun_lmp.config.loading import dump_yaml
from molgun_lmp.training.settings import TrainingConfig

TINY = {"num_channels": 8, "max_L": 0, "num_interactions": 2, "max_ell": 1, "correlation": 2, "r_max_angstrom": 3.5}


def write_frames(folder: Path) -> Path:
    """Six trajectories of four rattled CuAl cells each, labelled by EMT; the last of a free cluster without a cell."""
    rng = np.random.default_rng(0)
    frames = []
    for trajectory in range(6):
        for _ in range(4):
            atoms = bulk("Cu", cubic=True, a=3.8)
            atoms.symbols[: 1 + trajectory % 2] = "Al"
            if trajectory == 5:
                atoms.set_cell(None)
                atoms.pbc = False
            atoms.positions += rng.normal(0, 0.08, (len(atoms), 3))
            frames.append(labelled(atoms, trajectory=f"run{trajectory}"))
    frames += [labelled(Atoms(element), config_type="IsolatedAtom") for element in ("Cu", "Al")]
    write(folder / "frames.extxyz", frames)
    return folder


def labelled(atoms: Atoms, **info: str) -> Atoms:
    """The atoms with EMT's energy and forces."""
    work = atoms.copy()
    work.calc = EMT()
    atoms.info.update(info, REF_energy=float(work.get_potential_energy()))
    atoms.set_array("REF_forces", np.array(work.get_forces()))
    return atoms


def config(**changes: Any) -> TrainingConfig:
    """A training of two epochs on `write_frames`; a change to None leaves a key out."""
    document = {
        "name": "tiny",
        "level_of_theory": "EMT",
        "labels_hold_dispersion": False,
        "frames": ["frames.extxyz"],
        "limits": {"lost_periodicity": True},  # the cluster, whose atoms are those of a periodic cell, is meant
        "split": {"validation": ["run1"], "test": ["run0", "run5"]},
        "architecture": TINY,
        "optimisation": {"epochs": 2, "batch_size": 4},
        "threads": 1,
        **changes,
    }
    return TrainingConfig.model_validate({key: value for key, value in document.items() if value is not None})


class Command:
    """`molgun train` at work in a process group of its own."""

    def __init__(self, process: "subprocess.Popen[Any]", run: Path) -> None:
        self.process = process
        self.run = run

    def wait_for(self, event: Callable[[], bool]) -> None:
        """Until the event; its own end before it is a failure."""
        happened = wait_for(
            lambda: "yes" if event() else self.process.poll() is not None, "an event of the training, or its end"
        )
        assert happened == "yes", self.process.communicate()[1]

    def wait_for_epochs(self, count: int) -> None:
        """Until mace has reported so many epochs in this folder, the validation before the first one included."""
        metrics = self.run / "mace/results/tiny_run-1_train.txt"
        self.wait_for(lambda: metrics.is_file() and metrics.read_text().count('"eval"') >= count)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; the exit code and what was said."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@contextmanager
def molgun_train(folder: Path, training: TrainingConfig, run: Path, *, before: str = "") -> Iterator[Command]:
    """Run the command on frames in `folder`; `before` is Python that runs first, in the same process."""
    file = folder / f"{run.name}.yaml"
    file.write_text(dump_yaml(training))
    code = f"import sys\n{before}\nfrom molgun_lmp.cli import main\nmain()"
    command = [sys.executable, "-c", code, "train", str(file), "--output", str(run)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield Command(process, run)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()


def trainers_of(run: Path) -> list[int]:
    """Process ids of mace trainers at work in a run folder, of torchrun's too."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            at_work = b"mace_process" in (process / "cmdline").read_bytes() and (process / "cwd").resolve() == run
        except OSError:  # no process, or gone by now
            continue
        if at_work:
            found.append(int(process.name))
    return found
