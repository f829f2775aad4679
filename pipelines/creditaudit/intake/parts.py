"""The two tables that the rows of a block become: typed, and quarantine (SPEC 2, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.feeds import FEEDS
from creditaudit.intake.faults import CELL_DROPPED, ROW_QUARANTINED
from creditaudit.intake.kept_cells import CELLS, as_delivered

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.intake.blocks import RowBlock
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.intake.rows import TypedRows

# Rows of one file that were quarantined, or lost a cell.
QUARANTINE_PART = pa.schema(
    [
        pa.field("feed", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # 1-based data row
        pa.field("line", pa.int64(), nullable=False),  # 1-based physical line
        pa.field("disposition", pa.string(), nullable=False),  # row_quarantined, cell_dropped
        pa.field("reasons", pa.string(), nullable=False),  # sorted, joined by ;
        pa.field("raw", pa.string(), nullable=False),  # the line as decoded, without its end
        pa.field("id_norm", pa.string()),  # of the row's own id_number; NULL: not split, empty or bad_form
        pa.field("provider_code", pa.string()),  # NULL: not split, empty, or no such column
        pa.field("account_code", pa.string()),
        pa.field("split_ok", pa.bool_(), nullable=False),
        pa.field("cells", CELLS),  # stripped, in the order of the feed's columns; NULL: not split
    ]
)


def typed_table(
    file: DeliveredFile, night: date, block: RowBlock, found: TypedRows, reasons: pa.StringArray
) -> pa.Table:
    """Return the rows of a block that nothing cost.

    Parameters
    ----------
    file : DeliveredFile
        Where the rows come from.
    night : date
        The night that reads them.
    block : RowBlock
        The rows as delivered.
    found : TypedRows
        The same, typed.
    reasons : pa.StringArray
        What ``found.faults`` says of each row that split.

    Returns
    -------
    pa.Table
        With the feed's typed schema, in row order.
    """
    count = len(block.rows)
    provenance = {
        "night": pa.repeat(pa.scalar(night, pa.date32()), count),
        "file": pa.repeat(file.name, count),
        "row": pa.array(block.rows + block.first_row),
        "line": pa.array(block.lines[block.rows]),
        "dropped": reasons,
    }
    schema = FEEDS[file.feed].schema
    known = found.columns | provenance
    table = pa.Table.from_arrays(
        [known[kind.name] if kind.name in known else _missing(kind, count) for kind in schema], schema=schema
    )
    lost = found.faults.quarantined
    return table.filter(pa.array(~lost)) if lost.any() else table


def quarantine_table(file: DeliveredFile, block: RowBlock, found: TypedRows, reasons: pa.StringArray) -> pa.Table:
    """Return the rows of a block that were quarantined or lost a cell.

    Parameters
    ----------
    file, block, found, reasons
        As in :func:`typed_table`.

    Returns
    -------
    pa.Table
        With ``QUARANTINE_PART``, in row order.
    """
    listed = np.flatnonzero(found.faults.quarantined | found.faults.dropped)
    if not len(listed) and not block.damaged:
        return QUARANTINE_PART.empty_table()
    damaged = np.array(sorted(block.damaged), dtype=np.int64)
    place = np.concatenate([block.rows[listed], damaged])
    order = np.argsort(place, kind="stable")
    place, ordered = place[order], pa.array(order)
    chosen, blank = pa.array(listed), pa.nulls(len(damaged), pa.string())

    def beside(column: pa.Array | None) -> pa.Array:
        """Put what the rows that split have beside nothing for those that did not."""
        given = pa.nulls(len(listed), pa.string()) if column is None else column.take(chosen)
        return pa.concat_arrays([given, blank]).take(ordered)

    id_norm = None
    if found.identities is not None:
        readable = pa.array(found.identities.readable())
        id_norm = pc.if_else(readable, found.identities.norm, pa.scalar(None, pa.string()))
    why = pa.array([block.damaged[int(row)] for row in damaged], pa.string())
    lost = np.concatenate([found.faults.quarantined[listed], np.ones(len(damaged), dtype=bool)])[order]
    kept = as_delivered(FEEDS[file.feed], found.texts, chosen)
    columns = {
        "feed": pa.repeat(file.feed, len(place)),
        "file": pa.repeat(file.name, len(place)),
        "row": pa.array(place + block.first_row),
        "line": pa.array(block.lines[place]),
        "disposition": pc.if_else(pa.array(lost), ROW_QUARANTINED, CELL_DROPPED),
        "reasons": pa.concat_arrays([reasons.take(chosen), why]).take(ordered),
        "raw": block.raw(place),
        "id_norm": beside(id_norm),
        "provider_code": beside(found.texts.get("provider_code")),
        "account_code": beside(found.texts.get("account_code")),
        "split_ok": pa.array(order < len(listed)),
        "cells": pa.concat_arrays([kept, pa.nulls(len(damaged), CELLS)]).take(ordered),
    }
    return pa.Table.from_arrays([columns[name] for name in QUARANTINE_PART.names], schema=QUARANTINE_PART)


def _missing(kind: pa.Field, count: int) -> pa.Array:
    """Return a column that the file does not have; a name that is not there is not known."""
    if kind.name == "name_known":
        return pa.repeat(pa.scalar(value=False), count)
    return pa.nulls(count, kind.type)
