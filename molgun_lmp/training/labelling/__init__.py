"""Reference energies and forces with any ASE calculator: `molgun label`, with a ledger that survives any kill."""
