"""A worker that fires several trajectories at once, whose force calls meet in one evaluation."""

import threading

from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.at_work import Company
from molgun_lmp.campaign.worker.loop import fire_all, is_suspect
from molgun_lmp.campaign.worker.run_trajectory import Fire
from molgun_lmp.errors import InterruptedRunError


def fire_together(work: Work, fire: Fire, interrupt: threading.Event) -> int:
    """`fire_all` in as many threads as the engine takes trajectories together; the number of results stored.

    Each thread claims, fires and stores for itself, so that one which has ended is replaced at once. What ends one
    thread sets `interrupt`, which gives back the trajectories of the others, and is raised once all have ended.

    A trajectory that a worker died on is left for the end, and then fired alone: who dies with others beside it may be
    innocent, who dies alone is not.
    """
    if work.engine.together == 1:
        return fire_all(work, fire, interrupt)
    in_all = 0
    while True:
        several = _fire_several(work, fire, interrupt)
        alone = fire_all(work, fire, interrupt, wanted=is_suspect)
        in_all += several + alone
        if not alone:  # else there may be new ones for several
            return in_all


def _fire_several(work: Work, fire: Fire, interrupt: threading.Event) -> int:
    company = Company()
    stored: list[int] = []
    errors: list[BaseException] = []

    def crew() -> None:
        try:
            stored.append(fire_all(work, fire, interrupt, company, lambda folder: not is_suspect(folder)))
        except BaseException as error:  # raised below, in the thread that can tell the user
            errors.append(error)
            interrupt.set()

    threads = [threading.Thread(target=crew, name=f"crew {k}") for k in range(work.engine.together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, InterruptedRunError)), errors[0])
    return sum(stored)
