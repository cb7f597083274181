"""`molgun cluster --check`: one short deck of a cluster folder with the LAMMPS there, before thousands are sent.

The first frame as it stands in the deck, without its fixes, gives energy and forces to compare; then the deck itself
runs for a second, started as run.sh starts it.
"""

import dataclasses
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.campaign.cluster.first_frame import FirstDeck, right_answer
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, MODEL_FOLDER, Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.worker.first_frame import answer_in, as_it_stands
from molgun_lmp.engine.lammps_build import ask_lammps, ended_alone, last_words
from molgun_lmp.engine.target_needs import target_obstacle, with_include
from molgun_lmp.engine.targets import LammpsTarget
from molgun_lmp.errors import ConfigError, EngineError
from molgun_lmp.gun.names import DATA_NAME, DUMP_NAME, INPUT_NAME, LOG_NAME
from molgun_lmp.model_formats import MODEL_FORMATS, ParityLimits
from molgun_lmp.models.predict import Prediction
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import JsonRecord

_LIMIT_S: Final = 600.0
"""For each of the two runs: a GPU's kernels may have to be compiled first."""
_DECK_S: Final = 1
"""The deck itself is told to end after this; it does at least five steps."""
_SAME_FORMULA: Final = ParityLimits(1e-9, 1e-7, 0.0, 0.0, 1e-7)
"""Of a pair potential that two builds of LAMMPS compute in double precision."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterCheck(JsonRecord):
    """What one deck did there. Energies per atom, eV; forces, eV/Å: the largest differences, and what is granted."""

    lammps: str
    """Its version."""
    trajectory: str
    reference: str
    """What its energy and forces were compared with, in words."""
    steps: int
    """Of the deck itself."""
    energy_ev_per_atom: float
    force_ev_per_angstrom: float
    energy_limit_ev_per_atom: float
    force_limit_ev_per_angstrom: float
    largest_force_ev_per_angstrom: float

    @property
    def passed(self) -> bool:
        """Whether it computes what the reference does; what is no number does not."""
        return (
            self.energy_ev_per_atom <= self.energy_limit_ev_per_atom
            and self.force_ev_per_angstrom <= self.force_limit_ev_per_angstrom
        )

    def sentence(self) -> str:
        """The differences in words."""
        return (
            f"LAMMPS {self.lammps}, trajectory {self.trajectory}: the energy of the first frame differs by "
            f"{self.energy_ev_per_atom:.1e} eV/atom (limit {self.energy_limit_ev_per_atom:.1e}), a force by up to "
            f"{self.force_ev_per_angstrom:.1e} eV/Å (limit {self.force_limit_ev_per_angstrom:.1e}, largest force "
            f"{self.largest_force_ev_per_angstrom:.1f}), compared with {self.reference}; its deck ran "
            f"{self.steps} steps."
        )


def check_cluster(
    store: Store, folder: Path, *, target: LammpsTarget, program: str, model: Path | None = None
) -> ClusterCheck:
    """Run the first deck of a cluster folder with the LAMMPS `program`, in the place of the `lmp` in `target.launch`.

    Nothing in `folder` is changed. Energy and forces are held against mace itself where `model`, the exported model's
    folder, has its file and nothing is laid over it; else against the campaign's engine on this machine. Raises
    `EngineError` for a LAMMPS that cannot run the deck, or computes something else.
    """
    work, first = campaign_work(store), FirstDeck.of(folder)
    build = ask_lammps(program)
    asked = with_include(target, (folder / ENGINE_NAME).read_text(encoding="utf-8"))
    obstacle = target_obstacle(asked, build, dispersion=work.engine.dispersion, deck=first.text)
    if obstacle is not None:
        raise EngineError(f"do not send it: {program} cannot run this target, because {obstacle}")
    with tempfile.TemporaryDirectory(prefix="molgun-check-") as name:
        root = Path(name).resolve()
        there = _Trial(root=root / "there", command=command_with(target, program))
        found, steps = there.ran(first)
        right = right_answer(work, root / "here", first, model)
    limits = [*right.limits, *([] if target.model is None else [MODEL_FORMATS[target.model].parity[work.engine.dtype]])]
    limits = limits or [_SAME_FORMULA]
    largest = float(np.abs(right.answer.forces).max())
    granted = largest * sum(one.rounding for one in limits)
    check = ClusterCheck(
        lammps=build.version,
        trajectory=first.name,
        reference=right.whose,
        steps=steps,
        energy_ev_per_atom=abs(found.energy_ev - right.answer.energy_ev) / len(right.answer.forces),
        force_ev_per_angstrom=float(np.abs(found.forces - right.answer.forces).max()),
        energy_limit_ev_per_atom=sum(one.energy for one in limits) + granted,
        force_limit_ev_per_angstrom=sum(one.force for one in limits) + granted,
        largest_force_ev_per_angstrom=largest,
    )
    if not check.passed:
        raise EngineError(
            f"do not send it: this LAMMPS computes something else. {check.sentence()} Is it the target's pair style, "
            "with the model file of this campaign, in its precision?"
        )
    return check


def command_with(target: LammpsTarget, program: str) -> list[str]:
    """The words of `launch`, with `program` in the place of its `lmp`. Raises `ConfigError` where there is none."""
    words = target.command
    named = [place for place, word in enumerate(words) if re.match(r"(lmp|lammps)[^=]*$", Path(word).name)]
    if not named and len(words) > 1:
        raise ConfigError(f"launch: no word of `{target.launch}` is called lmp, so nothing says where {program} goes.")
    place = named[-1] if named else 0
    return [*words[:place], str(Path(shutil.which(program) or program).absolute()), *words[place + 1 :]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Trial:
    """One LAMMPS, started in a folder that is laid out as a cluster folder is."""

    root: Path
    command: Sequence[str]

    def ran(self, first: FirstDeck) -> tuple[Prediction, int]:
        """Energy and forces of the first frame, and the steps that the deck itself did."""
        home, part, models = first.home, first.home / "part-1", first.folder / MODEL_FOLDER
        shutil.copytree(first.folder, self.root, ignore=shutil.ignore_patterns(MODEL_FOLDER, "trajectories"))
        if models.is_dir():
            (self.root / MODEL_FOLDER).symlink_to(models.resolve(), target_is_directory=True)
        (self.root / part).mkdir(parents=True)
        shutil.copyfile(first.data, self.root / part / DATA_NAME)
        (self.root / home / INPUT_NAME).write_text(first.text, encoding="utf-8")
        (self.root / "check.in").write_text(as_it_stands(first.text), encoding="utf-8")
        log = self._run("check.in", part / "check.log", {"dir": str(part), "root": "."})
        try:
            found = answer_in(log, self.root / part / "check.dump")
        except EngineError as error:
            raise EngineError(f"do not send it: {error}") from error
        values = {"dir": str(part), "root": ".", "home": str(home), "seconds": str(_DECK_S), "steps": "0"}
        log = self._run("start.in", part / LOG_NAME, values)
        ended = re.search(r"^molgun: ended at step (\d+)$", log, re.MULTILINE)
        if ended is None or int(ended[1]) == 0:
            raise EngineError(f"do not send it: its deck did not do a step: {last_words(log)}")
        frames = list(read_frames(self.root / part / DUMP_NAME))
        if not frames or not frames[-1].finite:
            raise EngineError("do not send it: its deck wrote positions that are not numbers.")
        return found, int(ended[1])

    def _run(self, script: str, log: Path, variables: dict[str, str]) -> str:
        arguments = ["-in", script, "-log", str(log), "-screen", "none"]
        for name, value in variables.items():
            arguments += ["-var", name, value]
        try:
            status, said = ended_alone([*self.command, *arguments], cwd=self.root, limit_s=_LIMIT_S)
        except OSError as error:
            raise EngineError(f"do not send it: {self.command[0]} cannot be started: {error.strerror}.") from error
        except subprocess.TimeoutExpired:
            raise EngineError(f"do not send it: LAMMPS did not end within {_LIMIT_S:g} s ({script}).") from None
        file = self.root / log
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        failed = re.search(r"^ERROR.*", f"{text}\n{said}", re.MULTILINE)
        if failed is not None or status != 0 or not text:
            why = failed[0] if failed else last_words(said or text)
            raise EngineError(f"do not send it: `{' '.join(self.command)}` fails on the first deck: {why}")
        return text
