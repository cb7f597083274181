"""CP2K as an ASE calculator for `molgun label`: an input of ours for each structure, one run, its output read strictly.

ASE's own calculator talks to `cp2k_shell` and takes the energy and forces of an unconverged field for labels.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator, SCFError, all_changes

from molgun_lmp.config.loading import validated
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.labelling.cp2k.atomic_data import data_folder, kinds_of, read_names
from molgun_lmp.training.labelling.cp2k.input_file import Guess, input_text
from molgun_lmp.training.labelling.cp2k.output import abort_message, read_answer
from molgun_lmp.training.labelling.cp2k.settings import Cp2kSettings

INPUT: Final = "label.inp"
OUTPUT: Final = "label.out"
MESSAGES: Final = "label.err"


class Cp2k(Calculator):  # type: ignore[misc]  # ASE has no types
    """PBE or PBE-D3(BJ) at the Gamma point; options as in `Cp2kSettings`.

    Files are in the working folder; those of a structure that failed are kept there in `failed-N/`. Raises
    `ConfigError` for wrong options, a program or data that are not there, and a structure that cannot be computed with
    them; `SCFError` or `CalculationFailed` where CP2K fails on a structure.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]
    starts_afresh: ClassVar[bool] = True
    """No structure hangs on the one before: one that failed once fails again."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._settings = validated(options, Cp2kSettings, where="options")
        self._guess: Guess = "ATOMIC"
        self._command = shlex.split(self._settings.command)
        for word in (self._command[0], self._command[-1]):
            if shutil.which(word) is None:
                raise ConfigError(
                    f"there is no program {word} on the path. Install CP2K (Debian: apt-get install cp2k "
                    "libopenblas0), or name it: options `command`, such as /opt/cp2k/cp2k.psmp."
                )
        self._data = data_folder(self._settings.data, self._command[-1])
        self._basis = read_names(self._data / self._settings.basis_file, self._settings.basis)
        self._potential = read_names(self._data / self._settings.potential_file, self._settings.potential)

    def from_another_start(self) -> Self:
        """The same method, from random electrons instead of those of the atoms: is there a second solution?"""
        other = type(self)(**self._settings.model_dump())
        other._guess = "RANDOM"
        return other

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy (eV) and forces (eV/Å) of one structure."""
        super().calculate(atoms, properties, system_changes)
        kinds = kinds_of(self.atoms.symbols, self._basis, self._potential)
        Path(INPUT).write_text(input_text(self.atoms, kinds, self._settings, self._guess), encoding="utf-8")
        try:
            self._run()
            answer = read_answer(Path(OUTPUT).read_text(encoding="utf-8", errors="replace"), len(self.atoms))
        except (CalculationFailed, SCFError) as error:
            raise type(error)(f"{error}; {_keep_files()} has its files") from error
        self.results: dict[str, Any] = {"energy": answer.energy_ev, "forces": answer.forces}

    def _run(self) -> None:
        with Path(OUTPUT).open("wb") as output, Path(MESSAGES).open("wb") as messages:
            done = subprocess.run(
                [*self._command, "-i", INPUT],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                check=False,
                env={
                    **os.environ,
                    "CP2K_DATA_DIR": str(self._data),
                    # Without mpirun, Open MPI starts a server in a session of its own, which outlives what is killed.
                    "OMPI_MCA_ess_singleton_isolated": "1",
                },
            )
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            raise CalculationFailed(
                f"CP2K was killed by {name}"
                + (" (is there enough memory?)" if done.returncode == -signal.SIGKILL else "")
            )
        if done.returncode > 0:
            text = Path(OUTPUT).read_text(encoding="utf-8", errors="replace")
            if "SCF run NOT converged" in text:  # later versions end there
                raise SCFError("the self-consistent field did not converge")
            last = Path(MESSAGES).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            why = abort_message(text) or " ".join(last) or "it says nothing"
            raise CalculationFailed(f"CP2K ended with exit status {done.returncode}: {why}")


def _keep_files() -> Path:
    """The folder that a failed structure's files are moved to."""
    number = 1
    while (folder := Path(f"failed-{number}")).exists():
        number += 1
    folder.mkdir()
    for name in (INPUT, OUTPUT, MESSAGES):
        if Path(name).exists():
            Path(name).rename(folder / name)
    return folder.resolve()
