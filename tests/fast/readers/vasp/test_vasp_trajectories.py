"""Molecular dynamics of VASP as trajectories: real ECCO on Si(001), written as VASP does, decided as from any file."""

import dataclasses
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from vasp_md_cases import LEVEL, as_vasp, md_outcar, md_vasprun, md_xdatcar

import molgun_lmp
from molgun_lmp.analysis.outcomes.external_system import decide_files
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.isomorphism import matching_atoms
from molgun_lmp.cli import main
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.readers.vasp.common import level_in_words
from molgun_lmp.readers.vasp_trajectories import about, given_files, has_runs, run_frames
from molgun_lmp.records import Outcome
from molgun_lmp.results.external import Decided, frames, trajectories
from molgun_lmp.surface.minimum_image import MinimumImage

EXAMPLE = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001"
GROUPS = {"CY": (7, 8), "ET": (0, 1)}
TIMESTEP_FS = 20.0
SHOTS = ("11-4", "11-6")
"""One that becomes an adduct, and one that is near without a bond."""

Shots = dict[str, list[Atoms]]


@pytest.fixture(scope="module")
def shots() -> Shots:
    text = io.StringIO(lzma.decompress((EXAMPLE / "data" / "frames.extxyz.xz").read_bytes()).decode())
    every = ase.io.read(text, index=":", format="extxyz")
    found: Shots = {name: [one for one in every if one.info.get("trajectory") == name] for name in SHOTS}
    assert all(len(one) > 20 for one in found.values())
    return found


@pytest.fixture(scope="module")
def like(shots: Shots) -> MoleculeReference:
    """The molecule as a campaign knows it, in the order of its own file."""
    ecco = ase.io.read(EXAMPLE / "ecco.xyz")
    lattice = MinimumImage.of_cell(np.diag([40.0, 40.0, 40.0]))
    return MoleculeReference.find(ecco.get_chemical_symbols(), ecco.positions, GROUPS, lattice, OutcomeCriteria())


@pytest.fixture(scope="module")
def expected(shots: Shots, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """By the same frames as extended XYZ, in the molecule's own order and with its groups named by hand."""
    settings = ForeignFiles(frame_interval_fs=TIMESTEP_FS, groups=GROUPS)
    found = {}
    for name, one in shots.items():
        file = tmp_path_factory.mktemp("plain") / "shot.extxyz"
        plain = [Atoms(frame.symbols, positions=frame.positions, cell=frame.cell, pbc=True) for frame in one]
        ase.io.write(file, plain, format="extxyz")
        found[name] = decide_files(name, [file], settings, file.parent)[0]
    assert {found[name].mode for name in SHOTS} >= {paper.PHYSISORBED}
    return found


def decided(path: Path, like: MoleculeReference, *, one: bool = False, **settings: object) -> list[Decided]:
    with given_files([path]) as given:
        chosen = ForeignFiles.model_validate(settings)
        return list(trajectories(given, chosen, path.parent, one=one, like=like))


def same(found: Outcome, expected: Outcome, frame: Atoms) -> None:
    """Everything but the name and the order of atoms."""
    order = np.argsort(frame.get_atomic_numbers(), kind="stable")
    new_place = {int(old): new for new, old in enumerate(order)}
    bonds = {(new_place[a], new_place[b]): length for a, b, length in expected.bonds}
    assert {(a, b) for a, b, _ in found.bonds} == set(bonds)
    for a, b, length in found.bonds:
        assert length == pytest.approx(bonds[a, b], abs=1e-4)
    for field in ("mode", "detail", "stuck", "contact", "events", "first_bond_ps", "first_contact_ps", "truncated"):
        assert getattr(found, field) == getattr(expected, field), field
    assert found.time_ps == pytest.approx(expected.time_ps)


def test_each_kind_of_file_gives_the_outcome_of_the_frames_in_it(
    shots: Shots, like: MoleculeReference, expected: dict[str, Outcome], tmp_path: Path
) -> None:
    for name, one in shots.items():
        run = as_vasp(one)
        steps = md_vasprun(run, potim=TIMESTEP_FS, unconverged=(3,), predicted=(5, 6))
        files = {
            f"{name}-a/vasprun.xml.gz": gzip.compress(steps.encode()),
            f"{name}-a/OUTCAR": b"of the same run, not read",
            f"{name}-b/OUTCAR.xz": lzma.compress(md_outcar(run, potim=TIMESTEP_FS).encode()),
            f"{name}-c/XDATCAR": md_xdatcar(run).encode(),
        }
        for file, content in files.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_bytes(content)
    found = decided(tmp_path, like, timestep_fs=TIMESTEP_FS)
    assert [one.outcome.trajectory_id.split("/", 1)[1] for one in found] == [
        f"{name}-{file}" for name in SHOTS for file in ("a/vasprun.xml.gz", "b/OUTCAR.xz", "c/XDATCAR")
    ]
    for index, run_found in enumerate(found):
        name, outcome = SHOTS[index // 3], run_found.outcome
        same(outcome, expected[name], shots[name][0])
        assert run_found.level_of_theory == ("" if "XDATCAR" in outcome.trajectory_id else LEVEL)
    packed = tmp_path / "all.tar.xz"
    with tarfile.open(packed, "w:xz") as archive:
        archive.add(tmp_path / f"{SHOTS[0]}-b", "aimd/one")
        archive.add(tmp_path / f"{SHOTS[1]}-b", "aimd/two")
    again = decided(packed, like)
    assert [one.outcome.mode for one in again] == [expected[name].mode for name in SHOTS]


def test_the_time_of_a_step_is_the_files_own_and_asked_for_where_it_is_none(
    shots: Shots, like: MoleculeReference, tmp_path: Path
) -> None:
    run = as_vasp(shots[SHOTS[0]])
    (tmp_path / "vasprun.xml").write_text(md_vasprun(run, potim=2.0))
    with pytest.raises(ConfigError, match="2 fs pass"):
        decided(tmp_path, like, timestep_fs=7.0)
    (one,) = decided(tmp_path, like, level_of_theory="by hand")
    assert one.outcome.time_ps == pytest.approx(0.002 * (len(run) - 1))
    assert one.level_of_theory == "by hand"
    relaxed = md_vasprun(run, potim=2.0).replace('name="IBRION">     0', 'name="IBRION">     2')
    (tmp_path / "vasprun.xml").write_text(relaxed)
    with pytest.raises(ConfigError, match="timestep_fs"):
        decided(tmp_path, like)


def test_a_cut_file_ends_with_its_last_whole_step(shots: Shots, like: MoleculeReference, tmp_path: Path) -> None:
    run = as_vasp(shots[SHOTS[1]])
    for name, text in (
        ("vasprun.xml", md_vasprun(run, potim=2.0)[:-9000]),
        ("OUTCAR", md_outcar(run, potim=2.0, ended=False)[:-9000]),
        ("XDATCAR", md_xdatcar(run)[:-3]),
    ):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text(text)
        (one,) = decided(folder, like, timestep_fs=2.0)
        assert one.outcome.truncated, name
        assert one.outcome.time_ps == pytest.approx(0.002 * (len(run) - 2)), name


def test_runs_that_went_on_are_one_trajectory(
    shots: Shots, like: MoleculeReference, expected: dict[str, Outcome], tmp_path: Path
) -> None:
    run = as_vasp(shots[SHOTS[0]])
    for folder, part in (("1", run[:9]), ("2", run[9:10]), ("3", run[10:])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "OUTCAR").write_text(md_outcar(part, potim=TIMESTEP_FS))
    (one,) = decided(tmp_path, like, one=True)
    same(one.outcome, expected[SHOTS[0]], shots[SHOTS[0]][0])
    (tmp_path / "3" / "OUTCAR").write_text(md_outcar(run[10:], potim=1.0))
    with pytest.raises(ConfigError, match=r"timesteps of .* fs"):
        decided(tmp_path, like, one=True)


def test_steps_without_positions_leave_their_time(shots: Shots, tmp_path: Path) -> None:
    run = as_vasp(shots[SHOTS[0]])[:4]
    text = md_outcar(run, potim=1.0)
    head = text.index(" POSITION  ", text.index(" POSITION  ") + 1)
    (tmp_path / "OUTCAR").write_text(text[:head] + text[text.index("  free  energy", head) :])
    with given_files([tmp_path / "OUTCAR"]) as (given,):
        assert given.source is not None
        assert [frame.step for frame in run_frames(given.source)] == [0, 2, 3]


def test_each_frame_of_a_run_by_itself(
    shots: Shots, like: MoleculeReference, expected: dict[str, Outcome], tmp_path: Path
) -> None:
    (tmp_path / "XDATCAR").write_text(md_xdatcar(as_vasp(shots[SHOTS[0]])))
    with given_files([tmp_path]) as given:
        found = list(frames(given, ForeignFiles(), tmp_path, lambda _: None, like))
    assert found[-1].mode == expected[SHOTS[0]].events[-1][1]
    assert [one.step for one in found] == list(range(1, len(shots[SHOTS[0]]) + 1))


def test_places_without_a_run_are_named(tmp_path: Path) -> None:
    assert not has_runs(tmp_path)
    (tmp_path / "frames.xyz").write_text("1\n\nH 0 0 0\n")
    assert not has_runs(tmp_path)
    with pytest.raises(InputFileError, match=r"no run of VASP in .*OUTCAR\*"), given_files([tmp_path]):
        pass
    (tmp_path / "XDATCAR").write_text("H\n 1.0\n")
    assert has_runs(tmp_path)
    with given_files([tmp_path]) as (given,), pytest.raises(InputFileError, match="holds no whole step"):
        assert given.source is not None
        about(given.source)


def test_a_head_of_vasp_5_and_6_and_a_volume_for_a_scale(tmp_path: Path) -> None:
    cell = "1 0 0\n0 1 0\n0 0 1\n"
    for scale, elements in (("2.0", "H Si"), ("-8.0", "H/0123abc Si/4567def")):
        head = f"x\n{scale}\n{cell}{elements}\n1 1\n"
        (tmp_path / "XDATCAR").write_text(f"{head}Direct configuration= 4\n0 0 .5\n.5 0 0\n")
        with given_files([tmp_path]) as (given,):
            assert given.source is not None
            (frame,) = run_frames(given.source)
        assert (frame.symbols, frame.step, frame.cut_after) == (("H", "Si"), 4, False)
        np.testing.assert_allclose(frame.positions, [[0, 0, 1], [1, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ({"GGA": "PE", "ENCUT": "400", "IVDW": "12"}, LEVEL),
        ({"GGA": "PE"}, "PBE, VASP"),
        ({"GGA": "PE", "METAGGA": "R2SCAN", "IVDW": "13"}, "R2SCAN-D4, VASP"),
        ({"GGA": "PE", "LHFCALC": "T", "METAGGA": "F"}, "hybrid of PBE, VASP"),
        ({"GGA": "XX", "IVDW": "99", "LDAU": "T"}, "XX+U with IVDW 99, VASP"),
        ({}, ""),
    ],
)
def test_levels_in_words(level: dict[str, str], words: str) -> None:
    assert level_in_words(level) == words


def test_atoms_are_matched_by_what_is_bonded_to_what(like: MoleculeReference) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        order = rng.permutation(len(like.symbols))
        symbols = [like.symbols[atom] for atom in order]
        bonded = like.bonded[np.ix_(order, order)]
        found = matching_atoms(like.symbols, like.bonded, symbols, bonded)
        assert found is not None
        assert sorted(found) == list(range(len(symbols)))
        assert [symbols[atom] for atom in found] == list(like.symbols)
        np.testing.assert_array_equal(bonded[np.ix_(found, found)], like.bonded)
        for pair in GROUPS.values():  # no two groups of ECCO are alike; the two atoms of CY are
            assert {int(order[found[atom]]) for atom in pair} == set(pair)
    other = like.bonded.copy()
    other[0, 1] = other[1, 0] = False
    other[0, 11] = other[11, 0] = True
    assert matching_atoms(like.symbols, like.bonded, like.symbols, other) is None
    # Two rings of three and one of six: each atom has the same neighbours as all others.
    ring = np.array([[abs(a - b) in (1, 5) for a in range(6)] for b in range(6)])
    rings = np.array([[a // 3 == b // 3 and a != b for a in range(6)] for b in range(6)])
    assert matching_atoms("CCCCCC", ring, "CCCCCC", rings) is None
    assert matching_atoms("CCCCCC", rings, "CCCCCC", rings) is not None


def test_another_molecule_than_the_campaigns_is_refused(shots: Shots, like: MoleculeReference, tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(md_outcar(as_vasp(shots[SHOTS[0]])[:2], potim=1.0))
    bonded = like.bonded.copy()
    bonded[0, 1] = bonded[1, 0] = False
    with pytest.raises(ConfigError, match=r"C12H14, is not bonded as the campaign's is, so its groups \(CY, ET\)"):
        decided(tmp_path, dataclasses.replace(like, bonded=bonded))


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    def call(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


def test_on_the_command_line(shots: Shots, tmp_path: Path, molgun: Callable[..., tuple[int, str]]) -> None:
    for number, name in enumerate(SHOTS):
        folder = tmp_path / "aimd" / f"run-{number}"
        folder.mkdir(parents=True)
        (folder / "OUTCAR").write_text(md_outcar(as_vasp(shots[name]), potim=TIMESTEP_FS))
    patterns = ["--set", "patterns={CY: '[CX2;R][CX2;R]', ET: '[CX2;R0][CX2;R0]'}"]
    table = tmp_path / "table.csv"
    code, text = molgun("analyse", tmp_path / "aimd", *patterns, "--csv", table, "--json")
    assert code == 0
    document = json.loads(text)
    assert document["levels_of_theory"] == [LEVEL] * 2
    assert document["outcomes"][1]["mode"] == "physisorbed"
    again = molgun("analyse", tmp_path / "aimd", *patterns, "--csv", table)[1]
    assert f"Forces: {LEVEL}" in again
    sides = ("compare", tmp_path / "aimd" / "run-0", tmp_path / "aimd" / "run-1", *patterns)
    code, text = molgun(*sides, "--output", tmp_path / "side", "--json")
    assert code == 0
    compared = json.loads(text)
    assert compared["warning"] == ""
    assert [cost["core_hours"] for cost in compared["costs"]] == [None, None]
    assert {file.name for file in (tmp_path / "side").iterdir()} == {
        *("modes-compared.svg", "modes-compared.png", "modes-compared.csv", "differences.csv", "costs.csv"),
    }
    code, text = molgun(*sides)
    assert code == 0
    assert f"run-1: forces of {LEVEL}" in " ".join(text.split())
    assert "core hours a step" in text
    assert molgun("compare", tmp_path / "aimd", tmp_path / "nothing")[0] == InputFileError.exit_code
