"""The contract of the reference tables: suites as the feeds have them, asked of the night's copies (SPEC 3.2, 3.4).

A table for which no suite lies in the book or in the program is not asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.reference import DATE_COLUMNS, TABLES, read
from creditaudit.contracts.asking import Outcome, ask_rows
from creditaudit.contracts.compiler import Compiled, compile_suite
from creditaudit.contracts.suite import table_suites
from creditaudit.errors import UsageError, Where
from creditaudit.feeds import Column, Kind, TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


def compiled_tables(book: Book, night: date) -> dict[str, Compiled]:
    """Compile the suites of the reference tables that are in force, by table.

    Raises
    ------
    UsageError
        A suite cannot be used.
    """
    compiled = {}
    for table, suite in table_suites(book, night, TABLES).items():
        if suite.ours.get("history") is not None:
            raise suite.refused("a reference table is not delivered, so it has no meta.creditaudit.history")
        compiled[table] = compile_suite(suite, night, spec_of(table))
    return compiled


def spec_of(table: str) -> TableSpec:
    """Return a reference table as a suite sees it: its columns, and ``file`` and ``row`` to name a row by."""
    kinds = {name: Kind.DATE if name in DATE_COLUMNS else Kind.TEXT for name in TABLES[table]}
    return TableSpec(table, tuple(Column(name, kind) for name, kind in kinds.items()), key=())


def rows_of(folder: Path, table: str, night: date) -> pa.Table:
    """Read a night's copy of a reference table with the schema of :func:`spec_of`.

    Parameters
    ----------
    folder : Path
        The night's ``reference/``.
    table : str
    night : date

    Returns
    -------
    pyarrow.Table
        In the file's order; ``line`` is the row's number, too: empty lines are not counted.
    """
    found = read(folder, table)
    beside = {
        "night": pa.repeat(pa.scalar(night, pa.date32()), found.num_rows),
        "file": pa.repeat(f"reference/{table}.csv", found.num_rows),
        "line": found["row"],
    }
    known = {name: found[name] for name in found.column_names} | beside
    schema = spec_of(table).schema
    columns = {f.name: known.get(f.name, pa.nulls(found.num_rows, f.type)) for f in schema}
    return pa.table(columns, schema=schema)


def ask_tables(engine: Engine, compiled: dict[str, Compiled], folder: Path, night: date) -> dict[str, list[Outcome]]:
    """Ask every suite of its table, by table."""
    outcomes = {}
    for table, each in compiled.items():
        engine.load("reference_rows", rows_of(folder, table, night))
        outcomes[table] = ask_rows(engine, each, "reference_rows", spec_of(table))
        engine.drop("reference_rows")
    return outcomes


def require_usable(compiled: Compiled, outcomes: Sequence[Outcome], said: Sequence[str]) -> None:
    """Refuse a night whose table fails a critical expectation: people edit these tables, so they can mend it.

    Parameters
    ----------
    compiled : Compiled
    outcomes : sequence of Outcome
    said : sequence of str
        Each outcome in words.

    Raises
    ------
    UsageError
        Names the table, the expectation, how many rows fail, and the first of them.
    """
    broken = [
        (outcome, words)
        for outcome, words in zip(outcomes, said, strict=True)
        if outcome.failed and outcome.check.expectation.severity == "critical"
    ]
    if broken:
        outcome, words = broken[0]
        notes = outcome.check.expectation.content.get("notes") or ""
        raise UsageError(
            "a reference table does not keep its contract",
            why=f"{words}. {notes}".rstrip(". "),
            next_step=f"mend reference/{compiled.suite.feed}.csv in the book, or its suite ({compiled.suite.place})",
            where=Where(f"reference/{compiled.suite.feed}.csv"),
        )
