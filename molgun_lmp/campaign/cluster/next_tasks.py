"""A stop rule for a cluster where nothing but LAMMPS is: the folder holds all shots, its job fires those of the next
look, and `molgun collect` looks at what came back and says which tasks to submit, or that it is enough.

The looks are those of `molgun run --until`, over the same complete prefixes: what is promised of them holds here, too.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

from molgun_lmp.analysis.statistics.stopping import PrecisionTarget, Stopping, stopping_sentence
from molgun_lmp.batch.system import array_of
from molgun_lmp.campaign.cluster.write import ClusterRecord, chunks_until
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.looks import begin_rule, take_looks
from molgun_lmp.records import Outcome

Outcomes = Callable[[Store], list[Outcome]]
"""What became of the trajectories that have ended, in their order, such as `molgun_lmp.results.analyse.outcomes_of`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Advice:
    """What the campaign's rule says after a folder came back."""

    stopping: Stopping
    needed: tuple[str, ...]
    """Trajectories of the next look that have not ended; none for a rule that is over."""
    elsewhere: tuple[str, ...]
    """Those of them that are not in the folder."""
    array: str
    """The folder's tasks that hold the others (`0-2,5`); empty for none."""
    submissions: tuple[str, ...]
    """The commands that submit them."""
    cancel: str
    """The command that ends what waits or runs there."""

    def to_json(self) -> dict[str, Any]:
        """The rule with its looks, and what to submit."""
        return {
            **self.stopping.to_json(),
            "reached": self.stopping.reached,
            "next_look": None if self.stopping.over else self.stopping.next_look,
            "needed": list(self.needed),
            "elsewhere": list(self.elsewhere),
            "array": self.array,
        }

    def sentences(self) -> list[str]:
        """What the looks found, and what to do."""
        said = [sentence] if (sentence := stopping_sentence(self.stopping)) else []
        if self.stopping.reached:
            said.append(f"Submit nothing more; what still waits or runs there can be ended: {self.cancel}")
        if self.needed:
            said.append(
                f"{len(self.needed)} of the first {self.stopping.next_look} shots, which the next look needs, have not "
                "ended."
            )
        if self.submissions:
            said.append(f"Submit their tasks, also again: {'; '.join(self.submissions)}")
        if self.elsewhere:
            more = ", ..." if len(self.elsewhere) > 5 else ""
            said.append(f"{len(self.elsewhere)} of them are not in this folder: {', '.join(self.elsewhere[:5])}{more}")
        return said


def begin_for_cluster(store: Store, targets: Sequence[PrecisionTarget], outcomes: Outcomes) -> Stopping:
    """The rule by which a campaign is sent, with all looks taken that its shots so far allow.

    Raises `CampaignError` where the campaign has another rule.
    """
    begin_rule(store, targets)
    stopping = take_looks(store, lambda: outcomes(store))
    assert stopping is not None
    return stopping


def advise(store: Store, record: ClusterRecord, outcomes: Outcomes) -> Advice | None:
    """Take the looks that are possible now, and say what the next one needs of a folder. None without a rule."""
    stopping = take_looks(store, lambda: outcomes(store))
    if stopping is None:
        return None
    needed: Collection[str] = ()
    if not stopping.over:
        needed = [
            folder.id
            for folder in store.trajectories()
            if int(folder.id) < stopping.next_look and not folder.result_file.exists()
        ]
    tasks = chunks_until(record.trajectories, record.chunk, set(needed))
    batch = record.batch
    return Advice(
        stopping=stopping,
        needed=tuple(needed),
        elsewhere=tuple(sorted(set(needed) - set(record.trajectories))),
        array=array_of(tasks),
        submissions=batch.submissions(tasks),
        cancel=batch.cancel(batch.job_name(record.campaign)),
    )
