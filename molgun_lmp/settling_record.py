"""When a molecule had settled, as it is kept with a trajectory's result."""

import dataclasses

from pydantic import ConfigDict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settling:
    """The timestep at which a molecule had settled by `stop.settled`, and the probability of running on after it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    step: int
    audit_share: float
