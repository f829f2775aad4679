"""The order of a comparison: what differs, what was sent about it, what caused it, who must be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.inbox import taken
from creditaudit.drift.between import find_changes
from creditaudit.drift.causes import find_causes
from creditaudit.drift.rows import open_rows
from creditaudit.drift.told import find_told, read_sent
from creditaudit.drift.value import CAUSED, TELL, Drift
from creditaudit.drift.world import RECALL, waiting, world
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError
from creditaudit.intake.readmission import label
from creditaudit.tables import COVERAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


def drift(book: Book, earlier: date, later: date) -> Drift:
    """Compare two sealed nights: verdicts, fault answers and states, with what caused each change.

    A change is told by what the nights between made: each of them on which it was another than the night before is
    asked for its own causes. Those are what a night reads, and nothing is judged anew: a row is a cause where the
    finding rests on it (:mod:`creditaudit.trace`) and it says something else than the row of its key before. Of several
    that came in one night none is left out.

    Parameters
    ----------
    book : Book
    earlier, later : date
        Two sealed nights, in this order.

    Returns
    -------
    Drift

    Raises
    ------
    UsageError
        One is no sealed night, they are in the wrong order or one and the same, or what was in force on the earlier one
        was removed since.
    """
    for night in (earlier, later):
        _check(book, night)
    if earlier >= later:
        same = earlier == later
        raise _not_compared(
            f"{earlier} is no night before {later}" if not same else f"both are {later}",
            f"give --from {later} --to {earlier}" if not same else "name two sealed nights",
        )
    nights = [night for night in book.sealed if earlier <= night <= later]
    known = book.then(later)
    with engine_aside(reads=book.root) as engine:
        changes = find_changes(engine, known, nights)
        sent = read_sent(engine, known, nights)
        if not changes.num_rows:
            return Drift(earlier, later, changes, CAUSED.empty_table(), sent, TELL.empty_table())
        open_rows(engine, known, nights)
        _open_world(engine, known, nights)
        return Drift(earlier, later, changes, find_causes(engine), sent, find_told(engine, known, nights))


def _open_world(engine: Engine, book: Book, nights: list[date]) -> None:
    """Make ``world``, ``waits``, ``entries``, ``recalled`` and ``every_file``."""
    told = world(book, nights)
    engine.load("world", told)
    engine.load("waits", waiting(book, nights))
    entries = taken(book)
    named = [{"entry": e.file_name, "sha256": e.sha256, "label": label(e.sha256)} for e in entries]
    engine.load("entries", pa.Table.from_pylist(named, schema=_ENTRIES))
    on = {row["entry"]: row["night"] for row in told.to_pylist() if row["cause"] == RECALL}
    recalled = [
        {"night": on[e.file_name], "file_sha256": digest, "entry": e.file_name, "detail": RECALL}
        for e in entries
        if e.file_name in on
        for digest in _hashes(e)
    ]
    engine.load("recalled", pa.Table.from_pylist(recalled, schema=_RECALLED))
    files = [book.folder(night) / "published" / "coverage.parquet" for night in book.sealed]
    engine.scan("every_file", files, COVERAGE)


_ENTRIES = pa.schema([(name, pa.string()) for name in ("entry", "sha256", "label")])
_RECALLED = pa.schema([("night", pa.date32()), *((name, pa.string()) for name in ("file_sha256", "entry", "detail"))])
_SHA_DIGITS = 64


def _hashes(entry: Entry) -> Iterator[str]:
    """Yield the SHA-256 of the files that a recall names, wherever its body has them."""
    todo = [*entry.body.values()]
    while todo:
        one = todo.pop()
        if isinstance(one, str) and len(one) == _SHA_DIGITS:
            yield one
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()


def _check(book: Book, night: date) -> None:
    if night in book.sealed:
        return
    for sealed in book.sealed:
        for skipped in book.manifests[sealed]["skipped"]:
            if skipped["night"] == night.isoformat():
                raise _not_compared(
                    f"night {night} was skipped, not read, by a decision that night {sealed} recorded",
                    f"name a sealed night, for example {sealed}",
                )
    if not book.sealed:
        raise _not_compared("the book has no sealed night", "run a night first: creditaudit night")
    near = min(book.sealed, key=lambda one: (abs(one - night), one))
    where = "before the book begins" if night < book.sealed[0] else "no sealed night of this book"
    raise _not_compared(
        f"{night} is {where}; its nights are {book.sealed[0]} to {book.sealed[-1]}", f"the nearest is {near}"
    )


def _not_compared(why: str, next_step: str) -> UsageError:
    return UsageError("the two nights cannot be compared", why=why, next_step=next_step)
