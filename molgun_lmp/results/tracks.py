"""Where the molecules of a campaign went, kept from the pass that decided their outcomes: a map reads no dump.

One line of JSON for each trajectory, under the key that its outcome is remembered under. Numbers are kept bit for bit
(base64 of little-endian 64-bit words). As with outcomes, a line that is torn or of another version is as if it were not
there; what lacks is read from the dump.
"""

import base64
import contextlib
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from molgun_lmp.analysis.kinetics.heat import Temperatures
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.atomic_files import replace_file
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.results.decided import Ended
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.one_pass import Points, Track, points_of, track_of
from molgun_lmp.results.outcome_cache import AppendedLines, keep_newest
from molgun_lmp.results.temperatures import mobile_atoms

TRACKS_NAME: Final = "tracks.cache.jsonl"

_HEAD: Final = re.compile(rb'\{"trajectory_id": "(\d+)", "key": "([0-9a-f]+)", ')
_END: Final = b"}}\n"
_INTEGERS, _NUMBERS = "<i8", "<f8"
_TEMPERATURES: Final = tuple(field.name for field in dataclasses.fields(Temperatures))


class TrackWriter:
    """Adds tracks to a campaign's; a context."""

    def __init__(self, store: Store) -> None:
        self._lines = AppendedLines(store.analysis / TRACKS_NAME)

    def add(self, trajectory_id: str, key: str, track: Track) -> None:
        """Keep a track. A disk that is full does not."""
        self._lines.add(_line(trajectory_id, key, track))

    def __enter__(self) -> Self:
        self._lines.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()


class _Place(NamedTuple):
    start: int
    size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tracks:
    """The tracks that a campaign keeps. Memory holds where each stands in the file.

    `points`: name -> atoms of the molecule whose centre is followed; `mobile` (M,) bool: atoms of the slab that move.
    """

    file: Path
    n_slab: int
    points: Points
    mobile: BoolArray
    places: Mapping[str, Mapping[str, _Place]]
    """Of a trajectory, by key."""

    @classmethod
    def of(cls, store: Store) -> Self:
        """Those of a campaign."""
        file, manifest, config = store.analysis / TRACKS_NAME, store.manifest, store.config()
        with contextlib.suppress(OSError):
            _clear(file)
        return cls(
            file=file,
            n_slab=manifest.n_slab,
            points=points_of(config, manifest.n_atoms - manifest.n_slab),
            mobile=mobile_atoms(config, store.clean_slab, clean_surface(store)),
            places=_places(file)[0],
        )

    def track(self, one: Ended, key: str, points: Points | None = None) -> Track:
        """A trajectory's track, of the campaign's points or of these. Its dump is read where none is kept under this
        key, which it then is, and for other points, of which the track has no temperatures.

        Raises `InputFileError` for a damaged dump.
        """
        wanted = self.points if points is None else points
        known = {tuple(atoms): name for name, atoms in self.points.items()}
        if not all(tuple(atoms) in known for atoms in wanted.values()):
            return track_of(one.folder, one.result, self.n_slab, wanted)
        kept = self._kept(one.folder.id, key)
        if kept is None:
            kept = track_of(one.folder, one.result, self.n_slab, self.points, self.mobile)
            with AppendedLines(self.file) as lines:
                lines.add(_line(one.folder.id, key, kept))
        return dataclasses.replace(
            kept, points={name: kept.points[known[tuple(atoms)]] for name, atoms in wanted.items()}
        )

    def _kept(self, trajectory_id: str, key: str) -> Track | None:
        place = self.places.get(trajectory_id, {}).get(key)
        if place is None:
            return None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            with self.file.open("rb") as handle:
                handle.seek(place.start)
                document = json.loads(handle.read(place.size))
            if document["key"] == key and document["trajectory_id"] == trajectory_id:
                return _track(document, list(self.points))
        return None


def _places(file: Path) -> tuple[dict[str, dict[str, _Place]], int]:
    """Where the newest whole lines of each trajectory are, by key, and how many lines there are."""
    found: dict[str, dict[str, _Place]] = {}
    lines, start = 0, 0
    with contextlib.suppress(OSError), file.open("rb") as handle:
        for line in handle:
            head = _HEAD.match(line)
            if head is not None and line.endswith(_END):
                keep_newest(found.setdefault(head[1].decode(), {}), head[2].decode(), _Place(start, len(line)))
            lines, start = lines + 1, start + len(line)
    return found, lines


def _clear(file: Path) -> None:
    """Write the file anew where most of its lines are superseded. Raises `OSError`."""
    found, lines = _places(file)
    places = [place for of_trajectory in found.values() for place in of_trajectory.values()]
    if lines > 2 * len(places) + 100:
        data = file.read_bytes()
        replace_file(file, b"".join(data[place.start : place.start + place.size] for place in places))


def _line(trajectory_id: str, key: str, track: Track) -> bytes:
    document = {
        "trajectory_id": trajectory_id,
        "key": key,
        "steps": _text(track.steps, _INTEGERS),
        "lowest_z": _text(track.lowest_z, _NUMBERS),
        "temperatures": _kept_temperatures(track.temperatures),
        "points": {name: _text(path, _NUMBERS) for name, path in track.points.items()},
    }
    return json.dumps(document).encode() + b"\n"


def _kept_temperatures(found: Temperatures | None) -> dict[str, str] | None:
    return None if found is None else {name: _text(getattr(found, name), _NUMBERS) for name in _TEMPERATURES}


def _track(document: Mapping[str, Any], names: Sequence[str]) -> Track:
    """Raises `ValueError`, `KeyError` or `TypeError` for what is no track of these points."""
    steps: IntArray = _array(document["steps"], _INTEGERS).astype(np.int64)
    kept = document["temperatures"]
    track = Track(
        steps=steps,
        lowest_z=_numbers(document["lowest_z"]),
        points={name: _numbers(document["points"][name]).reshape(len(steps), 3) for name in names},
        temperatures=None if kept is None else Temperatures(**{name: _numbers(kept[name]) for name in _TEMPERATURES}),
    )
    others = [] if track.temperatures is None else [getattr(track.temperatures, name) for name in _TEMPERATURES]
    if any(len(values) != len(steps) for values in (track.lowest_z, *others)):
        raise ValueError("not one height and temperature for each step")
    return track


def _text(values: IntArray | FloatArray, kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def _array(text: str, kind: str) -> Any:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)


def _numbers(text: str) -> FloatArray:
    values: FloatArray = _array(text, _NUMBERS).astype(np.float64)
    return values
