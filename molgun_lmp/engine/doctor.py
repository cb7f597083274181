"""What this machine has, and what follows for running campaigns on it. Looks only: builds and changes nothing."""

import dataclasses
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from molgun_lmp.batch import BATCH_SYSTEMS
from molgun_lmp.batch.system import BatchSystem
from molgun_lmp.engine.lammps_build import LammpsBuild, released_on
from molgun_lmp.engine.launcher import (
    check_launcher,
    examine_launch,
    installed_mpi,
    right_launcher,
    without_launcher,
)
from molgun_lmp.engine.plugin_build import find_compiler
from molgun_lmp.engine.resolve import engines_here
from molgun_lmp.engine.target_needs import target_obstacle
from molgun_lmp.engine.targets import load_target, target_names
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import MODEL_FORMATS
from molgun_lmp.models.symmetrix_kernels import symmetrix_version

Status = Literal["ok", "warn", "missing"]

_PYTHON_RANGE: Final = ((3, 11), (3, 14))
_PROBE_S: Final = 120
_LAMMPS_PROBE: Final = """
import json
from mpi4py import MPI
import lammps
lmp = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"], comm=MPI.COMM_SELF)
print(json.dumps({
    "version": lmp.version(),
    "packages": list(lmp.installed_packages),
    "pair_mace": lmp.has_style("pair", "mace"),
    "external": lmp.has_style("fix", "external"),
    "pairs": lmp.available_styles("pair"),
    "backends": list(lmp.accelerator_config.get("KOKKOS", {}).get("api", [])),
    "mpi": MPI.Get_library_version().splitlines()[0],
}))
lmp.close()
"""
_TORCH_PROBE: Final = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__,
    "devices": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())] if cuda else [],
}))
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: what is there, and what follows from it. Plain text, ready for JSON."""

    name: str
    status: Status
    found: str
    follows: str


def examine(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Look at everything that engines, workers and clusters need; takes a few seconds. Never raises.

    LAMMPS and torch are asked in processes of their own, so that what is broken there breaks nothing here.
    """
    here = os.environ if environment is None else environment
    looks: tuple[Callable[[], list[Finding]], ...] = (
        _python,
        _torch,
        lambda: _launcher(here),
        _lammps,
        _compiler,
        _symmetrix,
        _engines,
        _formats,
        _cores,
        lambda: examine_batch_systems(here),
    )
    return [finding for look in looks for finding in look()]


def _python() -> list[Finding]:
    low, high = _PYTHON_RANGE
    good = low <= sys.version_info[:2] < high
    follows = "" if good else "molgun_lmp needs Python 3.11 to 3.13 (TorchScript calls itself unsupported on 3.14)"
    return [Finding(name="python", status="ok" if good else "warn", found=platform.python_version(), follows=follows)]


def _torch() -> list[Finding]:
    answer = _ask(_TORCH_PROBE)
    if isinstance(answer, str):
        return [_missing("torch", answer, "no training, no export, no pair_style mace: pip install torch")]
    devices = answer["devices"]
    return [
        Finding(name="torch", status="ok", found=str(answer["version"]), follows=""),
        Finding(
            name="gpu",
            status="ok" if devices else "warn",
            found=", ".join(devices) or "none that torch can use",
            follows="pair_style mace runs on the GPU of its rank" if devices else "all engines run on the CPU",
        ),
    ]


def _launcher(environment: Mapping[str, str]) -> list[Finding]:
    family = installed_mpi()
    found = f"{family}, started by {examine_launch(environment).launcher or 'no launcher'}"
    try:
        check_launcher(environment, family)
    except EngineError as error:
        return [Finding(name="launcher", status="warn", found=found, follows=str(error))]
    return [Finding(name="launcher", status="ok", found=found, follows=f"for several ranks: {right_launcher(family)}")]


def _lammps() -> list[Finding]:
    answer = _ask(_LAMMPS_PROBE)
    if isinstance(answer, str):
        return [_missing("lammps", answer, "nothing can be fired: pip install lammps mpich mpi4py")]
    plugins = "PLUGIN" in answer["packages"]
    return [
        Finding(
            name="lammps",
            status="ok",
            found=f"{answer['version']}, {len(answer['packages'])} packages",
            follows="",
        ),
        Finding(name="mpi", status="ok", found=str(answer["mpi"]), follows=""),
        Finding(
            name="pair_style mace",
            status="ok" if answer["pair_mace"] or plugins else "missing",
            found="known to LAMMPS"
            if answer["pair_mace"]
            else f"not built; PLUGIN {'is there' if plugins else 'missing'}",
            follows=_pair_follows(bool(answer["pair_mace"]), plugins),
        ),
        Finding(
            name="fix external",
            status="ok" if answer["external"] else "missing",
            found="known to LAMMPS" if answer["external"] else "not in this LAMMPS",
            follows="" if answer["external"] else "no engine symmetrix: use a LAMMPS with the package MISC",
        ),
        _targets(answer),
    ]


def _targets(answer: Mapping[str, Any]) -> Finding:
    """The targets of `molgun cluster` that the LAMMPS of this environment can run itself."""
    year, rest = divmod(answer["version"], 10000)
    build = LammpsBuild(
        version=str(answer["version"]),
        released=released_on(year, *divmod(rest, 100)),
        packages=frozenset(answer["packages"]),
        styles={"pair": frozenset(answer["pairs"])},
        backends=tuple(answer["backends"]),
        mpi=str(answer["mpi"]),
    )
    # The pair style that it knows is this project's, unless it was built with the other one.
    if "ML-MACE" not in build.packages:
        build = dataclasses.replace(build, styles={"pair": build.styles["pair"] - {"mace"}})
    here = [name for name in target_names() if target_obstacle(load_target(name), build) is None]
    others = ", ".join(name for name in target_names() if name not in here)
    return Finding(
        name="targets",
        status="ok" if here else "warn",
        found=f"{', '.join(here) or 'none'} can run here",
        follows=f"for other machines, by `molgun cluster --target`: {others}",
    )


def _pair_follows(known: bool, plugins: bool) -> str:
    if known:
        return "decks of the engine mace also run by hand, with lmp -in"
    if plugins:
        return "molgun builds it when the engine mace is first used"
    return "no engine mace: use a LAMMPS with the package PLUGIN or ML-MACE"


def _compiler() -> list[Finding]:
    try:
        compiler = find_compiler()
    except EngineError as error:
        return [_missing("compiler", "no C++20 compiler", str(error))]
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    return [Finding(name="compiler", status="ok", found=version.partition("\n")[0], follows="C++20")]


def _symmetrix() -> list[Finding]:
    if importlib.util.find_spec("symmetrix") is None:
        return [
            _missing(
                "symmetrix", "not installed", "the CPU engine is several times slower: pip install 'molgun_lmp[fast]'"
            )
        ]
    return [Finding(name="symmetrix", status="ok", found=symmetrix_version(), follows="")]


def _engines() -> list[Finding]:
    return [
        Finding(
            name=f"engine {kind}",
            status="ok" if here.available else "missing",
            found="can run" if here.available else "cannot run",
            follows=here.reason,
        )
        for kind, here in engines_here().items()
    ]


def _formats() -> list[Finding]:
    """The formats of model files whose end is known."""
    return [
        Finding(name=f"format {row.name}", status="warn", found="has an end", follows=row.ends)
        for row in MODEL_FORMATS.values()
        if row.ends
    ]


def _cores() -> list[Finding]:
    usable = len(os.sched_getaffinity(0))
    return [
        Finding(
            name="cores",
            status="ok",
            found=f"{usable} usable of {os.cpu_count()}",
            follows=f"`molgun run --workers {usable}` uses them all",
        )
    ]


def examine_batch_systems(environment: Mapping[str, str]) -> list[Finding]:
    """The batch systems that are here, a finding each; where there is none, one that says so."""
    found = [
        finding for system in BATCH_SYSTEMS.values() if (finding := _batch_system(system, environment)) is not None
    ]
    if found:
        return found
    missing = ", ".join(f"no {system.submit}" for system in BATCH_SYSTEMS.values())
    return [
        Finding(name="batch system", status="warn", found=missing, follows="campaigns run on this machine only"),
    ]


def _batch_system(system: BatchSystem, environment: Mapping[str, str]) -> Finding | None:
    if system.job_id in environment:
        return Finding(name=system.name, status="ok", found=f"inside job {environment[system.job_id]}", follows="")
    if all(shutil.which(program) for program in system.programs):
        follows = f"campaigns can run as {system.title} jobs"
        return Finding(name=system.name, status="ok", found=f"{system.submit} is there", follows=follows)
    return None


def _ask(code: str) -> dict[str, Any] | str:
    """What a small program prints as JSON, or in words why it did not."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(
            command, env=without_launcher(os.environ), capture_output=True, text=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    try:
        answer: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        words = done.stderr.strip().rpartition("\n")[2]
        return words or f"ended with code {done.returncode}"
    return answer


def _missing(name: str, found: str, follows: str) -> Finding:
    return Finding(name=name, status="missing", found=found, follows=follows)
