"""What a model folder is, for those who train it and those who run it.

`card` (what it holds and where it came from), `mace_file` (mace's pickles, loaded only on trust), `predict` (energies
and forces of many frames), `symmetrix`, `error_reports` and `level_of_theory`.
"""
