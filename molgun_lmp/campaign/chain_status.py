"""How far the chains of a dosing campaign have got."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import ConfigDict

from molgun_lmp.campaign.store.index import IndexRow
from molgun_lmp.config import Dose
from molgun_lmp.records import JsonRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChainStatus(JsonRecord):
    """`molecules` of a chain; `finished`: for each chain how many of its doses have; `at_work`: the chains at which a
    worker is; `ended_early`: those that a dose which failed has ended, before their last molecule."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    molecules: int
    finished: tuple[int, ...]
    at_work: tuple[int, ...]
    ended_early: tuple[int, ...]

    @property
    def complete(self) -> int:
        """Chains whose doses have all finished."""
        return sum(number == self.molecules for number in self.finished)

    def sentence(self) -> str:
        """The chains in words."""
        counts = Counter(self.finished)
        doses = ", ".join(f"{number} after {doses}" for doses, number in sorted(counts.items(), reverse=True))
        early = ""
        if self.ended_early:
            first = ", ".join(str(chain) for chain in self.ended_early[:5])
            more = ", ..." if len(self.ended_early) > 5 else ""
            early = f" {len(self.ended_early)} ended early by a dose that failed (chain {first}{more})."
        chains = f"{len(self.finished)} {'chain' if len(self.finished) == 1 else 'chains'}"
        return f"{chains} of {self.molecules} doses: {doses} finished.{early}"


def chain_status(dose: Dose, ended: Sequence[IndexRow], at_work: Iterable[str]) -> ChainStatus:
    """From what has ended, and the ids of the trajectories at work."""
    finished, early = [0] * dose.chains, set[int]()
    for row in ended:
        chain, _ = dose.place(int(row.id))
        if row.state == "finished":
            finished[chain] += 1
        else:
            early.add(chain)
    working = {dose.place(int(identifier))[0] for identifier in at_work}
    return ChainStatus(
        molecules=dose.molecules,
        finished=tuple(finished),
        at_work=tuple(sorted(working)),
        ended_early=tuple(sorted(early)),
    )
