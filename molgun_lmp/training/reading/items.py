"""The frames of one source, with a reader's errors told as ours."""

from collections.abc import Iterator

from molgun_lmp.errors import InputFileError, MolgunError
from molgun_lmp.training.reading.found import FoundFrame, Unusable
from molgun_lmp.training.reading.sources import Source


def items_of(source: Source) -> Iterator[FoundFrame | Unusable]:
    """What the source's reader finds, in order. Raises `InputFileError` for a file that cannot be parsed."""
    index = -1
    try:
        for item in source.reader.read(source.path):
            index += 1
            yield item
    except MolgunError:
        raise
    except Exception as error:  # ASE's readers raise anything for what they cannot parse
        raise InputFileError(
            f"{source.name} cannot be read beyond frame {index}: {type(error).__name__}: {error}. The file is cut or "
            "of another format: remove the broken end, or write it again as extxyz."
        ) from error
