"""How good an inner model is for a multi-time-step engine: what it leaves of the force, how stiff that is, its cost."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config.section import Section
from molgun_lmp.engine.ase_calculator import as_input
from molgun_lmp.engine.asked_in_python import EXACT_FIRST, AskedInPython, asked_in_python
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import load_card
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.distillation.free_flights import Flights, fly
from molgun_lmp.training.distillation.outer_step import Stiffness, advised_every, own_swing, swing_of
from molgun_lmp.training.distillation.settings import FlightSettings
from molgun_lmp.training.distillation.stiffness import Forces, largest_curvature
from molgun_lmp.units import FS_PER_PS, ROUNDING_PS

_ROUNDS: Final = 5
_ROUND_S: Final = 0.3
"""Of core time for each model."""


class OuterStep(Section):
    """What one outer step would do: the swing of the energy of the stiffest motions, as a share (None: unstable), and
    the core time of a step as a share of the full model's."""

    every: int
    swing: float | None
    core_time: float


class InnerJudgement(Section):
    """What `molgun distill` found on held-out frames."""

    model: str
    """The full model's name."""
    model_sha256: str
    """Of its .model file."""
    remaining_force: ErrorReport
    """F_inner - F_full: the slow force with its sign turned."""
    frames: int
    """On which the stiffness was found."""
    fastest_period_fs: float
    slow_period_fs: float | None
    """The shortest period that the remaining force gives by itself; None where nothing remains."""
    timestep_fs: float
    swing_of_timestep: float
    """Of the campaign's own timestep with the full model alone."""
    outer_steps: tuple[OuterStep, ...]
    flights: Flights | None
    """Of molecules alone; None where none flew."""
    advised_every: int
    """In steps; 1: the inner model is of no use."""
    inner_engine: str
    full_engine: str
    """With which both were timed, with the precision."""
    inner_core_ms: float
    full_core_ms: float
    """Of one evaluation, one thread, side by side."""


def judge(
    full: Path,
    inner: Path,
    frames: Sequence[LabelledFrame],
    *,
    errors: ErrorReport,
    timestep_fs: float,
    dtype: Dtype,
    candidates: Sequence[int],
    seed: int,
    molecules: Sequence[Atoms] = (),
    flights: FlightSettings,
    held_below_angstrom: float | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> InnerJudgement:
    """Judge an inner model folder on some held-out `frames`, whose `errors` are known.

    `candidates` are the outer steps that the campaign allows, in steps of `timestep_fs`; `dtype` is the campaign's;
    `held_below_angstrom` as for `stiffness`; `molecules` fly as `flights` says, `advance` is called with the number
    of flights.
    Raises `EngineError` where one of the models cannot be asked here.
    """
    cards = {folder: load_card(folder) for folder in (full, inner)}
    exact = [asked_in_python(folder, cards[folder], EXACT_FIRST).model for folder in (full, inner)]
    found = stiffness([frame.atoms() for frame in frames], *exact, seed=seed, held_below_angstrom=held_below_angstrom)
    other: Dtype = "float64" if dtype == "float32" else "float32"
    as_run = [asked_in_python(folder, cards[folder], (dtype, other)) for folder in (full, inner)]
    largest = max((frame.atoms() for frame in frames), key=len)
    full_s, inner_s = core_seconds([one.model for one in as_run], largest)
    swings = {every: swing_of(found, every * timestep_fs) for every in candidates}
    flown = None
    if molecules:
        flown = fly(
            as_run[0].model,
            as_run[1].model,
            molecules,
            timestep_fs=timestep_fs,
            outer_steps_fs=flights.outer_steps_fs,
            duration_ps=flights.duration_ps,
            advance=advance,
        )
        longest_fs = (flown.longest_fs or 0.0) + FS_PER_PS * ROUNDING_PS
        candidates = [every for every in candidates if every * timestep_fs <= longest_fs]
    return InnerJudgement(
        model=cards[full].name,
        model_sha256=cards[inner].distilled_from or "",
        remaining_force=errors,
        frames=len(frames),
        fastest_period_fs=found.fastest_period_fs,
        slow_period_fs=found.slow_period_fs if np.isfinite(found.slow_period_fs) else None,
        timestep_fs=timestep_fs,
        swing_of_timestep=own_swing(found, timestep_fs),
        outer_steps=tuple(
            OuterStep(every=n, swing=swing if np.isfinite(swing) else None, core_time=1.0 / n + inner_s / full_s)
            for n, swing in swings.items()
        ),
        flights=flown,
        advised_every=advised_every(found, timestep_fs, candidates),
        full_engine=_words(as_run[0]),
        inner_engine=_words(as_run[1]),
        full_core_ms=1e3 * full_s,
        inner_core_ms=1e3 * inner_s,
    )


def stiffness(
    frames: Sequence[Atoms], full: ForceModel, inner: ForceModel, *, seed: int, held_below_angstrom: float | None
) -> Stiffness:
    """The largest curvatures of the full force and of what the inner one leaves of it, over all frames.

    Atoms less than `held_below_angstrom` above the lowest one do not move: a bond that is held has one length in all
    frames, so no inner model learns how stiff it is, and none needs to. None: all move. Masses are the elements' own;
    heavier isotopes are slower.
    """
    whole, slow = [], []
    for number, atoms in enumerate(frames):
        free = _free(atoms, held_below_angstrom)
        of_full, of_inner = _forces(full, atoms, free), _forces(inner, atoms, free)
        masses, rng = atoms.get_masses()[free], np.random.default_rng([seed, number])

        def left(positions: FloatArray, one: Forces = of_full, other: Forces = of_inner) -> FloatArray:
            return one(positions) - other(positions)

        whole.append(abs(largest_curvature(of_full, atoms.positions[free], masses, rng)))
        slow.append(abs(largest_curvature(left, atoms.positions[free], masses, rng)))
    return Stiffness(full=max(whole), slow=max(slow))


def core_seconds(models: Sequence[ForceModel], atoms: Atoms) -> list[float]:
    """Core time of one evaluation by each model: medians of rounds in which they take turns."""
    structure = as_input(atoms)
    calls = []
    for model in models:
        model.evaluate(structure)  # what compiles or warms up
        model.evaluate(structure)
        start = time.process_time()
        model.evaluate(structure)
        calls.append(max(1, round(_ROUND_S / max(time.process_time() - start, 1e-6))))
    taken: list[list[float]] = [[] for _ in models]
    for _ in range(_ROUNDS):
        for model, number, times in zip(models, calls, taken, strict=True):
            start = time.process_time()
            for _ in range(number):
                model.evaluate(structure)
            times.append((time.process_time() - start) / number)
    return [statistics.median(times) for times in taken]


def _free(atoms: Atoms, held_below_angstrom: float | None) -> BoolArray:
    height = atoms.positions[:, 2] - atoms.positions[:, 2].min()
    free: BoolArray = height > (-1.0 if held_below_angstrom is None else held_below_angstrom)
    return free


def _forces(model: ForceModel, atoms: Atoms, free: BoolArray) -> Forces:
    """Of the free atoms, from their positions; the others stay."""
    moved = atoms.copy()

    def forces(positions: FloatArray) -> FloatArray:
        moved.positions[free] = positions
        return model.evaluate(as_input(moved)).forces[free]

    return forces


def _words(asked: AskedInPython) -> str:
    return f"{asked.engine.title} {asked.dtype}"
