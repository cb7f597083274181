"""The pair style for another LAMMPS: paths as people write them, nothing left behind. A script plays the compiler."""

from pathlib import Path

import pytest

from molgun_lmp.engine.plugin_elsewhere import main
from molgun_lmp.engine.plugin_path import LIBRARY_NAME, PLUGIN_NAME

pytestmark = pytest.mark.engine

COMPILER = """#!/bin/bash
# Looks for the headers where it is told to, from where it works, and writes what it is asked for.
for word in "$@"; do
  case $word in
    -fsyntax-only | --version) exit 0 ;;
    -I*) for name in pair.h mpi.h; do [ -f "${word#-I}/$name" ] && found+=" $name"; done ;;
  esac
  [ "$before" = -o ] && made=$word
  before=$word
done
echo anything >"$made"
case $* in
  *pair_mace.cpp* | *plugin.cpp*) [[ $* == *-DOMPI_SKIP_MPICXX* ]] || { echo "error: MPI::Datatype" >&2; exit 1; } ;;&
  *pair_mace.cpp*) [[ $found == *pair.h*mpi.h* && ! -e $BREAKS ]] || { echo "error: no header" >&2; exit 1; } ;;
esac
"""


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The headers of a LAMMPS and an MPI beside each other, and the working directory."""
    for name in ("lammps/src/pair.h", "mpi/include/mpi.h"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("BREAKS", str(tmp_path / "breaks"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("relative", [True, False])
def test_paths_may_be_relative(there: Path, relative: bool, capsys: pytest.CaptureFixture[str]) -> None:
    place = Path() if relative else there
    words = [str(place / "lammps/src"), str(place / "plugins"), "--mpi", str(place / "mpi/include")]
    assert main(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.strip() == str(there / "plugins" / PLUGIN_NAME)
    assert sorted(file.name for file in (there / "plugins").iterdir()) == ["build.json", LIBRARY_NAME, PLUGIN_NAME]


def test_a_failed_build_leaves_no_object_file(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (there / "breaks").touch()
    assert main(["lammps/src", "plugins", "--mpi", "mpi/include"]) == 1
    assert "no header" in capsys.readouterr().err
    assert list((there / "plugins").glob("*.o")) == []


def test_missing_headers_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lammps", "plugins"]) == 1
    assert "holds no pair.h" in capsys.readouterr().err
    assert main(["lammps/src", "plugins", "--mpi", "mpi"]) == 1
    assert "holds no mpi.h" in capsys.readouterr().err
