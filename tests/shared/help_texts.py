"""What `lmp -h` says, in the form in which LAMMPS of 2021 to 2026 print it, shortened to what matters here."""

from collections.abc import Mapping, Sequence
from typing import Final

CORE: Final[Mapping[str, Sequence[str]]] = {
    "fix": ("halt", "langevin", "nve", "nvt"),
    "compute": ("property/atom", "reduce", "temp"),
    "dump": ("atom", "custom"),
}

OPEN_MPI: Final = "MPI v3.1: Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022"


def help_text(
    version: str,
    packages: Sequence[str],
    pairs: Sequence[str],
    *,
    kokkos: str = "",
    mpi: str = OPEN_MPI,
    styles: Mapping[str, Sequence[str]] = CORE,
) -> str:
    """With styles in columns, a line for each four; `kokkos` are its backends."""
    lists = "".join(f"* {kind.capitalize()} styles\n\n{columns(names)}\n\n" for kind, names in styles.items())
    accelerators = f"KOKKOS package API: {kokkos}\nKOKKOS package precision: double\n" if kokkos else ""
    return (
        f"\nLarge-scale Atomic/Molecular Massively Parallel Simulator - {version}\n\n"
        "Usage example: lmp -var t 300 -echo screen -in in.alloy\n\n-kokkos on/off ...    : turn KOKKOS mode on or off "
        f'(-k)\n\nOS: Linux "Debian GNU/Linux 12 (bookworm)" 6.18 x86_64\n\nC++ standard: C++17\n{mpi}\n\n'
        f"Accelerator configuration:\n\n{accelerators}\nInstalled packages:\n\n{' '.join(packages)} \n\n"
        "List of individual style options included in this LAMMPS executable\n\n"
        f"* Pair styles:\n\n{columns(pairs)}\n\n{lists}"
    )


def columns(names: Sequence[str]) -> str:
    padded = [name.ljust(16 if len(name) < 16 else 32) for name in names]
    return "\n".join("".join(padded[start : start + 4]) for start in range(0, len(padded), 4))
