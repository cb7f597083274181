"""Campaigns for clusters where nothing but LAMMPS is: job arrays out, results back.

`write` makes the folder, `next_tasks` is its stop rule, `collect` takes what came back, each trajectory once. Chains of
doses need molgun_lmp there: `chain_jobs` writes their job script.
"""
