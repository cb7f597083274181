"""Small VASP files, written by hand in the programs' formats: H2 in a box, one ionic step after the other."""

import dataclasses
from collections.abc import Sequence

import numpy as np

CELL = np.array([[8.0, 0.0, 0.0], [0.5, 8.0, 0.0], [0.0, -0.25, 10.0]])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One ionic step of H2; `fractions` (2, 3), `forces` (2, 3) eV/Å; iterations 0: predicted by a force field."""

    free_energy: float = -6.70
    zero_energy: float = -6.65
    distance: float = 0.75
    force: float = 0.5
    iterations: int = 5
    written: bool = True
    """Whether positions and forces are."""

    @property
    def fractions(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        positions = np.array([[2.0, 2.0, 2.0], [2.0, 2.0, 2.0 + self.distance]])
        return np.asarray(positions @ np.linalg.inv(CELL))

    @property
    def forces(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([[0.0, 0.0, -self.force], [0.0, 0.0, self.force]])


def _rows(values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> str:
    return "\n".join("    <v> " + " ".join(f"{value:15.8f}" for value in row) + " </v>" for row in values)


def _structure(step: Step) -> str:
    return (
        f'  <structure>\n   <crystal>\n   <varray name="basis">\n{_rows(CELL)}\n   </varray>\n   </crystal>\n'
        f'   <varray name="positions">\n{_rows(step.fractions)}\n   </varray>\n  </structure>\n'
        f'  <varray name="forces">\n{_rows(step.forces)}\n  </varray>\n'
    )


def vasprun(steps: Sequence[Step], *, encut: float = 400.0, pstress: float = 0.0, head: str = "") -> str:
    """A vasprun.xml with NELM = 10; steps without iterations stand outside of <calculation>, as VASP puts them."""
    energy = '<i name="e_fr_energy"> {:.8f} </i><i name="e_0_energy"> {:.8f} </i>'
    volume = abs(float(np.linalg.det(CELL)))
    text = (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{head}<modeling>\n <incar>\n  <i name="ENCUT"> {encut:.8f}</i>\n'
        ' </incar>\n <kpoints>\n  <varray name="kpointlist"><v> 0.0 0.0 0.0 </v></varray>\n'
        '  <varray name="weights"><v> 1.0 </v></varray>\n </kpoints>\n <parameters>\n'
        f'  <i type="int" name="NELM"> 10</i>\n  <i name="ENMAX"> {encut:.8f}</i>\n  <i name="PSTRESS"> {pstress}</i>\n'
        '  <separator name="response functions"><i type="int" name="NELM"> 1</i></separator>\n </parameters>\n'
        ' <atominfo>\n  <array name="atoms"><set>\n   <rc><c>H </c><c>   1</c></rc>\n   <rc><c>H </c><c>   1</c></rc>\n'
        '  </set></array>\n  <array name="atomtypes"><set>\n'
        "   <rc><c> 2</c><c>H </c><c> 1.0</c><c> 1.0</c><c> PAW_PBE H 15Jun2001 </c></rc>\n  </set></array>\n"
        " </atominfo>\n" + _structure(Step()).replace("<structure>", '<structure name="initialpos">', 1)
    )
    for step in steps:
        if not step.iterations:
            text += _structure(step) + "  <energy>" + energy.format(step.free_energy, 0.0) + "</energy>\n"
            continue
        scf = energy.format(step.free_energy, step.zero_energy)
        # Under pressure the step's own energy is the enthalpy; its zero-smearing energy is 0 in some versions.
        pv = pstress * 6.241509e-4 * volume
        text += " <calculation>\n" + f"  <scstep><energy>{scf}</energy></scstep>\n" * step.iterations
        text += _structure(step) if step.written else ""
        text += "  <energy>" + energy.format(step.free_energy + pv, 0.0)
        text += '<i name="kinetic"> 0.5 </i><i name="total"> -6.2 </i></energy>\n </calculation>\n'
    return text + "</modeling>\n"


def _table(step: Step, mark: str = "") -> str:
    positions = step.fractions @ CELL
    rows = "".join(
        "".join(f"{value:13.5f}" for value in position) + "    " + "".join(f"{value:14.6f}" for value in force) + "\n"
        for position, force in zip(positions, step.forces, strict=True)
    )
    rule = " " + "-" * 83 + "\n"
    head = f" POSITION                                       TOTAL-FORCE (eV/Angst){mark}\n"
    return f"      direct lattice vectors    reciprocal lattice vectors\n{_lattice()}\n{head}{rule}{rows}{rule}"


def _lattice() -> str:
    inverse = np.linalg.inv(CELL).T
    return "".join(
        "".join(f"{value:13.9f}" for value in (*row, *other)) + "\n" for row, other in zip(CELL, inverse, strict=True)
    )


def outcar(steps: Sequence[Step], *, encut: float = 400.0, nwrite: int = 2, ended: bool = True) -> str:
    """An OUTCAR of VASP 6 with NELM = 10; it claims that EDIFF was reached even where only NELM was, as VASP 5 does."""
    text = (
        " vasp.6.3.0 20Jan22 (build by hand) gamma-only\n POTCAR:    PAW_PBE H 15Jun2001\n"
        "   VRHFIN =H: ultrasoft test\n   TITEL  = PAW_PBE H 15Jun2001\n   ENMAX  =  250.000; ENMIN  =  200.000 eV\n"
        f"   ions per type =               2\n   NWRITE =      {nwrite}    write-flag & timer\n"
        "   NELM   =     10;   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
        f"   ENCUT  =  {encut:.1f} eV  29.40 Ry    5.42 a.u.\n   GGA     =    --    GGA type\n"
        f"   LHFCALC =     F    Hartree Fock is set to\n      direct lattice vectors    reciprocal\n{_lattice()}\n"
    )
    for number, step in enumerate(steps, start=1):
        if not step.iterations:
            text += _table(step, " (ML)")
            text += "\n  ML FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
            text += f"  free  energy ML TOTEN  =  {step.free_energy:16.8f} eV\n\n"
            continue
        for iteration in range(1, step.iterations + 1):
            text += f"{'-' * 39} Iteration {number:6d}({iteration:4d})  {'-' * 39}\n"
            text += f"  free energy    TOTEN  =  {step.free_energy + 1:16.8f} eV\n"
        text += f"{'-' * 24} aborting loop because EDIFF is reached {'-' * 40}\n"
        text += _table(step) if step.written else ""
        text += "\n  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n  " + "-" * 51 + "\n"
        text += f"  free  energy   TOTEN  =  {step.free_energy:16.8f} eV\n\n"
        text += f"  energy  without entropy= {step.zero_energy:15.8f}  energy(sigma->0) = {step.zero_energy:15.8f}\n"
        text += f"  enthalpy is  TOTEN    =  {step.free_energy + 7:16.8f} eV   P V=  7.0\n"
        text += "  total energy   ETOTAL =        -6.200000 eV\n"
    return text + (" General timing and accounting informations for this job:\n" if ended else "")
