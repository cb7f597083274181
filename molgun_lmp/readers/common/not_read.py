"""Files of frames that are not read, known by how they begin, each with the way out."""

from typing import Final

_EXTENDED_XYZ: Final = (
    "Convert it to extended XYZ with a program that reads it (MDAnalysis, mdtraj, OVITO, ASE): element symbols, "
    "positions in Å, the cell, and `step` in each header where the file counts"
)
_BEGINNINGS: Final = (
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (vaspout.h5, H5MD, TorchSim)",
        "Of a run of VASP name vasprun.xml, OUTCAR or XDATCAR instead; TorchSim's `TorchSimTrajectory(...)."
        f"write_ase_trajectory(...)` writes a .traj, which is read. {_EXTENDED_XYZ}",
    ),
    (0, b"CDF\x01", "a NetCDF file", _EXTENDED_XYZ),
    (0, b"CDF\x02", "a NetCDF file", _EXTENDED_XYZ),
    (0, b"CDF\x05", "a NetCDF file", _EXTENDED_XYZ),
    (4, b"CORD", "a DCD file", _EXTENDED_XYZ),
    (0, b"\x00\x00\x07\xcb", "an XTC file", _EXTENDED_XYZ),
    (0, b"\x00\x00\x07\xc9", "a TRR file", _EXTENDED_XYZ),
    (
        0,
        b"LammpS RestartT",
        "a restart file of LAMMPS",
        "Write its structure with `lmp -restart2data`, or name the run's dump",
    ),
    (0, b"\x80\x04\x95", "a pickle of Python, which runs code when it is loaded", "Write its frames as extended XYZ"),
)


def not_read(start: bytes) -> str | None:
    """What a file is that begins so, and what to do, in a sentence; None where it may be read."""
    for at, magic, what, way in _BEGINNINGS:
        if start[at : at + len(magic)] == magic:
            return f"is {what}, which is not read. {way}."
    return None
