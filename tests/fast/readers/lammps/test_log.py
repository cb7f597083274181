"""Thermo tables and halt messages from log text: whole, repeated, interrupted by warnings, and cut anywhere."""

import numpy as np

from molgun_lmp.readers.lammps.log import joined_thermo, last_halt, thermo_tables

LOG = """LAMMPS (22 Jul 2025 - Update 4)
thermo_style custom step temp pe etotal
Step by step comments are no header
run 20
Per MPI rank memory allocation (min/avg/max) = 3.095 | 3.095 | 3.095 Mbytes
   Step          Temp          PotEng         TotEng
         0   300           -10.5          -4.25
WARNING: Inconsistent image flags (src/domain.cpp:123)
        10   290.25        -10.25         -4.25
        20   280.5         -10            -4.25
Loop time of 0.5 on 1 procs for 20 steps with 154 atoms
        99   1             2              3
run 10
   Step          Temp          PotEng         TotEng
        20   280.5         -10            -4.25
        30   nan           -9.75          -4.25
Fix halt condition for fix-id halt_hot met on step 30 with value 5012.5
Loop time of 0.2 on 1 procs for 10 steps with 154 atoms
"""


def test_one_table_for_each_run() -> None:
    first, second = thermo_tables(LOG)
    assert first.columns == ("Step", "Temp", "PotEng", "TotEng")
    assert first.rows[:, 0].tolist() == [0, 10, 20]
    assert first.rows[1].tolist() == [10, 290.25, -10.25, -4.25]
    assert np.isnan(second.rows[1, 1])


def test_joined_tables_have_each_step_once() -> None:
    thermo = joined_thermo(thermo_tables(LOG))
    assert thermo["Step"].tolist() == [0, 10, 20, 30]
    assert thermo["PotEng"].tolist() == [-10.5, -10.25, -10, -9.75]


def test_a_run_whose_head_is_lost_repeats_no_step() -> None:
    """A full disk took the end of the first run's log and the beginning of the second's."""
    second = LOG.partition("run 10\n")[2].partition("\n")[2].replace("        20   280.5", "        20   281.5")
    for lines in (3, 5):  # it may go on from an earlier step, too
        first = LOG.splitlines(keepends=True)[: 6 + lines - 1]
        thermo = joined_thermo(thermo_tables("".join(first) + second))
        assert thermo["Step"].tolist() == ([0, 20, 30] if lines == 3 else [0, 10, 20, 30])
        assert thermo["Temp"][-2] == 281.5


def test_joined_tables_keep_the_columns_that_all_have() -> None:
    other = LOG.replace("PotEng", "KinEng", 1)
    assert sorted(joined_thermo(thermo_tables(other))) == ["Step", "Temp", "TotEng"]


def test_the_last_halt() -> None:
    halt = last_halt(LOG)
    assert halt is not None
    assert (halt.fix_id, halt.step, halt.value) == ("halt_hot", 30, 5012.5)
    assert last_halt(LOG.replace("Fix halt", "Fix")) is None


def test_a_log_cut_at_any_byte_gives_a_prefix_of_the_whole_one() -> None:
    """No cut may invent a number: 28 is not 280.5."""
    whole = [tuple(row) for table in thermo_tables(LOG.replace("nan", "270")) for row in table.rows]
    for end in range(len(LOG)):
        rows = [tuple(row) for table in thermo_tables(LOG[:end].replace("nan", "270")) for row in table.rows]
        assert rows == whole[: len(rows)]
        assert last_halt(LOG[:end]) in (None, last_halt(LOG))


def test_nothing_to_read() -> None:
    assert thermo_tables("") == ()
    assert joined_thermo(()) == {}
    header_only = "   Step          Temp\n"
    assert thermo_tables(header_only)[0].rows.shape == (0, 2)
    assert joined_thermo(thermo_tables(header_only)) == {}
