"""Targets: their includes, their command lines, and what is refused before a job is written."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from molgun_lmp.engine.targets import check_target, load_target, target_include, target_names
from molgun_lmp.errors import ConfigError

KOKKOS = "-k on g 1 -sf kk -pk kokkos newton on neigh half"


def own(folder: Path, **keys: Any) -> str:
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({"summary": "mine", "include": "pair_style zero 5.0\npair_coeff * *\n", **keys}))
    return str(file)


def test_the_includes_are_those_of_the_pair_styles() -> None:
    assert target_names() == (
        "ml-mace",
        "ml-mace-kokkos",
        "mliap-kokkos",
        "pip",
        "stock",
        "symmetrix",
        "symmetrix-kokkos",
    )
    mace = "pair_style mace no_domain_decomposition\npair_coeff * * ${root}/model/m.pt H C Si\n"
    symmetrix = "pair_style symmetrix/mace no_domain_decomposition\npair_coeff * * ${root}/model/m.pt H C Si\n"
    mliap = "pair_style mliap unified ${root}/model/m.pt 0\npair_coeff * * H C Si\n"
    texts = {
        name: target_include(load_target(name), model_file="m.pt", elements=("H", "C", "Si")) for name in target_names()
    }
    assert texts.pop("stock") == "", "the campaign has its own"
    assert texts == {
        "pip": mace,
        "ml-mace": mace,
        "ml-mace-kokkos": mace,
        "mliap-kokkos": mliap,
        "symmetrix": symmetrix,
        "symmetrix-kokkos": symmetrix,
    }


def test_the_page_of_engines_has_a_line_for_each_target() -> None:
    page = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", page.partition("## What was really run")[0], flags=re.MULTILINE)
    table = {name: [cell.strip() for cell in cells.split("|")] for name, cells in lines}
    assert sorted(table) == list(target_names())
    for name, (_, model, precision, dispersion) in table.items():
        target = load_target(name)
        assert model == (target.model or "none")
        assert precision == ", ".join(target.dtypes)
        assert dispersion == ("taken" if target.dispersion else "refused")


def test_the_command_lines() -> None:
    for name in target_names():
        target = load_target(name)
        check_target(target, "float64")
        assert target.gpu == name.endswith("-kokkos")
        assert target.command == ["lmp", *(KOKKOS.split() if target.gpu else [])]


def test_float32_is_refused_where_it_would_give_wrong_energies() -> None:
    with pytest.raises(ConfigError, match=r"computes in float64 only.*model\.dtype: float64"):
        check_target(load_target("ml-mace-kokkos"), "float32")
    check_target(load_target("ml-mace"), "float32")


@pytest.mark.parametrize("suffix", [{"launch": f"lmp {KOKKOS}"}, {"launch": f"lmp {KOKKOS.replace('-sf kk', '')}"}])
def test_float32_under_kokkos_is_refused_in_an_own_target_too(suffix: dict[str, str], tmp_path: Path) -> None:
    before = "" if "-sf kk" in suffix["launch"] else "suffix kk\n"
    mace = load_target(own(tmp_path, include=f"{before}pair_style mace no_domain_decomposition\n", **suffix))
    with pytest.raises(ConfigError, match="energies are wrong without an error"):
        check_target(mace, "float32")
    check_target(mace, "float64")
    mliap = load_target(own(tmp_path, include=f"{before}pair_style mliap unified ${{root}}/m 0\n", **suffix))
    check_target(mliap, "float32")


OURS = "pair_style mace no_domain_decomposition"


@pytest.mark.parametrize(
    "keys",
    [
        {"plugin": True, "include": OURS},
        {"launch": f"env LAMMPS_PLUGIN_PATH=/sw/plugins lmp {KOKKOS}", "include": OURS},
        {"include": f"plugin load /sw/plugins/molgunplugin.so\n{OURS}"},
        {"include": f"{OURS} device cuda"},
        {"include": f"suffix off\n{OURS}\nsuffix on"},
    ],
    ids=["said", "path", "loaded", "words", "plain"],
)
def test_float32_under_kokkos_is_taken_with_this_project_s_plug_in(keys: dict[str, Any], tmp_path: Path) -> None:
    """It has no style for KOKKOS, so that the suffix changes nothing about it."""
    target = load_target(own(tmp_path, **{"launch": f"lmp {KOKKOS}", **keys}))
    check_target(target, "float32")
    check_target(target, "float64")


@pytest.mark.parametrize(
    "include",
    [
        OURS,
        "pair_style hybrid/overlay mace no_domain_decomposition lj/cut 5.0",
        "pair_style hybrid/overlay lj/cut 5.0 mace",
        "pair_style mace/kk no_domain_decomposition",
        f"suffix off\nsuffix on\n{OURS}",
    ],
)
def test_float32_is_refused_for_what_would_be_mace_kk(include: str, tmp_path: Path) -> None:
    target = load_target(own(tmp_path, launch=f"lmp {KOKKOS}", include=include))
    with pytest.raises(ConfigError, match=r"energies are wrong without an error.*`plugin: true`"):
        check_target(target, "float32")
    check_target(target, "float64")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"launch": "lmp -k on g 1 -sf kk"}, "need `newton on`"),
        ({"launch": "lmp -k on g 1 -sf kk -pk kokkos newton off neigh half"}, "need `newton on`"),
        ({"launch": "lmp -k on g 1 -suffix kk -pk kokkos newton on"}, "neigh half"),
        ({"launch": "lmp -log mine"}, "-log is given by the job script"),
        ({"launch": "mpirun -np 2 lmp", "include": "pair_style mace no_domain_decomposition"}, "2 ranks"),
        ({"launch": "srun --ntasks 4 lmp", "include": "pair_style mace no_domain_decomposition"}, "4 ranks"),
        ({"launch": "lmp 'half a quote"}, "no command line"),
        ({"launch": " "}, "command is empty"),
        ({"include": "newton off\npair_style zero 5.0"}, "belongs to the deck"),
        ({"include": "atom_modify map array\npair_style zero 5.0"}, "belongs to the deck"),
    ],
)
def test_what_would_fail_in_a_job_is_refused_before(keys: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        check_target(load_target(own(tmp_path, **keys)), "float64")


def test_an_own_target_may_use_several_ranks(tmp_path: Path) -> None:
    target = load_target(own(tmp_path, launch="mpirun -np 2 lmp"))
    check_target(target, "float32")
    assert target_include(target, model_file="", elements=["Si"]) == "pair_style zero 5.0\npair_coeff * *\n"


def test_no_such_target_and_no_such_element(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are ml-mace, ml-mace-kokkos"):
        load_target("ml-mac")
    with pytest.raises(ConfigError, match="chemical symbol"):
        target_include(load_target("pip"), model_file="m.pt", elements=["Si", "Xx"])
    with pytest.raises(ConfigError, match="cannot be filled in"):
        target_include(load_target(own(tmp_path, include="{{ elements")), model_file="m.pt", elements=["Si"])
