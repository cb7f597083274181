"""Compile the pair style at first use, against the installed LAMMPS headers and libtorch, into a cache folder."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import aside
from molgun_lmp.cache_folder import cache_root
from molgun_lmp.engine.plugin_path import (
    LIBRARY_NAME,
    PLUGIN_NAME,
    SOURCES,
    build_folder,
    ingredients,
    is_built,
)
from molgun_lmp.errors import EngineError

_OTHER_ENGINE: Final = "or use `engine: {kind: symmetrix}` (pip install 'molgun_lmp[fast]')"
_PROBE: Final = "#include <concepts>\nstatic_assert(std::integral<int>);\n"
"""Compiles in C++20 only."""


def ensure_plugin() -> Path:
    """The folder with both libraries of the pair style, which are compiled when they are not there (half a minute).

    Two processes may do so at once: each builds aside and the first whole build stays. Raises `EngineError` without
    a C++20 compiler, LAMMPS headers, MPI header or torch, and with the compiler's words when it fails.
    """
    try:
        folder = build_folder()
        found = ingredients()
    except LookupError as missing:
        raise EngineError(
            f"the pair style needs the package {missing}, which is not installed in this environment: pip install "
            f"{missing}, {_OTHER_ENGINE}."
        ) from missing
    if is_built(folder):
        return folder
    compiler = find_compiler()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with aside(folder) as work:
            work.mkdir()
            headers = [
                f"-I{found.lammps / 'include' / 'lammps'}",
                f"-I{_mpi_include()}",
                _lammps_integers(found.lammps),
            ]
            compile_pair_style(compiler, headers, dict(found.versions), work)
            _publish(work, folder)
    except OSError as error:
        raise EngineError(
            f"cannot write the compiled pair style below {cache_root()}: {error}. Free space there, or set "
            "MOLGUN_CACHE to a folder that can be written."
        ) from error
    return folder


def find_compiler() -> str:
    """A C++20 compiler: $CXX, else g++, c++ or clang++. Raises `EngineError` with what to install."""
    asked = os.environ.get("CXX")
    names = [asked] if asked else ["g++", "c++", "clang++"]
    for name in names:
        path = shutil.which(name)
        if path is not None and speaks_cpp20(path):
            return path
    raise EngineError(
        f"no C++20 compiler found (tried {', '.join(names)}), so pair_style mace cannot be built. Install g++ 10 or "
        f"later (Debian, Ubuntu: apt install g++; conda: conda install gxx; cluster: module load gcc), point CXX to "
        f"one, {_OTHER_ENGINE}."
    )


def speaks_cpp20(compiler: str) -> bool:
    """Whether a compiler translates C++20."""
    try:
        done = subprocess.run(
            [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", "-"],
            input=_PROBE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def compile_pair_style(compiler: str, lammps: Sequence[str], versions: Mapping[str, str], work: Path) -> None:
    """Both libraries into a folder, against the LAMMPS and MPI of the given options and this environment's libtorch.

    `versions` is recorded beside them. Raises `EngineError` with the compiler's words when it fails.
    """
    import torch  # noqa: PLC0415 - slow to import, and needed only here
    from torch.utils import cpp_extension  # noqa: PLC0415

    from molgun_lmp.at_work import at_work  # noqa: PLC0415 - a worker needs no terminal for anything else

    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    torch_headers = [f"-I{path}" for path in cpp_extension.include_paths()]
    libtorch = Path(torch.__file__).parent / "lib"
    libraries = ["-ltorch", "-ltorch_cpu", "-lc10"]
    if torch.version.cuda is not None:
        libraries += ["-ltorch_cuda", "-lc10_cuda"]
    # CUDA registers itself when it is loaded, so it stays linked though nothing here names it.
    link = [f"-L{libtorch}", f"-Wl,-rpath,{libtorch}", "-Wl,--no-as-needed", *libraries]
    # mpi.h of Open MPI brings C++ classes of libmpi_cxx, which no LAMMPS that skips them, too, is linked to.
    lammps = [*lammps, "-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX"]
    steps: list[list[str]] = [
        ["-c", str(SOURCES / "mace_model.cpp"), "-o", "mace_model.o", abi, *torch_headers],
        ["-c", str(SOURCES / "pair_mace.cpp"), "-o", "pair_mace.o", *lammps],
        ["-shared", "pair_mace.o", "mace_model.o", "-o", LIBRARY_NAME, *link],
        ["-shared", str(SOURCES / "plugin.cpp"), "-o", PLUGIN_NAME, *lammps, "-ldl"],
    ]
    try:
        for number, arguments in enumerate(steps, start=1):
            # LAMMPS prints the source file of an error: the short name, not where this package lies.
            command = [compiler, "-std=c++20", "-O2", "-fPIC", f"-ffile-prefix-map={SOURCES}/=", *arguments]
            with at_work(f"compiling the pair style, part {number} of {len(steps)}"):
                done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise EngineError(
                    f"the pair style did not compile. The command was\n  {' '.join(command)}\nand the compiler said\n"
                    f"{_first_errors(done.stderr)}\nSet CXX to another compiler, {_OTHER_ENGINE}."
                )
    finally:
        for name in ("mace_model.o", "pair_mace.o"):
            (work / name).unlink(missing_ok=True)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    record = {"compiler": version.partition("\n")[0], "path": compiler, **versions}
    (work / "build.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _publish(work: Path, folder: Path) -> None:
    try:
        work.rename(folder)
    except OSError:
        if is_built(folder):  # another process was first
            return
        shutil.rmtree(folder, ignore_errors=True)  # half a build, from a disk that was full or a hand that tidied
        work.rename(folder)


def _mpi_include() -> Path:
    """The folder of the mpi.h that belongs to the MPI of this environment."""
    try:
        for file in metadata.files("mpich") or []:
            if file.name == "mpi.h":
                return Path(str(file.locate())).resolve().parent
    except metadata.PackageNotFoundError:
        pass
    wrapper = shutil.which("mpicxx")
    include = Path(wrapper).resolve().parent.parent / "include" if wrapper else None
    if include is not None and (include / "mpi.h").is_file():
        return include
    raise EngineError(f"no mpi.h found, which LAMMPS' headers include: pip install mpich, {_OTHER_ENGINE}.")


def _lammps_integers(lammps: Path) -> str:
    """The integer sizes that the LAMMPS library was built with, from its own pkg-config file."""
    for file in sorted((lammps / "pkgconfig").glob("*.pc")):
        for word in file.read_text(encoding="utf-8").split():
            if word in {"-DLAMMPS_SMALLBIG", "-DLAMMPS_BIGBIG"}:
                return word
    return "-DLAMMPS_SMALLBIG"


def _first_errors(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line.lower()] or text.splitlines()
    return "\n".join(lines[:8])
