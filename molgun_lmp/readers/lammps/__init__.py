"""LAMMPS files: text and binary dumps by their columns, and logs."""
