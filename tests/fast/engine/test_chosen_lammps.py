"""Which LAMMPS was chosen, by what the environment says; and what results and refusals say of it."""

from pathlib import Path

import pytest

from molgun_lmp.engine.chosen_lammps import ChosenLammps, chosen_lammps, require_arguments
from molgun_lmp.errors import ConfigError, EngineError

KK = "-k on t 1 -sf kk -pk kokkos newton on neigh half"
LOG = "LAMMPS (29 Sep 2021 - Update 2)\nOMP_NUM_THREADS environment is not set.\n"
MACE = "pair_style mace no_domain_decomposition\npair_coeff * * m.pt H C Si\n"


def chosen(library: str = "", arguments: str = "") -> ChosenLammps:
    return chosen_lammps({"MOLGUN_LMP_LIBRARY": library, "MOLGUN_LMP_ARGS": arguments})


def test_this_environment_s_own_goes_without_saying() -> None:
    assert chosen_lammps({}) == chosen() == ChosenLammps()
    assert chosen().named == ""
    assert chosen().record(LOG) == "29 Sep 2021 - Update 2"
    assert chosen().record("") == "unknown version"


def test_another_one_is_named_with_its_arguments() -> None:
    other = chosen("/opt/liblammps.so", f'-pk "omp" 1 {KK}')
    assert other.library == Path("/opt/liblammps.so")
    assert other.arguments == ("-pk", "omp", "1", *KK.split())
    assert other.record(LOG) == f"29 Sep 2021 - Update 2 (/opt/liblammps.so -pk omp 1 {KK})"
    assert chosen("", "-sf omp").record(LOG) == "29 Sep 2021 - Update 2 (-sf omp)"


@pytest.mark.parametrize("arguments", ["-log x", "-k on -screen none", "-var a 1", "-in deck", "-k 'on"])
def test_arguments_that_runs_have_themselves_are_refused(arguments: str) -> None:
    with pytest.raises(ConfigError, match="--lmp-args: "):
        chosen("", arguments)


def test_the_mpi_that_a_library_asks_for(tmp_path: Path) -> None:
    for content, family in ((b"..libmpi.so.40..", "openmpi"), (b"..libmpi.so.12..", "mpich"), (b"none", "unknown")):
        library = tmp_path / f"liblammps_{family}.so"
        library.write_bytes(content)
        assert chosen(str(library)).mpi == family
    with pytest.raises(EngineError, match="cannot be read"):
        _ = chosen(str(tmp_path / "nothing")).mpi


def test_arguments_with_which_a_pair_style_is_wrong_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMMPS_PLUGIN_PATH", raising=False)
    other = chosen("/opt/liblammps.so", KK)
    require_arguments(other, MACE, "float64")
    with pytest.raises(ConfigError, match=r"^--lmp-args: pair_style mace/kk .* energies are wrong without an error"):
        require_arguments(other, MACE, "float32")
    monkeypatch.setenv("LAMMPS_PLUGIN_PATH", "/opt/plugins")
    require_arguments(other, MACE, "float32")
    with pytest.raises(ConfigError, match=r"^--lmp-args: .*newton on"):
        require_arguments(chosen("", "-k on t 1 -sf kk"), MACE, "float64")
