"""A dump is read once: what observes the pass sees every frame, and what is kept of it answers as the dump would."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase.units import kB
from ended_cases import ended

from molgun_lmp.analysis.kinetics.heat import Temperatures
from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame, read_chosen, read_frames
from molgun_lmp.records import Cause
from molgun_lmp.results.one_pass import Track, TrackObserver, observed, one_pass, seen, until_lost
from molgun_lmp.results.outcome_cache import AppendedLines
from molgun_lmp.results.temperatures import TemperatureObserver
from molgun_lmp.results.tracks import _HEAD, _clear, _line, _places, _track

CELL = np.array([[10.0, 0.0, 0.0], [3.0, 9.0, 0.0], [0.0, 0.0, 30.0]])
N_SLAB = 5


def frames(number: int, seed: int = 1) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [
        Frame(
            step=20 * index,
            symbols=("Si",) * N_SLAB + ("C",) * 26,
            positions=rng.random((N_SLAB + 26, 3)) * 9,
            images=rng.integers(-1, 2, (N_SLAB + 26, 3)) if index % 2 else np.zeros((N_SLAB + 26, 3), dtype=np.int64),
            velocities=None,
            cell=CELL,
            origin=np.zeros(3),
            pbc=(True, True, False),
        )
        for index in range(number)
    ]


def lost(frame: Frame) -> Frame:
    positions = frame.positions.copy()
    positions[0, 0] = np.nan
    return dataclasses.replace(frame, positions=positions)


def track_of(shown: Sequence[Frame]) -> Track:
    track = TrackObserver(N_SLAB, {"all": tuple(range(26)), "pair": (7, 8)})
    one_pass(shown, (track,))
    return track.result()


def same(first: Track, second: Track) -> bool:
    arrays = ((one.steps, one.lowest_z, one.points["all"], one.points["pair"]) for one in (first, second))
    return all(a.tobytes() == b.tobytes() for a, b in zip(*arrays, strict=True))


class Steps:
    def __init__(self) -> None:
        self.steps: list[int] = []

    def frame(self, frame: Frame) -> None:
        self.steps.append(frame.step)


def test_all_observers_see_every_frame_of_what_is_read_once() -> None:
    source = iter(frames(5))
    first, second = Steps(), Steps()
    one_pass(source, (first, second))
    assert first.steps == second.steps == [0, 20, 40, 60, 80]
    assert next(source, None) is None
    behind = Steps()
    assert [(frame.step, behind.steps[-1]) for frame in observed(frames(2), (behind,))] == [(0, 0), (20, 20)]


@pytest.mark.parametrize("number", [0, 1, 63, 64, 65, 130])
def test_a_track_is_bit_for_bit_what_each_frame_says(number: int) -> None:
    shown = frames(number)
    track = track_of(shown)
    assert track.steps.tolist() == [frame.step for frame in shown]
    assert track.lowest_z.tolist() == [float(frame.unwrapped[N_SLAB:, 2].min()) for frame in shown]
    for name, atoms in (("all", list(range(26))), ("pair", [7, 8])):
        each: FloatArray = np.array([frame.unwrapped[N_SLAB:][atoms].mean(axis=0) for frame in shown])
        assert track.points[name].tobytes() == each.reshape(-1, 3).tobytes()


def test_the_first_frame_without_numbers_ends_a_trajectory() -> None:
    shown = frames(6)
    shown[3] = lost(shown[3])
    steps = Steps()
    one_pass(until_lost(shown), (steps,))
    assert steps.steps == [0, 20, 40, 60]
    assert track_of(shown).steps.tolist() == [0, 20, 40]


def moving(number: int, seed: int = 3) -> list[Frame]:
    """The same with velocities, Å/ps: the first two slab atoms are held, the molecule drifts."""
    rng = np.random.default_rng(seed)
    found = []
    for frame in frames(number):
        velocities = rng.normal(0.0, 5.0, (N_SLAB + 26, 3))
        velocities[:2] = 0.0
        velocities[N_SLAB:] += [0.0, 0.0, -4.0]
        found.append(dataclasses.replace(frame, velocities=velocities))
    return found


MASSES = moving(1)[0].atoms().get_masses()


def temperatures_of(shown: Sequence[Frame]) -> Temperatures | None:
    observer = TemperatureObserver(np.array([False, False, True, True, True]), MASSES)
    one_pass(shown, (observer,))
    return observer.result()


def test_temperatures_are_those_of_the_atoms_that_move() -> None:
    shown = moving(3)
    found = temperatures_of(shown)
    assert found is not None
    for row, frame in enumerate(shown):
        slab, molecule = frame.atoms()[2:N_SLAB], frame.atoms()[N_SLAB:]
        assert found.slab_k[row] == pytest.approx(slab.get_temperature(), rel=1e-9)  # ASE: 3 N degrees of freedom
        momentum = molecule.get_momenta().sum(axis=0)
        drift = float(momentum @ momentum / molecule.get_masses().sum() / 2)
        assert found.translation_ev[row] == pytest.approx(drift, rel=1e-9)
        about_itself = molecule.get_kinetic_energy() - drift
        assert found.molecule_k[row] == pytest.approx(2 * about_itself / (3 * 25 * kB), rel=1e-9)


def test_a_slab_that_is_held_nowhere_has_three_degrees_of_freedom_less() -> None:
    (frame,) = moving(1)
    free = TemperatureObserver(np.ones(N_SLAB, dtype=np.bool_), MASSES)
    one_pass([frame], (free,))
    found = free.result()
    assert found is not None
    assert found.slab_k[0] == pytest.approx(frame.atoms()[:N_SLAB].get_temperature() * N_SLAB / (N_SLAB - 1), rel=1e-9)


def test_no_temperatures_without_velocities_and_none_after_the_first_frame_that_is_lost() -> None:
    assert temperatures_of([*moving(3), frames(4)[3]]) is None
    shown = moving(5)
    shown[2] = lost(shown[2])
    found = temperatures_of(shown)
    assert found is not None
    assert len(found.slab_k) == len(track_of(shown).steps) == 2
    nothing = temperatures_of([])
    assert nothing is not None and len(nothing.slab_k) == 0


def test_only_a_run_that_failed_may_leave_a_damaged_dump() -> None:
    def damaged() -> "list[Frame]":
        raise InputFileError("damaged")

    reading = (damaged()[0] for _ in range(1))
    assert not seen(reading, ended(0, Cause.HUNG))
    assert seen(frames(2), ended(0))
    with pytest.raises(InputFileError, match="damaged"):
        seen((damaged()[0] for _ in range(1)), ended(0))


def test_a_kept_track_is_the_same_bit_for_bit() -> None:
    track = track_of(frames(70))
    line = _line("000003", "ab12", track)
    assert line.count(b"\n") == 1
    head = _HEAD.match(line)
    assert head is not None and (head[1], head[2]) == (b"000003", b"ab12")
    assert same(_track(json.loads(line), ["all", "pair"]), track)
    warm = dataclasses.replace(track, temperatures=temperatures_of(moving(70)))
    again = _track(json.loads(_line("000003", "ab12", warm)), ["all", "pair"])
    assert same(again, track)
    assert again.temperatures is not None and warm.temperatures is not None
    for name in ("slab_k", "molecule_k", "translation_ev"):
        assert getattr(again.temperatures, name).tobytes() == getattr(warm.temperatures, name).tobytes()
    for broken in ({}, {**json.loads(line), "steps": "!"}, {**json.loads(line), "lowest_z": ""}):
        with pytest.raises((KeyError, ValueError)):
            _track(broken, ["all", "pair"])


def test_the_newest_whole_lines_of_a_trajectory_count_each_under_its_key(tmp_path: Path) -> None:
    file = tmp_path / "analysis" / "tracks"
    old, new = track_of(frames(2)), track_of(frames(3))
    with AppendedLines(file) as lines:
        lines.add(_line("000000", "a", old))
        lines.add(_line("000001", "b", old))
        lines.add(_line("000000", "c", new)[:-20])
    with AppendedLines(file) as lines:
        lines.add(_line("000001", "d", old))
        lines.add(_line("000001", "d", new))
    places, number = _places(file)
    assert {name: [*keys] for name, keys in places.items()} == {"000000": ["a"], "000001": ["b", "d"]}
    assert number == 5
    place = places["000001"]["d"]
    assert file.read_bytes()[place.start :][: place.size] == _line("000001", "d", new)
    with AppendedLines(file) as lines:
        for key in ("e", "f", "0", *["1"] * 120):
            lines.add(_line("000000", key, old))
    _clear(file)
    assert sorted(file.read_bytes().splitlines(keepends=True)) == sorted(
        [
            *(_line("000000", key, old) for key in ("e", "f", "0", "1")),
            *(_line("000001", key, track) for key, track in (("b", old), ("d", new))),
        ]
    )


def dump(path: Path, number: int, damaged: int | None = None) -> Path:
    rows = ["1 Si 0.5 1.5 2.5 1 2 3", "2 C 4.5 5.5 6.5 4 5 6"]
    text = ""
    for index in range(number):
        lines = [f"{rows[0].replace('0.5', f'{index}.5')}", "2 C 4.5 oops" if index == damaged else rows[1]]
        text += (
            f"ITEM: TIMESTEP\n{20 * index}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp ff\n0 15\n0 15\n0 30\n"
            "ITEM: ATOMS id element x y z vx vy vz\n" + "\n".join(lines) + "\n"
        )
    path.write_text(text, encoding="ascii")
    return path


def test_chosen_frames_are_those_of_the_whole_reading(tmp_path: Path) -> None:
    file = dump(tmp_path / "traj.dump", 7000)  # several stretches of the file
    every = list(read_frames(file))
    chosen = list(read_chosen(file, range(0, 10**9, 10)))
    assert [frame.step for frame in chosen] == [frame.step for frame in every[::10]]
    for one, other in zip(chosen, every[::10], strict=True):
        assert one.positions.tobytes() == other.positions.tobytes()
        assert one.velocities is not None and other.velocities is not None
        assert one.velocities.tobytes() == other.velocities.tobytes()
    few = list(read_chosen(file, frozenset({3, 6999}), velocities=False))
    assert [(frame.step, frame.velocities) for frame in few] == [(60, None), (139980, None)]
    assert list(read_chosen(file, frozenset())) == []


def test_damage_is_seen_where_it_is_read(tmp_path: Path) -> None:
    file = dump(tmp_path / "traj.dump", 30, damaged=15)
    assert len(list(read_chosen(file, range(0, 30, 10)))) == 3
    with pytest.raises(InputFileError, match="step 300"):
        list(read_chosen(file, range(0, 30, 5)))
    (tmp_path / "empty.dump").write_bytes(b"")
    with pytest.raises(InputFileError, match="holds no whole frame"):
        list(read_chosen(tmp_path / "empty.dump", range(9)))


def test_other_formats_are_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "traj.xyz"
    file.write_text(
        "".join(f'1\nLattice="9 0 0 0 9 0 0 0 9" step={index}\nH {index}.0 0 0\n' for index in range(4)),
        encoding="ascii",
    )
    every = list(read_frames(file))
    assert [frame.positions[0, 0] for frame in read_chosen(file, {1, 3})] == [
        frame.positions[0, 0] for frame in every[1::2]
    ]
