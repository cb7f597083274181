"""The sequence of states of a trajectory, of which those count that last."""

import dataclasses
from typing import Generic, TypeVar

from molgun_lmp.units import ROUNDING_PS

State = TypeVar("State")
"""A mode, or a mode and whether the molecule is bound."""


@dataclasses.dataclass(kw_only=True)
class ModeHistory(Generic[State]):
    """Fed one state per frame; a new one counts once it has lasted `persistence_ps`, from when it began.

    `events`: (time in ps at which it began, state) of each one that counts, the first frame's to begin with; `young`:
    the same for a newer one that has not lasted long enough yet.
    """

    persistence_ps: float
    events: list[tuple[float, State]] = dataclasses.field(default_factory=list)
    young: tuple[float, State] | None = None
    time_ps: float = 0.0

    def add(self, time_ps: float, state: State) -> None:
        """The state of the next frame. A return to the old one forgets the young one."""
        self.time_ps = time_ps
        if not self.events:
            self.events.append((time_ps, state))
            return
        if state == self.events[-1][1]:
            self.young = None
            return
        if self.young is None or self.young[1] != state:
            self.young = (time_ps, state)
        if self.lasts(time_ps - self.young[0]):
            self.events.append(self.young)
            self.young = None

    def lasts(self, duration_ps: float) -> bool:
        """Whether a state that was there for so long counts."""
        return duration_ps >= self.persistence_ps - ROUNDING_PS

    @property
    def last(self) -> tuple[float, State]:
        """The state of the last frame and when it began, however young it is."""
        return self.young or self.events[-1]
