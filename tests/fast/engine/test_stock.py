"""The engine `stock`: formulas of numbers, and potentials whose files are data of their style; nothing that runs."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from molgun_lmp.config import Engine
from molgun_lmp.engine.potential_styles import POTENTIAL_STYLES
from molgun_lmp.engine.stock import StockPotential, find_potential, stock_card, stock_potential
from molgun_lmp.engine.stock_commands import FORMULAS, renamed
from molgun_lmp.errors import ConfigError

CU_EAM = "Cu_u3.eam"
HYBRID = (
    "pair_style hybrid/overlay eam lj/cut 8.0",
    f"pair_coeff Cu Cu eam {CU_EAM}",
    "pair_coeff Cu Ar lj/cut 0.01 3.0",
    "pair_coeff Ar Ar lj/cut 0.0103 3.4",
)


def potential(
    elements: Sequence[str], *commands: str, cutoff: float | None = None, folders: Sequence[Path] = ()
) -> StockPotential:
    return stock_potential(Engine(kind="stock", commands=commands, cutoff_angstrom=cutoff), elements, folders)


def test_the_lines_are_the_include() -> None:
    lines = ("pair_style lj/cut 4.0", "pair_coeff * * 1e-3 2.5", "pair_modify shift yes")
    assert potential(["H", "Si"], *lines, cutoff=4.0).include == "".join(f"{line}\n" for line in lines)
    for style in FORMULAS:
        assert potential(["H"], f"pair_style {style} 4.0", "pair_coeff * * 1 1", cutoff=4.0).include


@pytest.mark.parametrize(
    "command",
    [
        "shell touch here",
        "pair_style python/cut 5.0 ./",
        "pair_style lj/cut 4.0\nshell touch here",
        "pair_style lj/cut $(2+2)",
        "pair_style lj/cut ${x}",
        "pair_coeff * * Si.tersoff Si",
        "pair_style mliap model mliappy m.pt",
        "pair_style hybrid/overlay sw mliap model linear x",
        "pair_style hybrid sw sw",
        "pair_style sw tersoff",
        "pair_style hybrid/overlay reaxff lj/cut 4.0",
        "pair_style lepton 4.0",
        "pair_style kim SW",
        "pair_style reaxff control.txt",
        "pair_style airebo $(2)",
        "include other.in",
        "pair_style lj/cut",
        "pair_style hybrid",
        "pair_style",
        "",
    ],
)
def test_nothing_else_is_taken(command: str) -> None:
    with pytest.raises(ConfigError, match="not taken"):
        potential(["H"], command, cutoff=4.0)


@pytest.mark.parametrize(
    "command",
    [
        "pair_coeff * * Si.sw Si\nshell touch here",
        "pair_coeff * * Si.sw Si &",
        "pair_coeff * * Si.sw $x",
        "pair_coeff * * Si.sw # Si",
        "pair_coeff 1 1 Si.sw",
        "pair_coeff * *",
        "pair_coeff *",
        "pair_modify pair sw shift yes",
        "pair_modify mix geometric",
        "fix print all print 1 x",
    ],
)
def test_nothing_else_stands_below_a_style(command: str) -> None:
    with pytest.raises(ConfigError, match="not taken"):
        potential(["Si"], "pair_style sw", command)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigError, match=r"engine\.commands is empty"):
        stock_card(Engine(kind="stock"), ["H"], ())
    lj = Engine(kind="stock", commands=("pair_style lj/cut 4.0", "pair_coeff * * 0.1 2.0"))
    with pytest.raises(ConfigError, match="cutoff_angstrom is missing"):
        stock_card(lj, ["H"], ())
    card = stock_card(lj.model_copy(update={"cutoff_angstrom": 4.0}), ["H", "Si"], ())
    assert (card.elements, card.architecture.r_max_angstrom, card.files) == (("H", "Si"), 4.0, ())
    assert (card.level_of_theory, card.potentials) == (
        "no quantum chemistry: an analytic pair potential, no model of these substances",
        {},
    )


def test_the_types_and_the_reach_follow_from_the_system_and_the_file() -> None:
    nickel = potential(["H", "Ni"], "pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy")
    assert nickel.include == "pair_style eam/alloy\npair_coeff * * ${root}/model/NiAlH_jea.eam.alloy H Ni\n"
    assert nickel.cutoff_angstrom == 5.65
    assert nickel.files["NiAlH_jea.eam.alloy"] == find_potential("NiAlH_jea.eam.alloy", ()).read_bytes()
    heavy = potential(["H", "H", "Ni"], "pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy")
    assert heavy.include.endswith("NiAlH_jea.eam.alloy H H Ni\n"), "an element with isotopes has a type for each"
    silicon = potential(["Si"], "pair_style sw", "pair_coeff * * Si.sw")
    assert silicon.cutoff_angstrom == pytest.approx(2.0951 * 1.80)
    given = potential(["C", "Si", "Ge"], "pair_style tersoff", "pair_coeff * * SiCGe.tersoff C Si(D) Ge")
    assert given.include.endswith("SiCGe.tersoff C Si(D) Ge\n")
    snap = potential(["Ta"], "pair_style snap", "pair_coeff * * Ta06A.snapcoeff Ta06A.snapparam")
    assert snap.cutoff_angstrom == pytest.approx(4.67637)
    meam = potential(["C", "Si"], "pair_style meam", "pair_coeff * * library.meam Si C SiC.meam")
    assert meam.include.endswith("library.meam Si C ${root}/model/SiC.meam C Si\n")
    assert [*meam.files] == ["library.meam", "SiC.meam"]


def test_a_beam_of_another_kind_is_laid_over_the_metal() -> None:
    argon = potential(["Ar", "Cu"], *HYBRID, cutoff=8.0)
    assert argon.include.splitlines() == [
        "pair_style hybrid/overlay eam lj/cut 8.0",
        f"pair_coeff 2 2 eam ${{root}}/model/{CU_EAM}",
        "pair_coeff 1 2 lj/cut 0.01 3.0",
        "pair_coeff 1 1 lj/cut 0.0103 3.4",
    ]
    alloy = ("pair_style hybrid/overlay eam/alloy lj/cut 8.0", "pair_coeff * * eam/alloy CoAl.eam.alloy")
    both = potential(["Al", "Ar", "Co"], *alloy, "pair_coeff * Ar lj/cut 0.01 3", cutoff=8.0)
    assert "CoAl.eam.alloy Al NULL Co\npair_coeff * 2 lj/cut" in both.include
    with pytest.raises(ConfigError, match=r"nothing acts between Ar and Cu.*add a `pair_coeff Ar Cu`"):
        potential(["Ar", "Cu"], *HYBRID[:2], HYBRID[3], cutoff=8.0)
    with pytest.raises(ConfigError, match=r"cutoff_angstrom is 4.*says 4\.95"):
        potential(["Ar", "Cu"], *HYBRID, cutoff=4.0)


def test_reaxff_is_scaled_and_gives_the_atoms_charges() -> None:
    include = potential(["H", "C", "O"], "pair_style reaxff", "pair_coeff * * ffield.reax.cho")
    words = include.include.splitlines()
    assert words[1:] == [
        "fix molgun_charge all property/atom q ghost yes",
        "pair_style hybrid/scaled 0.04336410204284381 reaxff NULL",
        "pair_coeff * * reaxff ${root}/model/ffield.reax.cho H C O",
        "fix molgun_qeq all qeq/reaxff 1 0.0 10 1.0e-6 reaxff",
    ]
    original = find_potential("ffield.reax.cho", ()).read_bytes().partition(b"\n")
    first, _, rest = include.files["ffield.reax.cho"].partition(b"\n")
    assert rest == original[2]
    assert b"UNITS: real" in original[0]
    assert b"UNITS:" not in first, "LAMMPS would refuse it in a deck of metal units"


@pytest.mark.parametrize(
    ("elements", "commands", "words"),
    [
        (["Cu"], ["pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy"], "knows Ni, Al, H, and not Cu"),
        (["H", "Ni"], ["pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy Ni"], "1 elements stand after"),
        (["H", "Ni"], ["pair_style eam/alloy", "pair_coeff * * NiAlH_jea.eam.alloy H Cu"], "and not Cu"),
        (["Ni"], ["pair_style eam/alloy", "pair_coeff * * no.eam.alloy"], "there is no file no.eam.alloy"),
        (
            ["Si"],
            ["pair_style eam/alloy", "pair_coeff * * Si.tersoff"],
            "is no file of pair_style eam/alloy",
        ),
        (["Ta"], ["pair_style snap", "pair_coeff * * Ta06A.snap Ta06A.snapparam"], "is no file of pair_style snap"),
        (["Ni"], ["pair_style eam", f"pair_coeff * * {CU_EAM}"], "is for Cu, and these types are Ni"),
        (["Si"], ["pair_style meam", "pair_coeff * * library.meam Xx NULL"], "library.meam knows no Xx"),
        (["H", "Cu"], ["pair_style bop", "pair_coeff * * CuH.bop.table"], "cutoff_angstrom is missing"),
        (["Si"], ["pair_style lj/cut 4", "pair_coeff 1 2 0.1 2"], "no type '2'; the types of this system are 1 Si"),
        (["Si"], ["pair_style lj/cut 4", "pair_coeff Si H 0.1 2"], "there is no H in this system"),
    ],
)
def test_what_does_not_fit_is_said(elements: Sequence[str], commands: Sequence[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        potential(elements, *commands)


def test_a_file_of_the_user_s_own_comes_before_that_of_lammps(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    text = find_potential("Si.sw", ()).read_text().replace("21.0", "22.0")
    (tmp_path / "own/Si.sw").write_text(text)
    lines = ("pair_style sw", "pair_coeff * * own/Si.sw")
    assert potential(["Si"], *lines, folders=[tmp_path]).files == {"Si.sw": text.encode()}
    assert renamed(lines) == ("pair_style sw", "pair_coeff * * Si.sw")
    engine = Engine(kind="stock", commands=lines)
    card = stock_card(engine, ["Si"], [tmp_path])
    assert card.name == "pair_style sw; pair_coeff * * Si.sw"
    assert card.potentials != stock_card(engine.model_copy(update={"commands": renamed(lines)}), ["Si"], ()).potentials
    assert "Phys Rev B, 31, 5262" in card.level_of_theory
    (tmp_path / "own/Si.sw").rename(tmp_path / "own/Si;x.sw")
    with pytest.raises(ConfigError, match="cannot stand in a LAMMPS deck"):
        potential(["Si"], "pair_style sw", "pair_coeff * * own/Si;x.sw", folders=[tmp_path])


def test_every_style_is_in_the_table_of_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
    section = page.partition("## Potentials of the literature")[2].partition("\n## ")[0]
    assert [style for style in (*POTENTIAL_STYLES, *FORMULAS) if f"`{style}`" not in section] == []


def test_a_symbol_stands_for_all_isotopes_of_its_element() -> None:
    commands = ("pair_style lj/cut 4.0", "pair_coeff * * 0.1 2.0", "pair_coeff Si H 0.2 2.0", "pair_coeff H H 0.3 2.0")
    engine = Engine(kind="stock", commands=commands, cutoff_angstrom=4.0)
    include = stock_potential(engine, ["H", "H", "Si"], ()).include
    assert include.splitlines()[2:] == ["pair_coeff 1*2 3 0.2 2.0", "pair_coeff 1*2 1*2 0.3 2.0"]


@pytest.mark.parametrize(
    ("commands", "reach"),
    [
        (["pair_style morse 6.0", "pair_coeff * * 1 1 2"], 6.0),
        (["pair_style lj/cut 4.0", "pair_coeff * * 0.01 2.5 7.5"], 7.5),
        (["pair_style lj/cut 9.0", "pair_coeff * * 0.01 2.5 3.5"], 3.5),
        (["pair_style lj/expand 4.0", "pair_coeff * * 0.01 2.5 1.5"], 5.5),
        (["pair_style lj/expand 4.0", "pair_coeff * * 0.01 2.5 1.5 3.0"], 4.5),
        (["pair_style yukawa 2.0 5.0", "pair_coeff * * 100"], 5.0),
        (["pair_style hybrid lj/cut 3.0 morse 8.0", "pair_coeff * * lj/cut 0.01 2.5"], 3.0),
    ],
)
def test_a_cutoff_that_is_shorter_than_the_commands_is_refused(commands: list[str], reach: float) -> None:
    assert potential(["H"], *commands, cutoff=reach).cutoff_angstrom == reach
    with pytest.raises(ConfigError, match=rf"cutoff_angstrom is 3, and engine.commands reach {reach:g} Å"):
        potential(["H"], *commands, cutoff=3.0 - 1e-9)


def test_a_cutoff_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the cutoff 4\*0 of lj/cut is no number"):
        potential(["H"], "pair_style lj/cut 4*0", "pair_coeff * * 0.01 2.5", cutoff=4.0)
