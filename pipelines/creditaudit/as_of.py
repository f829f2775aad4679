"""The book as it was, for any reader: published tables, and the rows then in force (SPEC 9).

Nothing here writes, locks or decides. ``creditaudit.open_book(path).as_of("2026-11-20")`` is the way in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.files import listed, storage
from creditaudit.book.layout import Book, night_of, read_manifest
from creditaudit.book.layout import open_book as _open_book
from creditaudit.book.state import TABLES, open_states
from creditaudit.errors import UsageError, Where
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import duckdb
    import pandas as pd


@dataclass(frozen=True)
class OpenedBook:
    """A book, opened to read. A night that is sealed later is seen by a book that is opened later.

    Parameters
    ----------
    root : Path
        Directory of the book.
    """

    root: Path

    @property
    def nights(self) -> tuple[date, ...]:
        """Sealed nights in date order."""
        return Book(self.root).sealed

    def as_of(self, night: date | str | None = None) -> Night:
        """Return the book as it was when a night was sealed.

        Parameters
        ----------
        night : date or str or None
            A sealed night, as a date or ``YYYY-MM-DD``; None: the last one.

        Raises
        ------
        UsageError
            It is no sealed night of this book, or of a format that this program does not know.
        """
        day = night_of(night) if isinstance(night, str) else night
        sealed = self.nights
        if day is None and night is None and sealed:
            day = sealed[-1]
        if day not in sealed or day is None:
            earlier = [n for n in sealed if day is not None and n < day]
            near = f"the last one before it is {earlier[-1]}" if earlier else f"it has {len(sealed)} sealed nights"
            if sealed and not earlier:
                near += f", {sealed[0]} to {sealed[-1]}"
            raise UsageError(
                "the book cannot be shown as it was",
                why=f"{night if night is not None else 'the last one'} is no sealed night of this book; {near}",
                next_step="name a sealed night, as YYYY-MM-DD",
                where=Where(str(self.root)),
            )
        read_manifest(Book(self.root).folder(day))
        return Night(self.root, day)


@dataclass(frozen=True)
class Night:
    """The book as it was when one night was sealed.

    Parameters
    ----------
    root : Path
        Directory of the book.
    night : date
        The sealed night.
    """

    root: Path
    night: date

    @property
    def paths(self) -> dict[str, Path]:
        """Published tables of the night by name: Parquet files that any program may read. No raw ID number in them."""
        folder = Book(self.root).folder(self.night) / "published"
        return {path.stem: path for path in listed(folder) if path.suffix == ".parquet"}

    def table(self, name: str) -> pa.Table:
        """Return one published table, in its order.

        Raises
        ------
        UsageError
            The night did not publish a table of that name.
        """
        path = self._path(name)
        with storage(path):
            return pq.read_table(path)

    def _path(self, name: str) -> Path:
        paths = self.paths
        if name not in paths:
            raise UsageError(
                f"night {self.night} has no table {name}",
                why=f"it published {', '.join(paths)}",
                next_step="name one of them, or a feed for the rows then in force",
            )
        return paths[name]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with the published tables as views; it opens no other file and writes none.

        For example ``night.connect().sql("SELECT tier, count(*) FROM cases GROUP BY ALL")``: a relation, which gives
        pandas (``.df()``), Arrow (``.to_arrow_table()``) or Polars (``.pl()``).
        """
        from creditaudit.engines.reading import connect  # noqa: PLC0415 - only this needs an engine

        return connect(self.paths)

    def relation(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return one published table as a DuckDB relation: lazy, on a connection of its own; see :meth:`connect`.

        Raises
        ------
        UsageError
            The night did not publish a table of that name.
        """
        self._path(name)
        return self.connect().view(name)

    def pandas(self, name: str) -> pd.DataFrame:
        """Return one published table as a data frame, in its order; types as Arrow has them, missing is ``<NA>``.

        Raises
        ------
        UsageError
            The night did not publish a table of that name.
        ModuleNotFoundError
            pandas is not installed: the program itself does not need it.
        """
        import pandas as pd  # noqa: PLC0415 - analysts have it; nights do without

        return self.table(name).to_pandas(types_mapper=pd.ArrowDtype)

    def standing(self, name: str) -> pa.Table:
        """Return the rows of a feed that were in force: **personal data**, sorted by key.

        Parameters
        ----------
        name : str
            A feed, or another table of the state (``quarantined_numbers``, ``check_gaps``, …).

        Returns
        -------
        pyarrow.Table
            One row per key, columns as typed (SPEC 3.2, 4); ``night``, ``file``, ``row``, ``line`` say where it came
            from; NULL is missing. A table that the book did not have yet is empty.

        Raises
        ------
        UsageError
            There is no such table, or the rows were removed since.
        """
        return pa.Table.from_batches(self.standing_batches(name), schema=self.schema_of(name))

    def standing_batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of :meth:`standing` in batches, in bounded memory."""
        from creditaudit.engines import engine_aside  # noqa: PLC0415 - only this needs an engine

        schema = self.schema_of(name)
        spec = TABLES[name]
        places = (n for n in ("night", "file", "row") if n in schema.names)
        order = ", ".join(dict.fromkeys((*spec.key, *places)))
        with engine_aside(reads=self.root) as engine:
            open_states(engine, Book(self.root, until=self.night))
            columns = ", ".join(schema.names)
            for batch in engine.stream(f"SELECT {columns} FROM standing_{name} ORDER BY {order}"):
                table = pa.Table.from_batches([batch]).cast(schema)
                yield from table.to_batches()

    def schema_of(self, name: str) -> pa.Schema:
        """Return the columns of :meth:`standing`; a name that is no such table is refused."""
        if name not in TABLES:
            raise UsageError(
                f"there are no rows in force of {name}",
                why="it is neither a feed nor a table of the state",
                next_step=f"name one of {', '.join(FEEDS)}",
            )
        return TABLES[name].schema


def open_book(root: Path | str) -> OpenedBook:
    """Open a book to read.

    Parameters
    ----------
    root : Path or str
        Directory of the book.

    Raises
    ------
    UsageError
        There is no such book.
    """
    return OpenedBook(_open_book(Path(root)).root)
