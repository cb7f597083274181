"""What is kept of `molgun analyse --quench` for everyone who asks later: the table, the report, Python.

analysis/quench.json     one record per end
analysis/quench.csv      the same as a table, of the ends that still are what they were
analysis/binding.csv     binding energies by mode of the minimum
"""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from molgun_lmp.analysis.outcomes.minima import Minima, Quenched
from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.outcome_scheme import DEFAULT_SCHEME
from molgun_lmp.results.decided import Ended
from molgun_lmp.results.table_files import write_binding, write_quenched

QUENCH_JSON: Final = "quench.json"
QUENCH_CSV: Final = "quench.csv"
BINDING_CSV: Final = "binding.csv"


def dump_of(ended: Ended) -> str:
    """What tells an end from that of another run of the same trajectory."""
    return ended.result.hashes.get("dump", "")


def keep_minima(store: Store, quenched: Sequence[Quenched]) -> None:
    """Keep the records. Raises `OSError`."""
    write_json({"quenched": [one.to_json() for one in quenched]}, store.analysis / QUENCH_JSON)


def kept_minima(store: Store, ended: Sequence[Ended]) -> Minima | None:
    """The minima that are kept, as in `minima_of`; None where nobody asked for any. Those that were classified by
    another scheme are missing until they are asked for again, which minimises nothing anew.

    Raises `CampaignError` for a damaged record.
    """
    file = store.analysis / QUENCH_JSON
    try:
        documents = json.loads(file.read_bytes())["quenched"]
        known = [one for one in documents if one.get("scheme", DEFAULT_SCHEME) == store.scheme.identity]
        records = [Quenched.from_json(one, store.scheme) for one in known]
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CampaignError(
            f"{file} is damaged or of another version ({error}). Remove it: `molgun analyse {store.root} --quench` "
            "makes it anew of the minima that are kept."
        ) from error
    return minima_of(store, ended, records)


def minima_of(store: Store, ended: Sequence[Ended], records: Sequence[Quenched]) -> Minima:
    """The minima of those of the `ended` trajectories that have one; one that was fired again since has none."""
    found = {one.trajectory_id: one for one in records}
    valid: list[Quenched] = []
    missing = 0
    for one in ended:
        minimum = found.get(one.folder.id)
        if minimum is not None and minimum.dump == dump_of(one):
            valid.append(minimum)
        else:
            missing += one.outcome.mode.row.quenched
    return Minima(quenched=tuple(valid), missing=missing, level_of_theory=store.manifest.level_of_theory)


def write_minima(store: Store, minima: Minima | None) -> None:
    """The tables of the minima that count. Raises `OSError`."""
    if minima is not None:
        write_quenched(minima.quenched, store.analysis / QUENCH_CSV)
        write_binding(minima.binding, store.analysis / BINDING_CSV)
