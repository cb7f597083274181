"""Blocks of workers on this machine: one for each core that this process may use, added as they are needed.

`molgun run CAMPAIGN --parsl local`, or a copy of this file: `--parsl my_site.py`.
"""

import os

from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="local",
            address="127.0.0.1",
            max_workers_per_node=1,  # each runs as many threads as the campaign's engine has
            heartbeat_period=5,
            heartbeat_threshold=60,
            provider=LocalProvider(init_blocks=1, min_blocks=0, max_blocks=len(os.sched_getaffinity(0))),
        )
    ],
    strategy="htex_auto_scale",  # gives up blocks that are idle, too
    strategy_period=1,
    max_idletime=30.0,
)
