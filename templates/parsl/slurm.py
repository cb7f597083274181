"""Blocks of workers as SLURM jobs. Copy this file, say what your cluster wants, and start where sbatch works:

`molgun run CAMPAIGN --parsl my_site.py`, in tmux or a small job of its own: it must run as long as the campaign does.
The campaign folder and this environment must be seen by the nodes; the nodes must reach this machine by network.
"""

from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm",
            # address="10.0.0.1",  # this machine as the nodes see it; if not given, all its addresses are tried
            max_workers_per_node=16,
            cores_per_worker=1,  # the threads of the campaign's engine
            # available_accelerators=4,  # GPUs of a node: then so many workers, each with its own
            heartbeat_period=15,
            heartbeat_threshold=120,
            provider=SlurmProvider(
                # partition="standard",
                # account="project",
                walltime="04:00:00",  # a block that is ended by the clock gives its trajectories back
                nodes_per_block=1,  # more of them need `launcher=SrunLauncher()` from parsl.launchers
                init_blocks=1,
                min_blocks=0,
                max_blocks=10,
                exclusive=False,
                cores_per_node=16,
                # gpus_per_node=4,
                worker_init="",  # such as "module load python; source ~/molgun/bin/activate"
            ),
        )
    ],
    strategy="htex_auto_scale",
    max_idletime=120.0,
)
