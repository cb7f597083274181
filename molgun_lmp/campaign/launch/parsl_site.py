"""`--parsl site.py`: the user's own Parsl configuration, run as the Python code that it is, and what it offers."""

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.errors import ConfigError, EngineError
from molgun_lmp.shipped_templates import templates_folder


def site_names() -> tuple[str, ...]:
    """The site files that come with molgun."""
    return tuple(sorted(file.stem for file in (templates_folder() / "parsl").glob("*.py")))


def load_site(name: str) -> Any:
    """The `parsl.Config` of a site file, by the name of one of ours or by the path of the user's own.

    The file is run. An executor starts once only: what needs another start loads again. Raises `EngineError` where
    Parsl is missing and `ConfigError` for a file that is no site file.
    """
    try:
        from parsl import Config  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineError(
            f"Parsl cannot be loaded here: {error}. pip install 'molgun_lmp[parsl]', or leave out --parsl: then the "
            "workers are processes of this machine."
        ) from error
    file = _site_file(name)
    config = _run(file).get("config")
    if config is None:
        raise ConfigError(
            f"{file} defines no `config`: it must assign a parsl.Config to this name, as {templates_folder() / 'parsl'}"
            " shows."
        )
    if not isinstance(config, Config):
        raise ConfigError(f"{file}: `config` is of type {type(config).__name__} and must be a parsl.Config.")
    return config


def _site_file(name: str) -> Path:
    if name in site_names():
        return templates_folder() / "parsl" / f"{name}.py"
    file = Path(name)
    if not file.is_file():
        raise ConfigError(
            f"--parsl: there is no file {name}. Name a Python file that defines `config`, or one of ours: "
            f"{', '.join(site_names())}."
        )
    return file


def _run(file: Path) -> Mapping[str, Any]:
    try:
        return runpy.run_path(str(file))
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{file} cannot be run: {type(error).__name__}: {error}. It is the user's own code."
        ) from error


def places(config: Any) -> dict[str, int]:
    """Executor -> workers that it has when all its blocks are there. Raises `ConfigError` for one without any."""
    from parsl.executors.status_handling import BlockProviderExecutor  # noqa: PLC0415

    found = {}
    for executor in config.executors:
        kind = type(executor).__name__
        provider = getattr(executor, "provider", None)
        if not isinstance(executor, BlockProviderExecutor) or provider is None:
            raise ConfigError(
                f"the executor {executor.label!r} of the site file ({kind}) has no blocks of workers: give the config "
                "`executors=[HighThroughputExecutor(...)]` with a provider."
            )
        unlimited = getattr(executor, "max_workers_per_node", None) == float("inf")
        if unlimited and getattr(provider, "cores_per_node", None) is None:
            raise ConfigError(
                f"the executor {executor.label!r} of the site file does not say how many workers a node has: give it "
                "max_workers_per_node."
            )
        workers = int(provider.max_blocks * provider.nodes_per_block * executor.workers_per_node)
        if workers < 1:
            raise ConfigError(
                f"the executor {executor.label!r} of the site file has no workers: {provider.max_blocks} blocks "
                f"(max_blocks) of {provider.nodes_per_block} nodes with {executor.workers_per_node:g} workers each."
            )
        found[executor.label] = workers
    return found
