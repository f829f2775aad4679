"""Blocks of delivered cells to typed rows, as the file's profile reads them (SPEC 3.1, 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.feeds import FEEDS
from creditaudit.intake.parts import quarantine_table, typed_table
from creditaudit.intake.rows import type_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from creditaudit.intake.blocks import RowBlock
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.intake.rows import TypedRows


class BlockTyper:
    """Types the blocks of one file; any thread may call it.

    Parameters
    ----------
    file : DeliveredFile
        The file, with its profile.
    night : date
        The night that reads it.
    """

    def __init__(self, file: DeliveredFile, night: date) -> None:
        self._file = file
        self._spec = FEEDS[file.feed]
        self._night = night
        self._changes = {c.name: change for c in self._spec.columns if (change := file.profile.change(c)) is not None}

    def __call__(self, given: RowBlock | Callable[[], RowBlock]) -> tuple[int, int, pa.Table, pa.Table]:
        """Type a block: its rows, how many of them are quarantined, the typed ones, and those of the quarantine."""
        block = given() if callable(given) else given
        found = self.typed(block)
        reasons = found.faults.reasons()
        table = typed_table(self._file, self._night, block, found, reasons)
        listed = quarantine_table(self._file, block, found, reasons)
        return len(block), int(found.faults.quarantined.sum()) + len(block.damaged), table, listed

    def typed(self, block: RowBlock) -> TypedRows:
        """Type the rows of a block that split; all of them are still there, with what is wrong with each."""
        count = len(block.rows)
        constants = self._file.profile.source.constants
        cells = block.cells | {name: pa.repeat(value, count) for name, value in constants.items()}
        changes = {
            name: change for name, change in self._changes.items() if name not in block.settled | constants.keys()
        }
        return type_rows(self._spec, cells, count, night=self._night, unreadable=block.unreadable, changes=changes)
