"""Chains of doses: every molecule on the surface followed by itself and with the others, and what coverage does.

`layout` says which atoms are whose, `relations` what binds molecules to the slab and to each other, `company` what
became of each in a shot. Over chains: `coverage` says what sticks at which coverage, `uptake` how far it goes,
`neighbours` where the next one settles.
"""
