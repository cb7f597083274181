"""Frames in; outcomes, statistics, figures and the page's parts out. Pure: no campaign folder, no dynamics.

`outcomes` (what became of a molecule), `statistics` (fractions and their intervals), `kinetics` (when, how long, how
often), `scattering` (what came back), `maps` (where), `figures` (one module for each), `report` (the page).
"""
