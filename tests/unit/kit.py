"""Small typed tables for the rooms: rows said as a delivery says them, without going through the intake."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.feeds import FEEDS, ID_COLUMNS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from creditaudit.book.keys import Keyring
    from creditaudit.book.state_model import StateTable
    from creditaudit.engines import Engine

NIGHT = date(2026, 11, 20)
DAY = 86_400
PERSON = "11010519491231002X"
OTHER = "110105196001011239"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the program's instants have no zone
_LENGTHS = {10: timedelta(seconds=86_399), 16: timedelta(seconds=59), 19: timedelta()}


def interval(text: str) -> tuple[datetime, datetime]:
    """Return the closed interval of whole seconds that an instant means (SPEC 4)."""
    start = datetime.fromisoformat(text)
    return start, start + _LENGTHS[len(text)]


def seconds(text: str) -> int:
    """Return an instant's first second since 1970-01-01."""
    return int((interval(text)[0] - _EPOCH).total_seconds())


def remembered(table: StateTable, batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    """Return rows on their way to a table of the state as the book keeps them."""
    schema = table.schema
    return [
        row for batch in batches for row in pa.Table.from_batches([batch]).select(schema.names).cast(schema).to_pylist()
    ]


def day_number(text: str) -> int:
    """Return a date as days since 1970-01-01."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def typed(feed: str, rows: Iterable[Mapping[str, Any]], *, night: date = NIGHT) -> pa.Table:
    """Return rows of a feed's typed schema.

    Cells have the names that a delivery has: ``x_at`` (text; becomes the interval), dates as text, ``id_number`` (any
    text; status ``ok`` unless ``id_status`` is given). Typed names win. Rows are numbered from 1 in file ``f.csv``.
    """
    spec = FEEDS[feed]
    made = []
    for number, cells in enumerate(rows, start=1):
        row: dict[str, Any] = {"night": night, "file": "f.csv", "row": number, "line": number + 1}
        for name, value in cells.items():
            column = spec.by_name.get(name)
            if value is None:
                continue
            if column is not None and column.kind is Kind.INSTANT:
                row[f"{column.stem}_from"], row[f"{column.stem}_to"] = interval(value)
            elif column is not None and column.kind is Kind.DATE and isinstance(value, str):
                row[name] = date.fromisoformat(value)
            else:
                row[name] = value
            if name in ID_COLUMNS:
                norm, status = ID_COLUMNS[name]
                row[norm], row[status] = cells.get(norm, value), cells.get(status, "ok")
            elif name == "name":
                row["name_norm"], row["name_known"] = value, True
        made.append(row)
    return pa.Table.from_pylist(made, schema=spec.schema)


def stand(engine: Engine, *, night: date = NIGHT, **feeds: list[dict[str, Any]]) -> None:
    """Name rows in force as ``standing_<feed>`` for every feed and state table; those not given are empty."""
    from creditaudit.book.state import TABLES  # noqa: PLC0415 - most users need no book

    for name, table in TABLES.items():
        if name in FEEDS:
            engine.load(f"standing_{name}", typed(name, feeds.get(name, []), night=night))
        else:
            engine.load(f"standing_{name}", pa.Table.from_pylist(feeds.get(name, []), schema=table.schema))
    engine.load("institutions", institutions(feeds.get("institutions", [])))


def institutions(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return the reference table as a night reads it: ``valid_from`` and ``valid_to`` as dates, ``row`` from 1."""
    from creditaudit.book.reference import DATE_COLUMNS, TABLES  # noqa: PLC0415

    kinds = {name: pa.date32() if name in DATE_COLUMNS else pa.string() for name in TABLES["institutions"]}
    schema = pa.schema([*kinds.items(), ("row", pa.int64())])
    return pa.Table.from_pylist([{**row, "row": number} for number, row in enumerate(rows, 1)], schema=schema)


def demo_keys() -> Keyring:
    """Return a keyring that is the same in every run."""
    from creditaudit.book.keys import Key, Keyring  # noqa: PLC0415

    return Keyring((Key("K1", "active", b"\x07" * 32),))
