"""One worker: it claims a trajectory, fires it, stores its result, until none is free.

`python -m molgun_lmp.campaign.worker` is one process of it (`__main__`), `loop` what it does, `concurrent` and
`at_work` several trajectories in one process, `run_trajectory` one run of one deck, `energy_conservation` what is
said of it, `minimise` a structure in place of a trajectory.
"""
