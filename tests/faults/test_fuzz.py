"""Readers of what may be damaged or hostile: random bytes, cuts and changes give a result or an error of ours."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.checkpoints import find_resumption, logged_steps, made_progress, restart_step
from molgun_lmp.campaign.store.claims import look, read_claim
from molgun_lmp.campaign.store.completeness import whole_frames
from molgun_lmp.campaign.store.manifest import read_manifest
from molgun_lmp.config import Dynamics, load_campaign
from molgun_lmp.errors import MolgunError
from molgun_lmp.gun.pools import read_pool
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.models.card import read_card
from molgun_lmp.readers.lammps.log import joined_thermo, last_halt, thermo_tables
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.readers.trajectory import read_frames, read_parts
from molgun_lmp.readers.vasp_trajectories import about, given_files, run_frames
from molgun_lmp.training.dataset.read import read_dataset

EXAMPLES = 150
DUMP = (
    b"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS xy xz yz pp pp pp\n0 9 0\n0 9 0\n0 9 0\n"
    b"ITEM: ATOMS id type element x y z ix iy iz vx vy vz\n1 1 H 0.1 0.2 0.3 0 0 0 1 1 1\n2 2 C 1 2 3 0 0 0 1 1 1\n"
)
DATA = (
    b"title\n\n2 atoms\n2 atom types\n\n0.0 9.0 xlo xhi\n0.0 9.0 ylo yhi\n0.0 9.0 zlo zhi\n\nMasses\n\n1 1.008 # H\n"
    b"2 28.085 # Si\n\nAtoms # atomic\n\n1 2 1.0 1.0 1.0 0 0 0\n2 1 1.0 1.0 7.0 0 0 0\n\nVelocities\n\n"
    b"1 0.0 0.0 0.0\n2 0.0 0.0 -9.0\n"
)
CLAIM = json.dumps(
    {
        "number": 1,
        "token": "a1",
        "owner": {"host": "h", "machine": "m", "pid": 7, "started": 9},
        "folder": 12,
        "hung": False,
    }
).encode()
RESULT = json.dumps(
    {
        "trajectory_id": "000003",
        "state": "finished",
        "stop": "completed",
        "cause": None,
        "message": "",
        "steps": 10,
        "energy": {"drift_ev_per_atom_per_ps": None, "excursion_ev_per_atom": None, "flagged": False},
        "wall_s": 1.0,
        "started_at": "2026",
        "host": "h",
        "engine": "e",
        "attempt": 1,
        "hashes": {},
        "resumed_at": [],
    }
).encode()
CONFIG = (
    b"name: a\nseed: 1\ntrajectories: 2\nsystem:\n  slab: {pool: s.xyz}\n  molecule: {pool: m.xyz}\n"
    b"gun: {kick: {kind: flux, temperature_k: 300}}\n"
)
RECORD = json.dumps(
    {"planned": {"deck": "d"}, "resumed_at": [1], "checkpoints": [{"name": "restart.a", "step": 2, "sha256": "0"}]}
).encode()
CARD = json.dumps({"card_format": 1, "name": "x", "elements": ["H"], "files": [], "e0s_ev": {"H": 1.0}}).encode()
LOG = b"   Step Temp\n 0 1.0\n 10 2.0\nLoop time of 1\nFix halt condition for fix-id h met on step 5 with value 1\n"


TIMED_DUMP = b"ITEM: UNITS\nreal\nITEM: TIME\n0.5\n" + DUMP
POOL_DATA = (
    b"LAMMPS data file via write_data, version 22 Jul 2025, timestep = 0, units = real\n\n2 atoms\n1 atom types\n\n"
    b"0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi\n\nMasses\n\n1 1.008\n\nAtoms # atomic\n\n1 1 1 1 1 0 0 0\n"
    b"2 1 1 1 2 0 0 0\n\nVelocities\n\n1 0.1 0 0\n2 0 0.1 0\n"
)
CONTCAR = (
    b"x\n1.0\n9 0 0\n0 9 0\n0 0 9\nH O\n1 1\nSelective dynamics\nDirect\n.1 .1 .1 T T T\n.2 .2 .2 F F F\n\n"
    b"0.1 0 0\n0 0.1 0\n"
)
EXTXYZ = (
    b'2\nLattice="9 0 0 0 9 0 0 0 9" Properties=id:I:1:species:S:1:pos:R:3:momenta:R:3:REF_forces:R:3 '
    b'REF_energy=-1 pbc="T T T"\n2 H 1 1 1 0.1 0 0 0 0 1\n1 O 2 2 2 0 0.1 0 0 0 -1\n'
)
XDATCAR = b"x\n1.0\n9 0 0\n0 9 0\n0 0 9\nH O\n1 1\n" + b"".join(
    b"Direct configuration= %d\n.1 .1 .1\n.2 .2 .2\n" % number for number in (1, 2, 1, 2)
)
OUTCAR = (
    b" POTCAR:    PAW_PBE H 15Jun2001\n POTCAR:    PAW_PBE O 15Jun2001\n   ions per type =     1\n  1\n"
    b"   IBRION = 0\n   POTIM = 1.0\n"
    b"   ML_MODE = RUN\n"
    b"      direct lattice vectors\n 9 0 0 0 0 0\n 0 9 0 0 0 0\n 0 0 9 0 0 0\n"
    b" POSITION          TOTAL-FORCE (eV/Angst) (ML)\n ----\n 1 1 1 0 0 0\n 2 2 2 0 0 0\n -----\n"
    b"  free  energy ML TOTEN  =   -1.0 eV\n General timing and accounting\n"
)
CP2K = b"".join(b"2\n i = %d, time = %d.5, E = -1.0\nH 1 1 1\nO 2 2 2\n" % (step, step) for step in range(2))
CP2K_VECTORS = CP2K.replace(b"1 1 1", b".1 0 0").replace(b"2 2 2", b"-.1 0 0")
CP2K_CELL = b"# Step Time Ax Ay Az Bx By Bz Cx Cy Cz Volume\n" + b"".join(
    b"%d %d.5 9 0 0 0 9 0 0 0 %d 7%d\n" % (step, step, length, volume)
    for step, length, volume in ((0, 9, 29), (1, 9, 29))
)
CP2K_ENERGIES = b"# Step Time Kin Temp Pot Cons Used\n0 0.5 0.1 300 -1.0 -0.9 1\n1 1.5 0.1 300 -1.0 -0.9 1\n"
IPI = b"".join(
    b"2\n# CELL(abcABC): 9 9 9 90 90 90 Step: %d Bead: 0 positions{angstrom} cell{angstrom}\nH 1 1 1\nO 2 2 2\n" % step
    for step in range(2)
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A sound file after some cuts, insertions and overwritten pieces; sometimes nothing of it is left."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        piece = draw(st.one_of(st.binary(max_size=8), st.sampled_from(PIECES)))
        match draw(st.sampled_from(("cut", "insert", "overwrite", "drop"))):
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = piece
            case "overwrite":
                content[at : at + len(piece)] = piece
            case "drop":
                del content[at : at + draw(st.integers(1, 40))]
    return bytes(content)


PIECES = (
    *(b"\0", b"\n", b"nan", b"-1", b"1e999", b"99999999999999999999", b"null", b"{", b"]", b'"', b"\xff\xfe"),
    *(b"[" * 100_000, b"&a [*a]", b"!!python/object/apply:os.system ['touch pwned']", b"ITEM: TIMESTEP\n", b"- ", b"%"),
    b"1" * 5000,
)


def _shot(file: Path) -> object:
    import numpy as np

    return recover_shot(file.read_text(errors="replace"), np.array([True]))


def _log(file: Path) -> object:
    text = file.read_text(errors="replace")
    return joined_thermo(thermo_tables(text)), last_halt(text), logged_steps(file.parent)


def _trajectory(file: Path) -> TrajectoryFolder:
    return TrajectoryFolder(id="000003", path=file.parent)


def _resumption(file: Path) -> object:
    return find_resumption([file.parent], {"deck": "d"}, Dynamics()), made_progress(file.parent)


def _vasp_run(file: Path) -> object:
    with given_files([file]) as (given,):
        assert given.source is not None
        return about(given.source), list(run_frames(given.source))


def _cp2k(file: Path) -> object:
    """A run of CP2K, of which one file is given and the others are sound."""
    whole = {"a-pos-1.xyz": CP2K, "a-frc-1.xyz": CP2K_VECTORS, "a-vel-1.xyz": CP2K_VECTORS, "a-1.cell": CP2K_CELL}
    for name, content in {**whole, "a-1.ener": CP2K_ENERGIES}.items():
        if name != file.name:
            file.with_name(name).write_bytes(content)
    run = file.with_name("a-pos-1.xyz")
    frames = list(read_frames(run))
    return frames, read_structure(run), read_dataset([run])


READERS: dict[str, tuple[str, bytes, Callable[[Path], object]]] = {
    "dump": ("traj.dump", DUMP * 2, lambda file: list(read_frames(file))),
    "packed dump": ("traj.dump.gz", DUMP, lambda file: list(read_frames(file))),
    "dump's frames": ("traj.dump", DUMP, lambda file: list(whole_frames(file))),
    "data file": ("data.lmp", DATA, _shot),
    "timed dump": ("traj.dump", TIMED_DUMP, lambda file: list(read_parts([file], restarted=True))),
    "dump as a pool": ("pool.dump", TIMED_DUMP, lambda file: read_pool(file, "molecule")),
    "data file as a pool": ("pool.data", POOL_DATA, lambda file: read_pool(file, "molecule")),
    "POSCAR as a pool": ("CONTCAR", CONTCAR, lambda file: read_pool(file, "molecule")),
    "extended XYZ as a pool": ("pool.extxyz", EXTXYZ, lambda file: read_pool(file, "molecule")),
    "extended XYZ": ("run.extxyz", EXTXYZ, lambda file: list(read_frames(file))),
    "labelled frames": ("frames.extxyz", EXTXYZ, lambda file: read_dataset([file])),
    "i-PI": ("a.xyz", IPI, lambda file: list(read_frames(file))),
    "i-PI's structure": ("a.xyz", IPI, read_structure),
    "CP2K": ("a-pos-1.xyz", CP2K, _cp2k),
    "CP2K's forces": ("a-frc-1.xyz", CP2K_VECTORS, _cp2k),
    "CP2K's velocities": ("a-vel-1.xyz", CP2K_VECTORS, _cp2k),
    "CP2K's cell": ("a-1.cell", CP2K_CELL, _cp2k),
    "CP2K's energies": ("a-1.ener", CP2K_ENERGIES, _cp2k),
    "structure": ("start", POOL_DATA, read_structure),
    "XDATCAR": ("XDATCAR", XDATCAR, _vasp_run),
    "OUTCAR": ("OUTCAR", OUTCAR, _vasp_run),
    "log": ("log.lammps", LOG, _log),
    "claim": ("claim-1.json", CLAIM, read_claim),
    "claim in its folder": ("claim-1.json", CLAIM, lambda file: look(_trajectory(file))),
    "result": ("result.json", RESULT, lambda file: _trajectory(file).result()),
    "shot": ("shot.json", RESULT, lambda file: _trajectory(file).shot()),
    "checkpoints": ("checkpoints.json", RECORD, _resumption),
    "restart file": ("restart.a", b"LammpS RestartT\0" * 2, lambda file: restart_step(file.read_bytes())),
    "manifest": ("manifest.json", CARD, lambda file: read_manifest(file.parent)),
    "campaign file": ("campaign.yaml", CONFIG, load_campaign),
    "card": ("card.json", CARD, read_card),
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_file_ends_in_anything_but_a_clear_error(reader: str, data: Any) -> None:
    name, whole, read = READERS[reader]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data.draw(st.one_of(damaged(whole), st.binary(max_size=300))))
        try:
            read(file)
        except MolgunError as error:
            assert len(str(error)) > 20
    assert not Path("pwned").exists()


@pytest.mark.parametrize("reader", READERS)
def test_nor_does_any_nasty_piece_at_any_place(reader: str, tmp_path: Path) -> None:
    name, whole, read = READERS[reader]
    for piece in PIECES:
        for at in (0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 1, len(whole)):
            for rest in (b"", whole[at:], whole[at + len(piece) :]):
                (tmp_path / name).write_bytes(whole[:at] + piece + rest)
                try:
                    read(tmp_path / name)
                except MolgunError as error:
                    assert len(str(error)) > 20


SOUND = (
    *(
        "dump",
        "data file",
        "claim",
        "result",
        "campaign file",
        "dump's frames",
        "log",
        "data file as a pool",
        "structure",
    ),
    *("POSCAR as a pool", "extended XYZ as a pool", "extended XYZ", "labelled frames", "XDATCAR", "OUTCAR"),
    *("i-PI", "i-PI's structure", "CP2K"),
)


@pytest.mark.parametrize("reader", SOUND)
def test_the_sound_files_are_read(reader: str, tmp_path: Path) -> None:
    """Else the test above would only ever see errors."""
    name, whole, read = READERS[reader]
    (tmp_path / name).write_bytes(whole if reader != "dump" else DUMP)
    assert read(tmp_path / name)
