"""What was worked out of the same shots by the same code is not worked out again.

analysis/statistics.kept.json    a hash of all that the tables were made of, and one of each file as it was written
analysis/scattering.kept.json    the particles that left, and a hash of all that they were found by
"""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, ValidationError

from molgun_lmp.atomic_files import compact_json_bytes, replace_file, write_json
from molgun_lmp.gun.names import END_NAME
from molgun_lmp.import_closure import code_version
from molgun_lmp.provenance import sha256_file, sha256_json
from molgun_lmp.records import JsonRecord
from molgun_lmp.results.scattering import Particles, particles

if TYPE_CHECKING:
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.outcome_scheme import OutcomeScheme
    from molgun_lmp.results.decided import Ended

TABLES_KEPT: Final = "statistics.kept.json"
PARTICLES_KEPT: Final = "scattering.kept.json"
_DAMAGED: Final = (OSError, ValueError, ValidationError, RecursionError, AttributeError)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Tables(JsonRecord):
    __pydantic_config__ = ConfigDict(extra="forbid")

    of: str
    files: dict[str, str]
    """Name -> SHA-256 of its content."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Particles(JsonRecord):
    __pydantic_config__ = ConfigDict(extra="forbid")

    of: str
    found: Particles


def all_of(store: "Store", ended: Sequence["Ended"], keys: Sequence[str], code: str) -> str:
    """A hash of all that tables over these shots depend on: the campaign, what was drawn, how each ended (`keys`: what
    its outcome is kept under), and a module of that name with all that it imports."""
    return sha256_json(
        {
            "code": code_version(code),
            "config": store.config().model_dump(mode="json"),
            "scheme": store.scheme.document,
            "slab": sha256_file(store.slab),
            "shots": [(key, one.shot.to_json(), _end(one)) for key, one in zip(keys, ended, strict=True)],
        }
    )


def _end(one: "Ended") -> tuple[int, int] | None:
    """Size and time of the data file of its last step, by which it is known again; None where there is none."""
    try:
        about = (one.folder.run_folder(one.result.attempt) / END_NAME).stat()
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns


def unless_kept(folder: Path, names: Iterable[str], of: str, write: Callable[[], None]) -> None:
    """Call `write`, which writes those of the files `names` into a folder that there are, unless they lie there as it
    wrote them before, `of` the same (`all_of`). Raises `OSError`, and what `write` raises."""
    file = folder / TABLES_KEPT
    with contextlib.suppress(*_DAMAGED):
        kept = _Tables.from_json(json.loads(file.read_bytes()))
        if kept.of == of and all(sha256_file(folder / name) == content for name, content in kept.files.items()):
            return
    write()
    there = [name for name in names if (folder / name).is_file()]
    write_json(_Tables(of=of, files={name: sha256_file(folder / name) for name in there}).to_json(), file)


def kept_particles(store: "Store", ended: Sequence["Ended"], keys: Sequence[str]) -> Particles:
    """The particles that left, as they were found before; a folder that cannot be written to forgets them."""
    of, file = all_of(store, ended, keys, Particles.__module__), store.analysis / PARTICLES_KEPT
    known = _known(file, of, store.scheme)
    if known is not None:
        return known
    found = particles(store.config(), ended)
    with contextlib.suppress(OSError, ValueError):
        replace_file(file, compact_json_bytes(_Particles(of=of, found=found).to_json()))
    return found


def _known(file: Path, of: str, scheme: "OutcomeScheme") -> Particles | None:
    with contextlib.suppress(*_DAMAGED):
        document: dict[str, Any] = json.loads(file.read_bytes())
        if document.get("of") == of:
            return _Particles.from_json(document, scheme).found
    return None
