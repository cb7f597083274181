"""Parsl's blocks on this machine, as small and quick as the tests need, and the processes in them."""

import contextlib
from pathlib import Path
from typing import Final

_SITE: Final = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

provider = LocalProvider(init_blocks={blocks}, max_blocks={blocks}, worker_init={before!r})
config = Config(
    executors=[
        HighThroughputExecutor(
            label="here",
            address="127.0.0.1",
            max_workers_per_node={workers},
            heartbeat_period=1,
            heartbeat_threshold={silence_s},
            provider=provider,
        )
    ],
    strategy_period=0.5,
)
"""


def site_file(folder: Path, *, workers: int, blocks: int = 1, silence_s: int = 120, before: str = "") -> Path:
    """Blocks of some workers, which take their supervisor for dead after a silence; shell commands come `before`."""
    file = folder / "site.py"
    file.write_text(_SITE.format(workers=workers, blocks=blocks, silence_s=silence_s, before=before))
    return file


def processes(campaign: Path) -> list[int]:
    """Managers, scripts and workers of a campaign's blocks: those that have its folder in their command lines."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if f"{campaign.resolve()}/".encode() in (entry / "cmdline").read_bytes().replace(b"\0", b"/"):
                    found.append(int(entry.name))
    return found
