"""Fractions of shots that share snapshots, with honest intervals: tables, comparisons, convergence, sample sizes."""
