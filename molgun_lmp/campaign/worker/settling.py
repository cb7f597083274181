"""`stop.settled` at work: the dump is read while LAMMPS writes it, and the run is ended once the molecule has settled.

LAMMPS goes on for a few steps until it is told to end. What it wrote of these is cut off: the trajectory ends with the
frame at which the molecule had settled, whenever that was noticed.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from molgun_lmp.analysis.outcomes.settling import SettlingObserver
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.completeness import WholeFrame, whole_frames
from molgun_lmp.campaign.store.planned_start import adsorbed, planned_start, reference_of
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.config import Dynamics, SettledRule
from molgun_lmp.engine.session import DeckRun
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.initial_conditions import is_audited
from molgun_lmp.gun.names import DUMP_NAME, END_NAME
from molgun_lmp.readers.trajectory import frames_of_text
from molgun_lmp.settling_record import Settling
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask

WatchSettling = Callable[[TrajectoryFolder, Path], "SettlingWatch | None"]
"""Gives what watches the run of a trajectory in a folder; None where no rule asks for it."""


class SettlingWatch:
    """Watches one run; call it now and then with the step that LAMMPS is at, and once when it has ended."""

    def __init__(
        self,
        run: Path,
        observer: SettlingObserver,
        dynamics: Dynamics,
        rule: SettledRule,
        *,
        audited: bool,
        others: slice,
    ) -> None:
        self._run, self._dump, self._observer, self._dynamics = run, run / DUMP_NAME, observer, dynamics
        self._rule, self._audited, self._others = rule, audited, others
        self._read = self._end = 0
        self._given_up = False

    def __call__(self, _: int) -> None:
        """Look at the frames that are new and whole; at none after a damaged one. Raises `OSError`."""
        if self._observer.step is not None or self._given_up or not self._dump.is_file():
            return
        try:
            for place in whole_frames(self._dump, start=self._read):
                self._look(place)
                if self._observer.step is not None:
                    return
        except InputFileError:  # the run's own end says what is wrong, such as lost atoms
            self._given_up = True

    def _look(self, place: WholeFrame) -> None:
        with self._dump.open("rb") as handle:
            handle.seek(self._read)
            text = handle.read(place.end - self._read)
        self._read = self._end = place.end
        if place.step % self._dynamics.dump_every_steps == 0:  # a run that was ended has one frame more
            for frame in frames_of_text(text, str(self._dump)):
                self._observer.frame(frame.without(self._others))

    def over(self) -> bool:
        """Whether the run is to end: the molecule has settled, and the shot was not drawn for the audit."""
        return self._observer.step is not None and not self._audited

    def settled(self, done: DeckRun) -> Settling | None:
        """When the molecule had settled, unless a rule had ended the run by then, or its planned end."""
        step = self._observer.step
        if step is None or step >= self._dynamics.steps or (done.halt is not None and done.halt.step <= step):
            return None
        return Settling(step=step, audit_share=self._rule.audit_share)

    def cut(self, done: DeckRun) -> DeckRun | None:
        """The run as one that ended with the frame at which the molecule had settled, and its files so too; None where
        it did not end because of that."""
        settled = None if self._audited else self.settled(done)
        if settled is None:
            return None
        os.truncate(self._dump, self._end)
        (self._run / END_NAME).unlink(missing_ok=True)  # of a later step
        steps = done.thermo.get("Step", np.empty(0))
        regular = (steps <= settled.step) & (np.mod(steps, self._dynamics.thermo_every_steps) == 0)
        thermo = {name: values[regular] for name, values in done.thermo.items()}
        return dataclasses.replace(
            done, steps=settled.step, halt=None, cause=None, error=None, interrupted=False, thermo=thermo
        )


def settling_watch(work: Work) -> WatchSettling:
    """What watches the trajectories of a campaign with `stop.settled`. Raises `CampaignError`, `ConfigError`."""
    store = Store.open(work.root)
    config, scheme, slab = store.config(), store.own_scheme, store.clean_slab
    rule, surface = config.stop.settled, find_surface(slab)
    mobile = ~frozen_mask(slab, surface, config.system.slab.frozen_layers)

    def watch(folder: TrajectoryFolder, run: Path) -> SettlingWatch | None:
        if rule is None:
            return None
        start = planned_start(folder, surface)
        observer = SettlingObserver(
            folder.id,
            rule,
            reference_of(config, scheme, surface, start),
            config.outcomes,
            mobile=mobile,
            masses_u=start.masses_u,
            timestep_fs=config.dynamics.timestep_fs,
        )
        audited = is_audited(config, folder.shot().index)
        others = adsorbed(folder, len(surface.layer))
        return SettlingWatch(run, observer, config.dynamics, rule, audited=audited, others=others)

    return watch
