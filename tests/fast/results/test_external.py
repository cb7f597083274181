"""Files that others have made: slab and molecule found in them, whatever their order, wrapping, types and cuts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import paper_classes as paper
import pytest
import yaml
from adsorption_cases import CASES, GROUPS, SLAB, SYMBOLS, A, B, molecule
from ase import Atoms

from molgun_lmp.analysis.outcomes.external_system import decide_files
from molgun_lmp.analysis.outcomes.single_frames import classify_frames
from molgun_lmp.arrays import FloatArray
from molgun_lmp.cli import main
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.readers.vasp_trajectories import Given
from molgun_lmp.records import Outcome
from molgun_lmp.results.external import load_settings, trajectories

N_SLAB = len(SLAB)
ELEMENTS = {1: "H", 2: "C", 3: "Si"}
FALL = (molecule(), molecule(), *(CASES["OT-CY"][0],) * 9)
SETTINGS = ForeignFiles(timestep_fs=0.5, groups=dict(GROUPS))


def structures(positions: Sequence[FloatArray] = FALL) -> list[Atoms]:
    cell = SLAB.cell.copy()
    cell[2, 2] = 60.0
    slab = SLAB.copy()
    slab.set_cell(cell)
    slab.pbc = True
    return [slab + Atoms("".join(SYMBOLS), positions=one) for one in positions]


def dump(
    path: Path, frames: Sequence[Atoms], *, order: Sequence[int] | None = None, columns: str = "id element x y z"
) -> Path:
    """Frames as LAMMPS writes them: id, type or element and coordinates of one kind, every 40 steps."""
    kind = {symbol: number for number, symbol in ELEMENTS.items()}
    text = []
    for index, atoms in enumerate(frames):
        bounds = "".join(f"0 {length:.12f}\n" for length in atoms.cell.lengths())
        text.append(f"ITEM: TIMESTEP\n{40 * index}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\n")
        text.append(f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS {columns}\n")
        places = atoms.get_scaled_positions(wrap=True) if " xs " in columns else atoms.positions
        species = [str(kind[symbol]) if " type " in columns else symbol for symbol in atoms.get_chemical_symbols()]
        for number, atom in enumerate(range(len(atoms)) if order is None else order):
            x, y, z = places[atom]
            text.append(f"{number + 1} {species[atom]} {x:.15g} {y:.15g} {z:.15g}\n")
    path.write_text("".join(text))
    return path


def given(paths: Sequence[Path]) -> list[Given]:
    return [Given(name=str(path), path=path) for path in paths]


def decided(path: Path, settings: ForeignFiles = SETTINGS) -> Outcome:
    return decide_files("t", [path], settings, path.parent)[0]


def test_slab_and_molecule_are_found_and_the_mode_with_its_times(tmp_path: Path) -> None:
    outcome, found = decide_files("t", [dump(tmp_path / "a.dump", structures())], SETTINGS, tmp_path)
    assert (outcome.mode, outcome.contact, outcome.stuck) == (paper.OT_CY, True, True)
    assert outcome.first_contact_ps == pytest.approx(0.04)
    assert outcome.time_ps == pytest.approx(0.2)
    assert found.molecule.tolist() == list(range(N_SLAB, N_SLAB + 6))
    assert found.sentence() == (
        f"slab H32Si96 (6 layers, 8 dimers in 2 rows), molecule C5H (atoms {N_SLAB}-{N_SLAB + 5})"
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("columns", ["id element x y z", "id type xs ys zs", "id type xu yu zu"])
def test_order_wrapping_and_coordinates_do_not_matter(tmp_path: Path, seed: int, columns: str) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(N_SLAB + 6)
    shift = rng.uniform(-20.0, 20.0, 3)
    moved = structures()
    for atoms in moved:
        atoms.positions += shift
        if "xu" not in columns:
            atoms.wrap()
    place = np.argsort(order)
    groups = ranks_within_molecule(order)
    settings = ForeignFiles(timestep_fs=0.5, groups=groups, elements=ELEMENTS if " type " in columns else {})
    outcome = decided(dump(tmp_path / "a.dump", moved, order=order.tolist(), columns=columns), settings)
    assert outcome.mode == paper.OT_CY
    assert outcome.first_contact_ps == pytest.approx(0.04)
    pairs = {tuple(bond[:2]) for bond in outcome.bonds}
    assert pairs == {(int(place[N_SLAB]), int(place[A])), (int(place[N_SLAB + 1]), int(place[B]))}
    plain = decided(dump(tmp_path / "b.dump", structures()))
    assert outcome.lowest_clearance_angstrom == pytest.approx(plain.lowest_clearance_angstrom, abs=1e-6)


def ranks_within_molecule(order: "np.ndarray[Any, np.dtype[np.int64]]") -> dict[str, tuple[int, int]]:
    """The groups in a shuffled file, counted within its molecule."""
    inside = [int(atom) - N_SLAB for atom in order if atom >= N_SLAB]
    return {name: (inside.index(a), inside.index(b)) for name, (a, b) in GROUPS.items()}


def test_types_alone_need_a_map(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.dump", structures(), columns="id type x y z")
    with pytest.raises(InputFileError, match="say which element each type is"):
        decided(path)


def test_time_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="timestep_fs"):
        decided(dump(tmp_path / "a.dump", structures()), ForeignFiles())


def test_a_frame_without_a_cell_is_called_so(tmp_path: Path) -> None:
    for head in ("step of some program", " i = 0, time = 0.000, E = -17.1"):  # the second of CP2K, without its .cell
        (tmp_path / "a.xyz").write_text(f"3\n{head}\nO 0 0 0\nH 1 0 0\nH 0 1 0\n")
        with pytest.raises(InputFileError, match=r"has no cell.*NAME-1\.cell"):
            decided(tmp_path / "a.xyz")


def test_molecule_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    bound = structures()
    for atoms in bound:
        atoms.symbols[N_SLAB:] = "Si"
        atoms.positions[N_SLAB:] = atoms.positions[A] + [0, 0, 2.3]
        atoms.positions[N_SLAB:, 2] += np.arange(6)
    path = dump(tmp_path / "a.dump", bound)
    with pytest.raises(ConfigError, match="cannot be told apart"):
        decided(path)
    named = ForeignFiles(timestep_fs=0.5, molecule=f"{N_SLAB}-{N_SLAB + 5}")
    assert decided(path, named).mode == paper.OTHER


def test_cell_that_changes_is_refused_for_a_trajectory_and_taken_by_frames(tmp_path: Path) -> None:
    frames = structures()
    frames[-1].set_cell(frames[-1].cell * [1.01, 1.01, 1.0], scale_atoms=True)
    path = dump(tmp_path / "a.dump", frames)
    with pytest.raises(InputFileError, match="in-plane cell has changed"):
        decided(path)
    modes = [one.mode for one in classify_frames(path, SETTINGS, tmp_path)]
    assert modes == [paper.IN_FLIGHT] * 2 + [paper.OT_CY] * 9


def test_cut_file_counts_its_whole_frames_and_says_so(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.dump", structures())
    path.write_bytes(path.read_bytes()[:-1000])
    outcome = decided(path)
    assert (outcome.truncated, outcome.mode) == (True, paper.OT_CY)
    assert outcome.time_ps == pytest.approx(0.18)


def test_parts_of_one_trajectory(tmp_path: Path) -> None:
    frames = structures()
    whole = dump(tmp_path / "whole.dump", frames)
    lines = whole.read_text().split("ITEM: TIMESTEP\n")
    parts = [tmp_path / "one.dump", tmp_path / "two.dump"]
    parts[0].write_text("".join("ITEM: TIMESTEP\n" + block for block in lines[1:7]))
    parts[1].write_text("".join("ITEM: TIMESTEP\n" + block for block in lines[5:]))
    (decided_once,) = trajectories(given(parts), SETTINGS, tmp_path, one=True)
    outcome = decided_once.outcome
    assert outcome.time_ps == pytest.approx(0.2)
    assert outcome.events == decided(whole).events
    two = list(trajectories(given([whole, whole]), SETTINGS, tmp_path, one=False))
    assert [one.outcome.mode for one in two] == [paper.OT_CY] * 2


def test_what_was_decided_once_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [dump(tmp_path / f"{name}.dump", structures()) for name in "ab"]
    memory = tmp_path / "table.csv.cache.jsonl"

    def outcomes(settings: ForeignFiles = SETTINGS) -> list[Outcome]:
        return [one.outcome for one in trajectories(given(files), settings, tmp_path, one=False, memory=memory)]

    first = outcomes()
    with monkeypatch.context() as unread:
        unread.setattr("molgun_lmp.results.external.decide_frames", None)
        assert outcomes() == first
        with pytest.raises(TypeError):  # other criteria: it has to be decided
            outcomes(SETTINGS.model_copy(update={"timestep_fs": 1.0}))
    dump(files[1], structures([molecule()] * 3))
    memory.write_bytes(memory.read_bytes()[:-5])
    again = outcomes()
    assert again[0] == first[0]
    assert again[1].mode == paper.IN_FLIGHT


def test_each_frame_against_a_clean_slab(tmp_path: Path) -> None:
    names = ["OT-CY", "BR-CY", "OT-ET", "BR-ET", "DB", "SL", "SL-DB", "unbound"]
    mixed = structures([molecule(), *(CASES[name][0] for name in names)])
    ase.io.write(tmp_path / "all.extxyz", mixed)
    ase.io.write(tmp_path / "clean.extxyz", mixed[0][:N_SLAB])
    settings = ForeignFiles(groups=dict(GROUPS), clean_slab=Path("clean.extxyz"))
    found = list(classify_frames(tmp_path / "all.extxyz", settings, tmp_path))
    assert [one.mode for one in found[1:]] == [CASES[name][1] or paper.IN_FLIGHT for name in names]
    assert [one.step for one in found] == list(range(9))
    for index, atoms in enumerate(mixed):  # as calculations leave them: each wrapped at another height
        atoms.positions[:, 2] += 11.0 * index
        atoms.wrap()
    ase.io.write(tmp_path / "wrapped.extxyz", mixed)
    again = list(classify_frames(tmp_path / "wrapped.extxyz", SETTINGS, tmp_path))
    assert [one.mode for one in again] == [one.mode for one in found]
    # A dimer that has opened under the molecule is one only in the clean slab.
    opened = structures([molecule(), CASES["OT-CY"][0]])
    way = opened[1].get_distance(A, B, mic=True, vector=True)
    opened[1].positions[A] -= 0.3 * way
    opened[1].positions[B] += 0.3 * way
    opened[1].positions[N_SLAB : N_SLAB + 2] = opened[1].positions[[A, B]] + [0, 0, 1.95]
    ase.io.write(tmp_path / "opened.extxyz", opened)
    by_clean = list(classify_frames(tmp_path / "opened.extxyz", settings, tmp_path))
    alone = list(classify_frames(tmp_path / "opened.extxyz", SETTINGS, tmp_path))
    assert "CY reacted on-top" in by_clean[1].reason
    assert "CY reacted outside dimers" in alone[1].reason


def test_structures_of_different_sizes_in_one_file(tmp_path: Path) -> None:
    both = structures([molecule(), CASES["OT-CY"][0]])
    wider = both[0] * (2, 1, 1)
    del wider[[*range(len(both[0]) + N_SLAB, 2 * len(both[0]))]]
    ase.io.write(tmp_path / "all.extxyz", [both[0], wider, both[1]])
    found = list(classify_frames(tmp_path / "all.extxyz", SETTINGS, tmp_path))
    assert [one.mode for one in found] == [paper.IN_FLIGHT, paper.IN_FLIGHT, paper.OT_CY]


def test_references_of_other_atoms_are_refused(tmp_path: Path) -> None:
    path = dump(tmp_path / "a.dump", structures())
    ase.io.write(tmp_path / "clean.extxyz", SLAB[:-1])
    with pytest.raises(ConfigError, match="clean_slab: it holds"):
        decided(path, SETTINGS.model_copy(update={"clean_slab": Path("clean.extxyz")}))
    with pytest.raises(ConfigError, match="intact_molecule: it holds"):
        decided(path, SETTINGS.model_copy(update={"intact_molecule": Path("clean.extxyz")}))


def test_settings_are_strict(tmp_path: Path) -> None:
    file = tmp_path / "foreign.yaml"
    file.write_text(yaml.safe_dump({"elements": {1: "H"}, "timestep_fs": 0.5}))
    settings, folder = load_settings(file, ["molecule=128-153", "outcomes.slack_angstrom=0.5"])
    assert (settings.elements, settings.molecule, folder) == ({1: "H"}, "128-153", tmp_path)
    for wrong in ("elements={1: Qq}", "elements=[H]", "timestep=0.5", "molecule='1 2'"):
        with pytest.raises(ConfigError):
            load_settings(file, [wrong])


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    def call(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out + written.err

    return call


def test_on_the_command_line(tmp_path: Path, molgun: Callable[..., tuple[int, str]]) -> None:
    path = dump(tmp_path / "a.dump", structures())
    common = ["--set", "timestep_fs=0.5", "--set", "groups={CY: [0, 1], ET: [2, 3]}"]
    code, text = molgun("analyse", path, *common, "--csv", tmp_path / "table.csv")
    assert code == 0
    assert "slab H32Si96" in " ".join(text.split())
    assert "OT-CY: 1" in text
    assert (tmp_path / "table.csv").read_text().splitlines()[1].split(",")[1] == "OT-CY"
    code, text = molgun("analyse", path, *common, "--json")
    assert json.loads(text)["outcomes"][0]["mode"] == "OT-CY"
    code, text = molgun("analyse", path, *common, "--each-frame", "--json")
    assert [one["mode"] for one in json.loads(text)["frames"]] == ["in flight"] * 2 + ["OT-CY"] * 9
    code, text = molgun("analyse", tmp_path, "--each-frame")
    assert (code, "is no campaign folder, but holds files such as a.dump" in " ".join(text.split())) == (16, True)
    (tmp_path / "campaign").mkdir()
    code, text = molgun("analyse", tmp_path / "campaign", "--each-frame")
    assert (code, "for files made elsewhere" in " ".join(text.split())) == (11, True)
