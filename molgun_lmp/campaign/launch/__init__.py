"""Who starts workers and watches them: local processes, MPI ranks, blocks that Parsl provides.

`local` supervises, `spawn` starts one process, `mpi` makes ranks workers, `parsl_*` blocks of a batch system;
`progress` shows what the folder tells. `until` fires up to a stop rule's next look; `equilibrate`, `calibrate` and
`minimise` are commands' other work for the same workers.
"""
