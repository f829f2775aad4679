"""The cells of quarantined rows, as far as their line split: what a person corrects (SPEC 9, quarantine).

A row's cells are one list in the order of the feed's columns. They are kept beside the raw text, because neither the
header nor the dialect of the delivered file is in the book, and the raw text alone cannot be split again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.feeds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from creditaudit.feeds import Column, TableSpec

CELLS = pa.list_(pa.string())

_MINUTE, _DAY = 59, 86_399


def as_delivered(spec: TableSpec, texts: Mapping[str, pa.Array], rows: pa.Array) -> pa.ListArray:
    """Return the cells of some rows of a block.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    texts : mapping of str to pa.Array of string
        Stripped cells by delivered column; a column that the file lacks is not there.
    rows : pa.Array of int64
        Which rows of ``texts``.
    """
    count = len(rows)
    blank = pa.nulls(count, pa.string())
    return _lists([texts[c.name].take(rows) if c.name in texts else blank for c in spec.columns], count)


def as_typed(spec: TableSpec, rows: pa.Table) -> pa.ListArray:
    """Return the cells of typed rows, spelled as this program writes them; a dropped cell is missing."""
    return _lists([_spelled(column, rows) for column in spec.columns], rows.num_rows)


def _spelled(column: Column, rows: pa.Table) -> pa.Array:
    if column.kind is not Kind.INSTANT:
        return rows[column.name].cast(pa.string()).combine_chunks()
    start = rows[f"{column.stem}_from"].cast(pa.timestamp("s"))
    length = pc.subtract(rows[f"{column.stem}_to"].cast(pa.int64()), rows[f"{column.stem}_from"].cast(pa.int64()))
    seconds = pc.divide(length, 1_000_000)
    spelled = pc.case_when(
        pc.make_struct(pc.equal(seconds, _DAY), pc.equal(seconds, _MINUTE), pc.is_valid(seconds)),
        pc.strftime(start, format="%Y-%m-%d"),
        pc.strftime(start, format="%Y-%m-%d %H:%M"),
        pc.strftime(start, format="%Y-%m-%d %H:%M:%S"),
    )
    return spelled.combine_chunks() if isinstance(spelled, pa.ChunkedArray) else spelled


def _lists(columns: list[pa.Array], count: int) -> pa.ListArray:
    """Put columns of equal length side by side: one list a row."""
    width = len(columns)
    beside = np.arange(width * count, dtype=np.int64).reshape(width, count).T.ravel()
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(columns).take(pa.array(beside)))
