"""The error tree. Library functions raise these; only the command line turns them into exit codes.

Every message says what happened, to which file or trajectory, why, and what to do next.
"""


class MolgunError(Exception):
    """Base of every error that molgun_lmp raises on purpose.

    `exit_code` is what the command line exits with; each class has its own, so that a script can tell them apart.
    """

    exit_code = 10


class ConfigError(MolgunError):
    """The campaign file is wrong: an unknown key, a value out of range, keys that contradict each other."""

    exit_code = 11


class InputFileError(MolgunError):
    """A structure, pool, dump or data file is missing, cut, or does not hold what is needed."""

    exit_code = 12


class ModelError(MolgunError):
    """A model or its card is missing, altered, of the wrong format, or lacks an element of the system."""

    exit_code = 13


class GeometryError(MolgunError):
    """The structures cannot be what they should be: overlapping atoms, a cell too low, no surface found."""

    exit_code = 14


class EngineError(MolgunError):
    """LAMMPS, the pair style or a force model cannot be built, loaded or run on this machine."""

    exit_code = 15


class CampaignError(MolgunError):
    """The campaign folder exists already, is not one, or was changed after it was planned."""

    exit_code = 16


class TrainingError(MolgunError):
    """The trainer failed, or its input cannot be trained on."""

    exit_code = 17


class LeftOutError(MolgunError):
    """Some results of a cluster folder could not be taken; those that could be are in the campaign."""

    exit_code = 18


class FileAccessError(MolgunError):
    """A file or folder cannot be read or written: missing rights, a file where a folder should be, a full disk."""

    exit_code = 19


class InterruptedRunError(MolgunError):
    """The user or the system asked the run to end; the same command goes on from there."""

    exit_code = 130
