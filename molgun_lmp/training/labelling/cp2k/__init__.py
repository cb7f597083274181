"""PBE labels by CP2K: its input, its output, and the program in between as an ASE calculator for `molgun label`."""
