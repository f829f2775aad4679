"""Where a full verifications file cannot speak: its quarantined rows (SPEC 7.3, covered)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.state import CHECK_GAPS
from creditaudit.feeds import FEEDS
from creditaudit.intake.faults import ROW_QUARANTINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from creditaudit.intake.admit import Admitted
    from creditaudit.intake.receive import FileReport

FEED = "verifications"

# The same record stands elsewhere, so nothing is missing.
_NO_GAP = "duplicate"


def check_gaps(admitted: Sequence[Admitted], reports: Sequence[FileReport]) -> pa.Table:
    """Return the quarantined rows of tonight's full verifications files that may be the record that is looked for.

    Rows that are quarantined as ``duplicate`` alone, and rows that split and name neither an account nor a session,
    are left out. A refused file is no full delivery, so it has no gaps either.

    Parameters
    ----------
    admitted : sequence of Admitted
        Of all feeds.
    reports : sequence of FileReport
        Of all feeds.

    Returns
    -------
    pyarrow.Table
        Schema ``CHECK_GAPS``, one row per quarantined row, sorted by its columns.
    """
    full = [r.file.name for r in reports if r.file.feed == FEED and r.control.kind == "full" and r.refused is None]
    tables = [_gaps(a.quarantine, full) for a in admitted if a.feed == FEED]
    every = pa.concat_tables([CHECK_GAPS.schema.empty_table(), *tables])
    return every.sort_by([(name, "ascending") for name in CHECK_GAPS.schema.names]).combine_chunks()


def _gaps(quarantine: pa.Table, full: Sequence[str]) -> pa.Table:
    lost = quarantine.filter(
        pc.and_(
            pc.and_(
                pc.equal(quarantine["disposition"], ROW_QUARANTINED),
                pc.is_in(quarantine["file"], value_set=pa.array(full, pa.string())),
            ),
            pc.not_equal(quarantine["reasons"], _NO_GAP),
        )
    )
    cells = lost["cells"].combine_chunks()
    table = pa.table(
        {
            "night": lost["night"],
            "file": lost["file"],
            "row": lost["row"],
            "account_code": _cell(cells, "account_code"),
            "session_id": _cell(cells, "session_id"),
            "is_unsplit": pc.is_null(cells),
        },
        schema=CHECK_GAPS.schema,
    )
    named = pc.or_(pc.is_valid(table["account_code"]), pc.is_valid(table["session_id"]))
    return table.filter(pc.or_(named, table["is_unsplit"]))


def _cell(cells: pa.ListArray, column: str) -> pa.Array:
    """Return one column of kept cells; NULL: empty, or the row did not split."""
    if not len(cells):
        return pa.nulls(0, pa.string())
    place = [c.name for c in FEEDS[FEED].columns].index(column)
    texts = pc.list_element(cells, place)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
