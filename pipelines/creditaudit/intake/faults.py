"""What is wrong with which rows of a block: one bit per reason, one text per distinct combination (SPEC 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from creditaudit.errors import InternalError

if TYPE_CHECKING:
    from creditaudit.intake.cells import Bools

REQUIRED_EMPTY = "required_empty"
BAD_TYPE = "bad_type"
BAD_CODE = "bad_code"
IMPOSSIBLE_DATE = "impossible_date"
RESERVED_AREA = "reserved_area"

ROW_QUARANTINED = "row_quarantined"
CELL_DROPPED = "cell_dropped"

_BITS = 64


class Faults:
    """The faults found in a block of rows.

    Parameters
    ----------
    rows : int
        Rows in the block.
    """

    def __init__(self, rows: int) -> None:
        self._names: list[str] = []
        self._found = np.zeros(rows, dtype=np.uint64)
        self._fatal = np.uint64(0)

    def add(self, reason: str, column: str, bad: Bools, *, droppable: bool) -> None:
        """Note a reason for the rows in ``bad``.

        Parameters
        ----------
        reason : str
            A reason of SPEC 3.4.
        column : str
            The column whose cell is bad.
        bad : numpy bool, one per row
            Where.
        droppable : bool
            The cell is dropped instead of costing its row.
        """
        if not bad.any():
            return
        if len(self._names) == _BITS:
            raise InternalError(
                "a block has more kinds of faults than can be told apart",
                why=f"more than {_BITS}",
                next_step="report this with the feed's name",
            )
        bit = np.uint64(1 << len(self._names))
        self._names.append(f"{reason}:{column}")
        self._found[bad] |= bit
        if not droppable:
            self._fatal |= bit

    def forgive(self, name: str) -> Bools:
        """Take a reason (``reason:column``) back; returns the rows that had it."""
        had: Bools = np.zeros(len(self._found), dtype=bool)
        if name in self._names:
            bit = np.uint64(1 << self._names.index(name))
            had = (self._found & bit) != 0
            self._found &= ~bit
        return had

    @property
    def quarantined(self) -> Bools:
        """Rows that something cost."""
        cost: Bools = (self._found & self._fatal) != 0
        return cost

    @property
    def dropped(self) -> Bools:
        """Rows that stand, with a cell set to missing."""
        some: Bools = (self._found != 0) & ~self.quarantined
        return some

    def reasons(self) -> pa.StringArray:
        """Return, per row, its reasons sorted and joined by ``;``: only those that cost it, where something did.

        NULL where nothing is wrong.
        """
        if not self._names:
            return pa.nulls(len(self._found), pa.string())
        listed = np.where(self.quarantined, self._found & self._fatal, self._found)
        distinct, which = np.unique(listed, return_inverse=True)
        texts = pa.array([self._text(int(bits)) for bits in distinct], pa.string())
        return texts.take(pa.array(which.astype(np.int64)))

    def _text(self, bits: int) -> str | None:
        names = [name for place, name in enumerate(self._names) if bits >> place & 1]
        return ";".join(sorted(names)) or None
