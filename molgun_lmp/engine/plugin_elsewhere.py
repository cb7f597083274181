"""The pair style for a LAMMPS that is not this environment's: any build of a stock release with the PLUGIN package.

`python -m molgun_lmp.engine.plugin_elsewhere LAMMPS/src FOLDER --mpi MPI/include` compiles both libraries into FOLDER,
against that LAMMPS and the libtorch of this environment, which must stay where it is. With
`export LAMMPS_PLUGIN_PATH=FOLDER` that LAMMPS has `pair_style mace`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.engine.plugin_build import compile_pair_style, find_compiler
from molgun_lmp.engine.plugin_path import PLUGIN_NAME
from molgun_lmp.errors import EngineError, MolgunError


def build(headers: Path, folder: Path, mpi: Path | None = None, integers: str = "SMALLBIG") -> Path:
    """The plugin's file, as an absolute path. `headers` is LAMMPS's `src`, or `include/lammps` of an installed one.

    Paths may be relative to the working directory. Raises `EngineError` without headers (of LAMMPS, or of MPI in the
    folder `mpi`) or a C++20 compiler, or where something does not compile.
    """
    if not (headers / "pair.h").is_file():
        raise EngineError(
            f"{headers} holds no pair.h: name LAMMPS's src folder, or include/lammps where it is installed."
        )
    if mpi is not None and not (mpi / "mpi.h").is_file():
        raise EngineError(f"{mpi} holds no mpi.h: name the include folder of the MPI that LAMMPS was built with.")
    # The compiler works in the folder of the build, from where a relative path would lead elsewhere.
    headers, folder = headers.resolve(), folder.absolute()
    options = [f"-I{headers}", *([] if mpi is None else [f"-I{mpi.resolve()}"]), f"-DLAMMPS_{integers}"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"{folder} cannot be made: {error.strerror}. Name a folder that can be written.") from error
    compile_pair_style(find_compiler(), options, {"lammps": str(headers)}, folder)
    return folder / PLUGIN_NAME


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where it failed, with the reason."""
    parser = argparse.ArgumentParser(prog="python -m molgun_lmp.engine.plugin_elsewhere", description=__doc__)
    parser.add_argument("headers", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mpi", type=Path, help="the folder of the mpi.h with which that LAMMPS was built")
    parser.add_argument("--integers", choices=("SMALLBIG", "BIGBIG"), default="SMALLBIG")
    asked = parser.parse_args(arguments)
    try:
        built = build(asked.headers, asked.folder, asked.mpi, asked.integers)
    except MolgunError as error:
        print(error, file=sys.stderr)
        return 1
    print(built)
    return 0


if __name__ == "__main__":
    sys.exit(main())
