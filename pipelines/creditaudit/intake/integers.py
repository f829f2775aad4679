"""Whole numbers from text: ``-?[0-9]+`` that fits 64 bits (SPEC 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from creditaudit.intake.cells import Bools, Cells


_ZERO, _NINE = np.uint8(ord("0")), np.uint8(9)
_MINUS = ord("-")

# Every number of at most 18 characters fits 64 bits; longer ones are looked at one by one.
_SURE_LENGTH = 18
_MOST_DIGITS = 19
_LEAST, _GREATEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Integers:
    """A typed int column: int64 with NULL for missing or bad, and which cells are bad."""

    array: pa.Int64Array
    bad: Bools


def read_integers(cells: Cells) -> Integers:
    """Type an int column; a number that 64 bits cannot hold is bad, leading zeros are allowed.

    Parameters
    ----------
    cells : Cells
        The column.

    Returns
    -------
    Integers
    """
    offsets, lengths = cells.offsets, cells.lengths
    bad = np.zeros(len(cells), dtype=bool)
    start, end = int(offsets[0]), int(offsets[-1])
    at = np.flatnonzero(cells.data[start:end] - _ZERO > _NINE) + start
    if len(at):
        row = np.searchsorted(offsets, at, side="right") - 1
        leading_minus = (cells.data[at] == _MINUS) & (at == offsets[:-1][row]) & (lengths[row] > 1)
        bad[row[~leading_minus]] = True
    for long in np.flatnonzero((lengths > _SURE_LENGTH) & ~bad):
        bad[long] = not _fits(cells.array[int(long)].as_py())
    array = cells.array
    if bad.any():
        array = pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), array)
    return Integers(array.cast(pa.int64()), bad)


def _fits(digits: str) -> bool:
    # Python refuses to read texts of thousands of digits, so the length is asked first.
    significant = digits.lstrip("-").lstrip("0")
    if len(significant) > _MOST_DIGITS:
        return False
    value = int(significant or "0") * (-1 if digits.startswith("-") else 1)
    return _LEAST <= value <= _GREATEST
