"""Readers of structures and trajectories, all streaming: `lammps` (dumps, logs), `vasp`, CP2K, what ASE reads.

`trajectory` gives the frames of any trajectory, `sources` finds the files of a data set, `packed` unpacks, `frame` and
`reference_frame` are what readers give.
"""
