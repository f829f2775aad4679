"""A book without recalled files: every table of its state as if their rows had never come (SPEC 2, 9).

What is in force of a feed is folded anew for the keys of the recalled rows (``intake/refold.py``). The other tables say
what deliveries were: they lose the recalled ones, and hold what the rows of other files have become without them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.proof_state import ACCOUNT_DELIVERIES
from creditaudit.book.state import (
    CHECK_GAPS,
    DELTA_ROWS,
    FULL_DELIVERIES,
    OPENING_CHANGES,
    QUARANTINED_NUMBERS,
    READMITTED_ROWS,
    TABLES,
    open_state,
)
from creditaudit.feeds import FEEDS
from creditaudit.intake.faults import ROW_QUARANTINED
from creditaudit.intake.landing import INBOX, REPORTS
from creditaudit.intake.recalls import Recalled, Recalls, first_night
from creditaudit.intake.refold import refold
from creditaudit.intake.volume import WHOLE_FEED, counted_providers
from creditaudit.tables import COVERAGE

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec

_OF_DELIVERIES = (FULL_DELIVERIES.name, ACCOUNT_DELIVERIES.name)
_GONE = pa.schema([("feed", pa.string()), ("night", pa.date32()), ("file", pa.string()), ("row", pa.int64())])


def take_back(engine: Engine, book: Book, taken: Recalls) -> tuple[Book, frozenset[Recalled]]:
    """Return the book as it would be before tonight without the files that tonight recalls.

    Makes, for each feed with a recalled file, ``recalled_keys_<feed>``, ``restored_<feed>`` and ``turned_<feed>``
    (``intake/refold.py``), and ``turned_full_deliveries``, ``turned_quarantined_numbers`` and
    ``turned_opening_changes``: rows of the state that one of the two histories alone has. Everything that is opened
    with the book returned reads the state so.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    taken : Recalls
        What tonight's decisions say; with at least one file.

    Returns
    -------
    tuple
        The book, and every row that is recalled: the files, and corrected rows that went with them.
    """
    earlier = {one for _, one in taken.before}
    gone = set(taken.files)
    feeds = sorted({one.feed for one in gone})
    links = _rows_of(engine, book, READMITTED_ROWS.name)
    gone |= _corrections(links, gone)
    engine.load("every_fate", _FATES.empty_table())
    for feed in feeds:
        while True:
            spec = FEEDS[feed]
            own = [one for one in gone if one.feed == feed]
            refold(engine, book, feed, earlier | gone, first_night(feed, own, taken.before))
            more = _overtaken(engine, feed, links, own) - gone
            if not more:
                break
            gone |= more  # a corrected row whose first form stands after all
        _keep_fates(engine, spec)
    engine.load("gone_rows", _gone(gone))
    links_now = _links(engine, feeds, links)
    made = {READMITTED_ROWS.name: links_now}
    for table in _OF_DELIVERIES:
        made[table] = _without(engine, book, table)
    made[QUARANTINED_NUMBERS.name] = _numbers(engine, book)
    made[CHECK_GAPS.name] = _gaps(engine, book)
    made[DELTA_ROWS.name] = _deltas(engine, book, taken.files)
    if "openings" in feeds:
        made[OPENING_CHANGES.name] = _opening_changes(engine, book)
    _turned(engine, book, made)
    engine.drop("gone_rows", "every_fate", "refolded_fates")
    return replace(book, recalled=frozenset(feeds), restated=made), frozenset(gone)


_FATES = pa.schema(
    [
        ("feed", pa.string()),
        ("night", pa.date32()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("id_norm", pa.string()),
        ("was", pa.string()),
        ("reason", pa.string()),
    ]
)


def _rows_of(engine: Engine, book: Book, table: str) -> pa.Table:
    open_state(engine, book, table, "state_rows")
    found = engine.fetch("SELECT * FROM state_rows")
    engine.drop("state_rows")
    return found.cast(TABLES[table].schema)


def _corrections(links: pa.Table, gone: set[Recalled]) -> set[Recalled]:
    """Return the corrected rows whose first form is recalled, whatever was quarantined and corrected in between."""
    files = {(one.feed, one.read_on, one.file): one for one in gone if not one.row}
    found: dict[tuple[str, date, str, int], Recalled] = {}
    for link in sorted(links.to_pylist(), key=lambda r: (r["night"], r["feed"], r["file"], r["row"])):
        if link["file"] == link["replaces_file"]:
            continue
        of = files.get((link["feed"], link["replaces_night"], link["replaces_file"])) or found.get(
            (link["feed"], link["replaces_night"], link["replaces_file"], link["replaces_row"])
        )
        if of is not None:
            place = (link["feed"], link["night"], link["file"], link["row"])
            found[place] = Recalled(link["night"], link["feed"], link["file"], link["row"], of.sha256)
    return set(found.values())


def _overtaken(engine: Engine, feed: str, links: pa.Table, own: list[Recalled]) -> set[Recalled]:
    """Return the corrected rows whose first form stands after all: nobody could have corrected it."""
    stands = engine.fetch("SELECT night, file, row FROM refolded_fates WHERE was IS NOT NULL AND reason IS NULL")
    released = {(r["night"], r["file"], r["row"]) for r in stands.to_pylist()}
    sha256 = min(one.sha256 for one in own)
    return {
        Recalled(link["night"], feed, link["file"], link["row"], sha256)
        for link in links.to_pylist()
        if link["feed"] == feed
        and link["file"] != link["replaces_file"]
        and (link["replaces_night"], link["replaces_file"], link["replaces_row"]) in released
    }


def _keep_fates(engine: Engine, spec: TableSpec) -> None:
    number = "CASE WHEN id_status <> 'bad_form' THEN id_norm END" if "id_norm" in spec.schema.names else "NULL"
    engine.table(
        "every_fate",
        "SELECT * FROM every_fate UNION ALL"
        f" SELECT '{spec.name}' AS feed, night, file, row, {number} AS id_norm, was, reason FROM refolded_fates",
    )


def _gone(gone: set[Recalled]) -> pa.Table:
    every = [(one.feed, one.read_on, one.file, one.row) for one in sorted(gone)]
    return pa.Table.from_pylist([dict(zip(_GONE.names, row, strict=True)) for row in every], schema=_GONE)


def _is_gone(feed: str, *, rows: bool) -> str:
    """Return SQL that is TRUE for a row ``s`` of a table of the state that a recalled delivery made."""
    row = "g.row IN (0, s.row)" if rows else "g.row = 0"
    here = f"g.feed = {feed} AND g.night = s.night AND g.file = s.file"
    return f"EXISTS (SELECT 1 FROM gone_rows AS g WHERE {here} AND {row})"


def _without(engine: Engine, book: Book, table: str) -> pa.Table:
    """Return the rows of a table of full deliveries without the recalled ones."""
    feed = "s.feed" if "feed" in TABLES[table].schema.names else "'accounts'"
    return _selected(engine, book, table, f"SELECT s.* FROM state_rows AS s WHERE NOT {_is_gone(feed, rows=False)}")


def _selected(engine: Engine, book: Book, table: str, select: str) -> pa.Table:
    """Run a query over ``state_rows``, the rows of a table in force; returns them in the table's order."""
    spec = TABLES[table]
    open_state(engine, book, table, "state_rows")
    order = ", ".join(dict.fromkeys((*spec.key, *(n for n in ("night", "file", "row") if n in spec.schema.names))))
    found = engine.fetch(f"SELECT {', '.join(spec.schema.names)} FROM ({select}) AS s ORDER BY {order}")
    engine.drop("state_rows")
    return found.cast(spec.schema)


def _links(engine: Engine, feeds: list[str], links: pa.Table) -> pa.Table:
    """Return ``readmitted_rows`` without recalled corrections, and with the rows that stand after all."""
    engine.load("state_rows", links)
    tried = ", ".join(f"'{feed}'" for feed in feeds)
    found = engine.fetch(
        f"""
        SELECT s.* FROM state_rows AS s WHERE NOT {_is_gone("s.feed", rows=True)}
            AND NOT (s.file = s.replaces_file AND s.feed IN ({tried}) AND EXISTS (SELECT 1 FROM every_fate AS f
                WHERE f.feed = s.feed AND f.night = s.night AND f.file = s.file AND f.row = s.row))
        UNION ALL
        SELECT f.night, f.feed, f.file, f.row, f.night AS replaces_night, f.file AS replaces_file, f.row AS replaces_row
        FROM every_fate AS f WHERE f.was IS NOT NULL AND f.reason IS NULL
        ORDER BY replaces_night, feed, replaces_file, replaces_row
        """
    )
    engine.drop("state_rows")
    return found.cast(READMITTED_ROWS.schema)


def _numbers(engine: Engine, book: Book) -> pa.Table:
    """Return ``quarantined_numbers``: of rows that lost their key a conflict is a blind spot, no other is."""
    return _selected(
        engine,
        book,
        QUARANTINED_NUMBERS.name,
        f"""
        SELECT s.* FROM state_rows AS s WHERE NOT {_is_gone("s.feed", rows=True)}
            AND NOT EXISTS (SELECT 1 FROM every_fate AS f WHERE f.feed = s.feed AND f.night = s.night
                AND f.file = s.file AND f.row = s.row AND f.was = 'conflict' AND f.reason IS DISTINCT FROM 'conflict')
        UNION
        SELECT f.night, f.feed, f.file, f.row, f.id_norm FROM every_fate AS f
        WHERE f.reason = 'conflict' AND f.id_norm IS NOT NULL
        """,
    )


def _gaps(engine: Engine, book: Book) -> pa.Table:
    """Return the gaps of full verifications files, as the rows of other files have become."""
    return _selected(
        engine,
        book,
        CHECK_GAPS.name,
        f"""
        SELECT s.* FROM state_rows AS s WHERE NOT {_is_gone("'verifications'", rows=True)}
            AND NOT EXISTS (SELECT 1 FROM every_fate AS f WHERE f.feed = 'verifications' AND f.night = s.night
                AND f.file = s.file AND f.row = s.row AND COALESCE(f.reason, 'duplicate') = 'duplicate')
        """,
    )


def _opening_changes(engine: Engine, book: Book) -> pa.Table:
    return _selected(
        engine,
        book,
        OPENING_CHANGES.name,
        "SELECT s.* FROM state_rows AS s WHERE NOT EXISTS (SELECT 1 FROM recalled_keys_openings AS k"
        " WHERE k.provider_code = s.provider_code AND k.account_code = s.account_code)"
        " UNION ALL SELECT * FROM restored_opening_changes",
    )


def _deltas(engine: Engine, book: Book, files: tuple[Recalled, ...]) -> pa.Table:
    """Return what each provider delivered, without the recalled files: what its next nights are measured by."""
    less: dict[tuple[date, str, str], int] = defaultdict(int)
    for one in files:
        if one.file.startswith((f"{INBOX}/", f"{REPORTS}/")):
            continue
        for provider, number in _delivered(book, one).items():
            less[one.read_on, one.feed, provider] += number
    rows = []
    for row in _rows_of(engine, book, DELTA_ROWS.name).to_pylist():
        taken = less.get((row["night"], row["feed"], row["provider_code"]))
        if taken is None:
            rows.append(row)
        elif row["delivered"] > taken:
            rows.append({**row, "delivered": row["delivered"] - taken})
    order = [(name, "ascending") for name in DELTA_ROWS.key]
    return pa.Table.from_pylist(rows, schema=DELTA_ROWS.schema).sort_by(order)


def _delivered(book: Book, one: Recalled) -> dict[str, int]:
    """Count the rows of a recalled delta file by provider, as the night that read it did; a full file has none."""
    path = book.folder(one.read_on) / "published" / "coverage.parquet"
    with storage(path):
        of = [("feed", "=", one.feed), ("file", "=", one.file)]
        [said] = pq.read_table(path, schema=COVERAGE, filters=of).to_pylist()
    if said["kind"] != "delta":
        return {}
    if said["provider_code"]:
        return {said["provider_code"]: said["delivered"]}
    spec = FEEDS[one.feed]
    if "provider_code" not in spec.by_name:
        return {WHOLE_FEED: said["delivered"]}
    codes: list[pa.ChunkedArray] = []
    here = [("file", "=", one.file)]
    for part in book.parts(one.read_on, f"intake/{one.feed}"):
        with storage(part):
            codes.append(pq.read_table(part, columns=["provider_code"], filters=here)["provider_code"])
    held = book.part(one.read_on, f"quarantine/{one.feed}.parquet")
    if held is None:
        return counted_providers(codes)
    with storage(held):
        lost = pq.read_table(held, columns=["cells", "disposition"], filters=here)
    lost = lost.filter(pc.and_(pc.equal(lost["disposition"], ROW_QUARANTINED), pc.is_valid(lost["cells"])))
    if lost.num_rows:
        codes.append(pc.list_element(lost["cells"], list(spec.by_name).index("provider_code")))
    return counted_providers(codes)


def _turned(engine: Engine, book: Book, made: dict[str, pa.Table]) -> None:
    """Make ``turned_<table>`` of the tables by which persons and accounts are touched."""
    for table in (FULL_DELIVERIES.name, QUARANTINED_NUMBERS.name, OPENING_CHANGES.name):
        if table not in made:
            continue
        open_state(engine, book, table, "state_rows")
        engine.load("rows_now", made[table])
        columns = ", ".join(TABLES[table].schema.names)
        engine.table(
            f"turned_{table}",
            f"(SELECT {columns} FROM state_rows EXCEPT SELECT {columns} FROM rows_now)"
            f" UNION ALL (SELECT {columns} FROM rows_now EXCEPT SELECT {columns} FROM state_rows)",
        )
        engine.drop("state_rows", "rows_now")
    # A full verifications file whose gaps others' rows have closed, or opened, answers for other accounts.
    engine.load("full_deliveries_now", made[FULL_DELIVERIES.name])
    engine.table(
        f"turned_{FULL_DELIVERIES.name}",
        f"SELECT * FROM turned_{FULL_DELIVERIES.name} UNION SELECT d.* FROM"
        " full_deliveries_now AS d JOIN every_fate AS f ON f.feed = 'verifications'"
        " AND d.feed = f.feed AND d.night = f.night AND d.file = f.file AND f.reason IS DISTINCT FROM f.was",
    )
    engine.drop("full_deliveries_now")
