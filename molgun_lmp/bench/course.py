"""The course of a measurement: one part after the other, each stored when it is done, so that none is lost."""

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from molgun_lmp.atomic_files import write_json
from molgun_lmp.bench.cases import BenchInner, BenchModel, demo_model, medium_model, molecule_alone, slab_with_molecule
from molgun_lmp.bench.crews import crews
from molgun_lmp.bench.drivers import Driver, drivers, torch_sim_missing
from molgun_lmp.bench.effort import Effort
from molgun_lmp.bench.machine import cores, machine
from molgun_lmp.bench.many import curve
from molgun_lmp.bench.measuring import Row, compare
from molgun_lmp.bench.reading import measure_reading
from molgun_lmp.provenance import sha256_json

BENCH_NAME: Final = "bench.json"

Say = Callable[[str], None]
Document = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Part:
    """One thing to be measured: `measure(share_s)` gives what is added to the lists of the document."""

    name: str
    measure: Callable[[float, Document], Mapping[str, list[Any]]]


def measure_all(
    effort: Effort, *, threads: int, work: Path, folder: Path | None, say: Say, inner: BenchInner | None = None
) -> Document:
    """The whole measurement as a JSON document; with `folder` it is written there after each part.

    A measurement that was interrupted there goes on, if it was the same one on the same machine. `work` takes the
    models that are made for it; with `inner` they are measured with multi-time steps, too.
    """
    settings = {"effort": dataclasses.asdict(effort), "machine": machine(threads), "inner": _named(inner)}
    key = sha256_json(json.loads(json.dumps(settings)))
    document = _begun(folder, key) or {
        "key": key,
        **settings,
        "not_measured": [why for why in (torch_sim_missing(),) if why is not None],
        "parts": [],
        "loads": [],
        "steps": [],
        "together": [],
        "workers": [],
        "reading": [],
        "left_out": [],
        "complete": False,
    }
    models = [_Loaded("demo", lambda: demo_model(inner))]
    if effort.medium:
        models.append(_Loaded("medium", lambda: medium_model(work, inner)))
    parts = [part for part in _parts(effort, models, threads, work) if part.name not in document["parts"]]
    ends = time.perf_counter() + effort.budget_s
    for number, part in enumerate(parts):
        left_s = max(0.0, ends + sum(model.loading_s for model in models) - time.perf_counter())
        say(f"{part.name} ({left_s:.0f} of {effort.budget_s:.0f} s are left)")
        before = os.getloadavg()[0]
        # What comes late costs more, and may take twice an even share of the time.
        found = part.measure(min(left_s, 2.0 * left_s / (len(parts) - number)), document)
        for name, rows in found.items():
            document[name] += [dataclasses.asdict(row) for row in rows]
        document["parts"].append(part.name)
        document["complete"] = number + 1 == len(parts)
        document["loads"].append([round(before, 2), round(os.getloadavg()[0], 2)])
        if folder is not None:
            write_json(document, folder / BENCH_NAME)
    return document


def _named(inner: BenchInner | None) -> dict[str, Any] | None:
    if inner is None:
        return None
    return {"every": inner.every, "model": inner.card.name, "files": [file.sha256 for file in inner.card.files]}


def _begun(folder: Path | None, key: str) -> Document | None:
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = json.loads((folder / BENCH_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == key and not found.get("complete") else None


def _parts(effort: Effort, models: Sequence["_Loaded"], threads: int, work: Path) -> list[_Part]:
    """Small before large, and both models by turns, so that a short measurement has something of each."""
    structures = [slab_with_molecule(repeats) for repeats in effort.sizes]
    parts = []
    for number, atoms in enumerate([*structures[:1], molecule_alone(), *structures[1:]]):
        for model in models:

            def steps(share_s: float, document: Document, *, model: _Loaded = model, atoms: Any = atoms) -> Any:
                ways = model.ways
                before = [Row(**row) for row in document["steps"] if row["model"] == model.model.name]
                rows, left_out = compare(
                    model.model.name, ways, atoms, effort, share_s=share_s, before=before, threads=threads
                )
                return {"steps": rows, "left_out": left_out}

            parts.append(_Part(name=f"{model.name}, a step of {len(atoms)} atoms", measure=steps))
        if number == 0:
            parts.append(
                _Part(name="reading dumps", measure=lambda *_: {"reading": measure_reading(work, effort.frames)})
            )
            if len(effort.workers) > 1:
                parts.append(_Part(name="workers", measure=lambda *_: {"workers": crews(effort, cores())}))
            for model in models:

                def many(share_s: float, _: Document, *, model: _Loaded = model, atoms: Any = atoms) -> Any:
                    points, left_out = curve(model.model, atoms, effort, share_s=share_s, threads=threads)
                    return {"together": points, "left_out": left_out}

                parts.append(_Part(name=f"{model.name}, many at once", measure=many))
    return parts


class _Loaded:
    """A model, made and loaded when it is first needed. `loading_s` counts against nobody's time: the first use of a
    larger model by symmetrix compiles its kernels, which takes minutes, once for a machine."""

    def __init__(self, name: str, make: Callable[[], BenchModel]) -> None:
        self.name = name
        self.loading_s = 0.0
        self._make = make
        self._model: BenchModel | None = None
        self._ways: list[Driver] = []

    @property
    def model(self) -> BenchModel:
        if self._model is None:
            with self._counted():
                self._model = self._make()
        return self._model

    @property
    def ways(self) -> list[Driver]:
        model = self.model
        if not self._ways:
            with self._counted():
                self._ways = drivers(model)
                for way in self._ways:
                    way.prepare(molecule_alone())(1)
        return self._ways

    @contextmanager
    def _counted(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.loading_s += time.perf_counter() - started
