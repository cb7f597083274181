"""VASP files: vasprun.xml, OUTCAR and XDATCAR, step by step, with what their headers say."""
