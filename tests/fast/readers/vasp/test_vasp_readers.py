"""VASP's files: the numbers that are read, and each kind of step that is no reference."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from vasp_cases import CELL, Step, outcar, vasprun

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame, Reader, Unusable
from molgun_lmp.readers.vasp.fortran_numbers import table
from molgun_lmp.readers.vasp.outcar import OutcarReader
from molgun_lmp.readers.vasp.vasprun import VasprunReader
from molgun_lmp.readers.vasp.xdatcar import XdatcarReader

STEPS = [
    Step(distance=0.75, force=0.5, free_energy=-6.70, zero_energy=-6.65),
    Step(distance=0.80, force=-0.25, free_energy=-6.66, zero_energy=-6.61),
]


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[FoundFrame | Unusable]]:
    """What a reader makes of a text."""

    def of(reader: Reader, content: str | bytes, name: str = "file") -> list[FoundFrame | Unusable]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(reader.read(path))

    return of


def reasons(items: list[FoundFrame | Unusable]) -> list[DropReason | None]:
    """Why each item is of no use; None for a frame."""
    return [item.reason if isinstance(item, Unusable) else None for item in items]


@pytest.mark.parametrize(("reader", "text"), [(VasprunReader(), vasprun(STEPS)), (OutcarReader(), outcar(STEPS))])
def test_steps_have_free_energy_forces_and_cell(
    found: Callable[..., list[FoundFrame]], reader: Reader, text: str
) -> None:
    frames = found(reader, text)
    assert [frame.symbols for frame in frames] == [("H", "H")] * 2
    for frame, step in zip(frames, STEPS, strict=True):
        assert frame.energies == {"free_energy": pytest.approx(step.free_energy, abs=1e-8)}
        np.testing.assert_allclose(frame.forces["forces"], step.forces, atol=1e-6)
        np.testing.assert_allclose(frame.positions[1] - frame.positions[0], [0, 0, step.distance], atol=2e-5)
        np.testing.assert_allclose(frame.cell, CELL, atol=1e-8)
        assert frame.pbc == (True, True, True)
        assert {"ENCUT": "400", "GGA": "PE", "POTCAR H": "PAW_PBE H 15Jun2001"}.items() <= frame.level.items()
        assert frame.label_pairs() == [reader.labels]


@pytest.mark.parametrize(
    ("name", "reader", "text"),
    [("vasprun.xml", VasprunReader(), vasprun(STEPS)), ("OUTCAR", OutcarReader(), outcar(STEPS))],
)
def test_sound_files_are_read_as_ase_reads_them(tmp_path: Path, name: str, reader: Reader, text: str) -> None:
    file = tmp_path / name
    # What ASE's OUTCAR reader needs besides.
    file.write_text(text.replace("   ions per type", "   ISPIN  =      1\n   ions per type"))
    ours = list(reader.read(file))
    theirs = read(file, index=":", format={"vasprun.xml": "vasp-xml", "OUTCAR": "vasp-out"}[name])
    for mine, atoms in zip(ours, theirs, strict=True):
        assert isinstance(mine, FoundFrame)
        np.testing.assert_allclose(mine.positions, atoms.positions, atol=1e-8)
        np.testing.assert_allclose(mine.forces["forces"], atoms.calc.results["forces"], atol=1e-8)
        assert mine.energies["free_energy"] == pytest.approx(atoms.calc.results["free_energy"], abs=1e-6)


def test_the_pv_term_is_taken_off(found: Callable[..., list[FoundFrame]]) -> None:
    (frame,) = found(VasprunReader(), vasprun([Step(free_energy=-6.5)], pstress=10.0))
    assert frame.energies["free_energy"] == pytest.approx(-6.5, abs=1e-5)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_told_by_their_bytes(
    found: Callable[..., list[FoundFrame | Unusable]], pack: Callable[[bytes], bytes]
) -> None:
    assert reasons(found(VasprunReader(), pack(vasprun(STEPS).encode()))) == [None, None]
    assert reasons(found(OutcarReader(), pack(outcar(STEPS).encode()))) == [None, None]


@pytest.mark.parametrize(("reader", "write"), [(VasprunReader(), vasprun), (OutcarReader(), outcar)])
def test_steps_that_are_no_reference_say_why(
    found: Callable[..., list[FoundFrame | Unusable]], reader: Reader, write: Callable[..., str]
) -> None:
    steps = [
        Step(),
        Step(iterations=10),  # NELM
        Step(iterations=0),
        Step(iterations=0, distance=0.8),
        Step(distance=0.9, iterations=9),
    ]
    assert reasons(found(reader, write(steps))) == [
        None,
        DropReason.SCF_NOT_CONVERGED,
        DropReason.MACHINE_LEARNED,
        DropReason.MACHINE_LEARNED,
        None,
    ]


def test_a_prediction_before_its_own_ab_initio_step_is_no_frame(found: Callable[..., list[FoundFrame]]) -> None:
    # On-the-fly learning: VASP predicts, distrusts the prediction, and computes the same step.
    steps = [Step(iterations=0), Step(), Step(iterations=0, distance=0.8), Step(distance=0.8)]
    assert [frame.energies["free_energy"] for frame in found(OutcarReader(), outcar(steps))] == [-6.7, -6.7]


def test_steps_without_forces_name_nwrite(found: Callable[..., list[FoundFrame | Unusable]]) -> None:
    items = found(OutcarReader(), outcar([Step(), Step(written=False), Step(distance=0.8)], nwrite=0))
    assert reasons(items) == [None, DropReason.NO_FORCES, None]
    assert isinstance(items[1], Unusable)
    assert "NWRITE = 0" in items[1].detail


@pytest.mark.parametrize(("reader", "text"), [(VasprunReader(), vasprun(STEPS)), (OutcarReader(), outcar(STEPS))])
def test_a_file_cut_anywhere_gives_whole_steps_and_the_cut(
    found: Callable[..., list[FoundFrame | Unusable]], reader: Reader, text: str
) -> None:
    whole = found(reader, text)
    assert reasons(whole) == [None, None]
    for length in range(0, len(text) - 1, 41):
        items = found(reader, text[:length])
        assert len(items) >= 1
        frames = [item for item in items if isinstance(item, FoundFrame)]
        assert reasons(items) == [None] * len(frames) + [DropReason.CUT] * (len(items) - len(frames))
        for frame, original in zip(frames, whole, strict=False):
            assert isinstance(original, FoundFrame)
            assert frame.energies == original.energies
            np.testing.assert_array_equal(frame.forces["forces"], original.forces["forces"])


def test_a_cut_packed_file_gives_its_whole_steps(found: Callable[..., list[FoundFrame | Unusable]]) -> None:
    noise = "".join(f"   {number * 7919 % 104729} noise\n" for number in range(20000))
    text = outcar([Step()], ended=False) + noise
    packed = gzip.compress(text.encode())
    assert reasons(found(OutcarReader(), packed[: len(packed) // 2]))[0] is None


def test_a_document_type_is_refused(found: Callable[..., list[FoundFrame]]) -> None:
    bomb = '<!DOCTYPE modeling [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n'
    with pytest.raises(InputFileError, match="declares a document type"):
        found(VasprunReader(), vasprun(STEPS, head=bomb))


def test_stars_and_touching_columns() -> None:
    values = table(["  1.25-0.50  2.0", " ****** 0.0 1e-3"], 3)
    assert values is not None
    np.testing.assert_array_equal(values, [[1.25, -0.5, 2.0], [np.nan, 0.0, 1e-3]])
    assert table(["1.0 2.0"], 3) is None


def test_xdatcar_frames_are_counted_with_their_energies(tmp_path: Path) -> None:
    blocks = "".join(f"Direct configuration= {number:5d}\n 0.0 0.0 0.0\n" for number in (1, 2))
    (tmp_path / "XDATCAR").write_text(f"H\n 1.0\n 8 0 0\n 0 8 0\n 0 0 8\n H\n 1\n{blocks}")
    (tmp_path / "OSZICAR").write_text("    1 T=   300. E= -.66E+01 F= -.67000000E+01 E0= -.66500000E+01\n")
    items = list(XdatcarReader().read(tmp_path / "XDATCAR"))
    assert [item.reason for item in items] == [DropReason.NO_FORCES, DropReason.NO_ENERGY]
    assert "-.67000000E+01 eV from OSZICAR" in items[0].detail
