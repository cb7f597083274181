"""Molecular dynamics as VASP writes it, made of any frames: sorted by element, in fractions, wrapped into the cell."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms

LEVEL = "PBE-D3(BJ), VASP, 400 eV"
"""Of all of these files."""
NELM = 60


def as_vasp(frames: Sequence[Atoms]) -> list[Atoms]:
    """The atoms as a POSCAR has them, element by element, every one inside the cell."""
    order = np.argsort(frames[0].get_atomic_numbers(), kind="stable")
    sorted_frames = [frame[order] for frame in frames]
    for frame in sorted_frames:
        frame.pbc = True
        frame.wrap()
    return sorted_frames


def md_vasprun(
    frames: Sequence[Atoms], *, potim: float, unconverged: Sequence[int] = (), predicted: Sequence[int] = ()
) -> str:
    """A vasprun.xml with a step for each frame: some not converged, some predicted by a force field."""
    symbols = frames[0].get_chemical_symbols()
    atoms = "".join(f"<rc><c>{symbol:2}</c><c>1</c></rc>" for symbol in symbols)
    types = "".join(
        f"<rc><c>{number}</c><c>{symbol:2}</c><c>1.0</c><c>1.0</c><c> PAW_PBE {symbol} 15Jun2001 </c></rc>"
        for symbol, number in Counter(symbols).items()
    )
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
        f' <incar><i type="int" name="IBRION">     0</i><i name="POTIM"> {potim}</i>'
        '<i type="int" name="IVDW"> 12</i></incar>\n'
        f' <parameters><i name="ENMAX"> 400.0</i><i type="int" name="NELM"> {NELM}</i>'
        f'<i type="int" name="IBRION"> 0</i><i name="POTIM"> {potim}</i></parameters>\n'
        f' <atominfo><array name="atoms"><set>{atoms}</set></array>'
        f'<array name="atomtypes"><set>{types}</set></array></atominfo>\n'
    )
    forces = _rows(np.zeros((len(symbols), 3)))
    for number, frame in enumerate(frames):
        structure = (
            f'<structure><crystal><varray name="basis">\n{_rows(frame.cell[:])}</varray></crystal>'
            f'<varray name="positions">\n{_rows(frame.get_scaled_positions(wrap=False))}</varray></structure>\n'
            f'<varray name="forces">\n{forces}</varray>\n'
        )
        energy = '<energy><i name="e_fr_energy"> -700.0 </i></energy>'
        if number in predicted:
            text += structure + energy
            continue
        loops = NELM if number in unconverged else 5
        text += f" <calculation>{f'<scstep>{energy}</scstep>' * loops}{structure}{energy}</calculation>\n"
    return text + "</modeling>\n"


def md_outcar(frames: Sequence[Atoms], *, potim: float, ended: bool = True) -> str:
    """An OUTCAR with a step for each frame."""
    counts = Counter(frames[0].get_chemical_symbols())
    text = " vasp.6.3.0 20Jan22 (build by hand) gamma-only\n"
    text += "".join(f"   VRHFIN ={one}: test\n   TITEL  = PAW_PBE {one} 15Jun2001\n" for one in counts)
    text += f"   ions per type =    {' '.join(str(number) for number in counts.values())}\n"
    text += f"   NELM   = {NELM:6d};   NELMIN=  2\n   ENCUT  =  400.0 eV  29.40 Ry    5.42 a.u.\n"
    text += f"   IBRION =      0    ionic relax: 0-MD 1-quasi-New 2-CG\n   POTIM  = {potim:.4f}    time-step\n"
    text += "   GGA     =    --    GGA type\n   IVDW   = 12\n"
    rule = " " + "-" * 83 + "\n"
    for number, frame in enumerate(frames, start=1):
        cell, inverse = frame.cell[:], np.linalg.inv(frame.cell[:]).T
        lattice = "".join(_numbers((*row, *other)) for row, other in zip(cell, inverse, strict=True))
        table = "".join(_numbers((*position, 0.0, 0.0, 0.0)) for position in frame.positions)
        text += f"{'-' * 39} Iteration {number:6d}(   5)  {'-' * 39}\n"
        text += f"      direct lattice vectors    reciprocal lattice vectors\n{lattice}\n"
        text += f" POSITION                                       TOTAL-FORCE (eV/Angst)\n{rule}{table}{rule}"
        text += "  free  energy   TOTEN  =      -700.00000000 eV\n\n"
    return text + (" General timing and accounting informations for this job:\n" if ended else "")


def md_xdatcar(frames: Sequence[Atoms]) -> str:
    """An XDATCAR; the head stands once more where the cell has changed. Its lengths are in units of half an Å."""
    text, cell = "", None
    for number, frame in enumerate(frames, start=1):
        if cell is None or not np.array_equal(cell, frame.cell[:]):
            cell, counts = frame.cell[:], Counter(frame.get_chemical_symbols())
            text += f"made by hand\n   0.5\n{''.join(_numbers(2 * row) for row in cell)}"
            text += "  ".join(counts) + "\n" + "  ".join(map(str, counts.values())) + "\n"
        text += f"Direct configuration= {number:5d}\n"
        text += "".join(_numbers(row) for row in frame.get_scaled_positions(wrap=False))
    return text


def _rows(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> str:
    return "".join("<v>" + "".join(f"{value:16.8f}" for value in row) + " </v>\n" for row in values)


def _numbers(values: "Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    return "".join(f"{value:16.8f}" for value in values) + "\n"
