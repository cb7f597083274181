"""What fires: many trajectories, the folder on disk, the workers that claim from it, and who starts them.

`store` owns the folder (paths, claims, checkpoints, hashes, index); `plan` makes it; `worker` fires one trajectory
after the other; `launch` starts workers here, under mpirun and through Parsl; `cluster` writes job arrays that need
nothing but LAMMPS, and collects what comes back. `status`, `stop_rule_status` and `retry` look at a folder or free
its failures.
"""
