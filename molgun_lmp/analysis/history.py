"""The sequence of modes along a trajectory, short flickers left out."""

import dataclasses

from molgun_lmp.outcome_classes import Mode

_ROUNDING_PS = 1e-9


@dataclasses.dataclass(kw_only=True)
class ModeHistory:
    """Fed one mode per frame; a new mode counts once it has lasted `persistence_ps`, from when it began.

    `events`: (time in ps at which it began, mode) of each mode that counts, the first frame's mode to begin with;
    `young`: the same for a newer mode that has not lasted long enough yet.
    """

    persistence_ps: float
    events: list[tuple[float, Mode]] = dataclasses.field(default_factory=list)
    young: tuple[float, Mode] | None = None
    time_ps: float = 0.0

    def add(self, time_ps: float, mode: Mode) -> None:
        """The mode of the next frame. A return to the old mode forgets the young one."""
        self.time_ps = time_ps
        if not self.events:
            self.events.append((time_ps, mode))
            return
        if mode == self.events[-1][1]:
            self.young = None
            return
        if self.young is None or self.young[1] != mode:
            self.young = (time_ps, mode)
        if time_ps - self.young[0] >= self.persistence_ps - _ROUNDING_PS:
            self.events.append(self.young)
            self.young = None

    @property
    def last(self) -> tuple[float, Mode]:
        """The mode of the last frame and when it began, however young it is."""
        return self.young or self.events[-1]
