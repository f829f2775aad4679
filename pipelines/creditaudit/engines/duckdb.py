"""The engine of one machine: DuckDB in memory, spilling to a scratch folder, where large tables are kept too."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from creditaudit.engines import quoted
from creditaudit.engines.base import AT_ONCE, bytes_of
from creditaudit.engines.counting import count
from creditaudit.errors import InternalError, StorageError
from creditaudit.masking import numbers_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.runlog import Meter

# The session speaks the dialect of the rule texts: NULLs sort first ascending and last descending (as in Spark).
_SESSION = (
    "SET default_null_order = 'nulls_first_on_asc_last_on_desc'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET preserve_insertion_order = false",
    # Words that both engines have under one name: whole days and whole seconds since 1970-01-01.
    "CREATE TEMP MACRO epoch_day(d) AS CAST(CAST(d AS DATE) - DATE '1970-01-01' AS INTEGER)",
    "CREATE TEMP MACRO epoch_second(t) AS CAST(epoch(CAST(t AS TIMESTAMP)) AS BIGINT)",
    "CREATE TEMP MACRO day_of_second(s) AS CAST(floor(s / 86400) AS INTEGER)",
    # The same day of the next month, or its last day.
    "CREATE TEMP MACRO day_next_month(d) AS"
    " CAST(CAST(DATE '1970-01-01' + CAST(d AS INTEGER) + INTERVAL 1 MONTH AS DATE) - DATE '1970-01-01' AS INTEGER)",
    # Eight bytes that stand for a text where only a sieve is wanted: another engine may make other ones.
    "CREATE TEMP MACRO text_hash(t) AS hash(t)",
    "CREATE TEMP MACRO code_hash(p, c) AS hash(p, c)",
)

# Arrow schema to the columns of the table that the engine makes of it: once in a process.
_DECLARED: dict[pa.Schema, str] = {}

_SELECT, _CREATE = duckdb.StatementType.SELECT, duckdb.StatementType.CREATE

# Statements by text: to parse one takes a quarter of the time where rows are few, and nights that run in one process
# ask much the same.
_PARSED: dict[tuple[str, duckdb.StatementType], duckdb.Statement] = {}
_MOST_PARSED = 4096

# Where a table is kept. Of one with fewer rows nobody asks what memory it takes.
_IN_MEMORY, _ON_DISK = "TEMP TABLE", "TABLE"
_MANY = 100_000

# Letters of a path that the engine would read as a pattern, and find other files by.
_PATTERN = re.compile(r"[*?\[]")


class DuckDBEngine:
    """DuckDB behind the :class:`creditaudit.engines.base.Engine` protocol.

    Parameters
    ----------
    scratch : Path
        Existing folder for spilled data; nothing of it is kept.
    threads : int
        Worker threads.
    memory_limit : str
        As DuckDB reads it (``2GiB``): the buffer manager's share, not the whole process.
    reads : Path or None
        The one folder, beside the scratch, whose files it may open; None: no file at all. Whatever text reaches the
        engine, it opens no other file (a link out of the folder counts as where it leads), writes none, loads no
        extension and changes no setting.
    meter : Meter or None
        Counts the queries and what each of them read; None: nothing is counted.
    on_disk : bool
        Once the tables that are kept fill half of the memory, those that are made after it are kept in a file in
        ``scratch``. Tables in memory can be spilled, but not all that belongs to them: of tens of millions of rows a
        join finds no room in the end.
    """

    name = "duckdb"

    def __init__(
        self,
        scratch: Path,
        *,
        threads: int,
        memory_limit: str,
        reads: Path | None = None,
        meter: Meter | None = None,
        on_disk: bool = False,
    ) -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory_limit,
                "temp_directory": str(scratch),
                "allow_community_extensions": False,
            },
        )
        self._file = scratch / "kept.db" if on_disk else None
        self._where = _IN_MEMORY
        self._limit = bytes_of(memory_limit)
        if self._file is not None:
            with self._explained("ATTACH"):
                self._connection.execute(f"ATTACH {quoted(str(self._file))} AS kept")
                self._connection.execute("USE kept")
        for statement in _SESSION:
            self._connection.execute(statement)
        # In a notebook it is off already, and saying so again asks for a library of widgets.
        if self._connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() != [(False,)]:
            self._connection.execute("SET enable_progress_bar = false")
        self._meter = meter
        if meter is not None:
            self._connection.execute("SET enable_profiling = 'no_output'")
            if not meter.is_whole:
                self._connection.execute("SET tracked_metrics = ['system.peak_temp_dir_size']")
        self._close_in(reads)
        self._kinds: dict[str, str] = {}  # name to VIEW or TABLE: asking the catalogue costs more than a small query

    def scan(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make a view over Parquet files; see :meth:`Engine.scan`."""
        if not files:
            self.load(name, schema.empty_table())
            return
        listed = ", ".join(quoted(_PATTERN.sub(r"[\g<0>]", str(f))) for f in files)
        columns = ", ".join(f'"{n}"' for n in schema.names)
        self.view(name, f"SELECT {columns} FROM read_parquet([{listed}])")

    def load(self, name: str, table: pa.Table) -> None:
        """Copy a small Arrow table into the session."""
        self.drop(name)
        # Most relations of a small night are empty: of those a declaration is enough, and costs a fifth.
        declared = _DECLARED.get(table.schema) if not table.num_rows else None
        with self._explained(f"load {name}"):
            if declared is not None:
                self._connection.execute(f"CREATE TEMP TABLE {name} ({declared})")
            else:
                self._connection.register("incoming_rows", table)
                self._connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM incoming_rows")
                self._connection.unregister("incoming_rows")
                if not table.num_rows:
                    _DECLARED[table.schema] = self._declaration(name)
            self._kinds[name] = "TABLE"

    def view(self, name: str, select: str) -> None:
        """Name a query."""
        self.drop(name)
        with self._explained(select):
            self._connection.execute(self._one(f"CREATE TEMP VIEW {name} AS {select}", _CREATE))
            self._kinds[name] = "VIEW"

    def table(self, name: str, select: str) -> int:
        """Run a query once and keep its rows."""
        is_new = name not in self._kinds
        with self._explained(select):
            # fetchall: an unfinished result would hold the connection.
            made = name if is_new else f"{name}__new"
            text = f"CREATE {self._where} {made} AS {select}"
            rows = int(self._connection.execute(self._one(text, _CREATE)).fetchall()[0][0])
            self._count()
            if not is_new:  # the query may have read the one that it replaces
                self.drop(name)
                self._connection.execute(f"ALTER TABLE {made} RENAME TO {name}")
            self._kinds[name] = "TABLE"
            if rows > _MANY and self._file is not None:
                self._look_at_memory()
        return rows

    def fetch(self, select: str) -> pa.Table:
        """Run a query and return its rows as Arrow."""
        with self._explained(select):
            found = self._connection.sql(self._one(select, _SELECT)).to_arrow_table()
            self._count()
        return found

    def stream(self, select: str, rows: int = AT_ONCE) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows in order."""
        with self._explained(select):
            yield from self._connection.sql(self._one(select, _SELECT)).to_arrow_reader(rows)
            self._count()

    def tables(self) -> tuple[str, ...]:
        """Return the names of what is kept; see :meth:`Engine.tables`."""
        return tuple(name for name, kind in self._kinds.items() if kind == "TABLE")

    def drop(self, *names: str) -> None:
        """Forget tables and views by name, whichever they are."""
        for name in names:
            kind = self._kinds.pop(name, None)
            if kind is not None:
                self._connection.execute(f"DROP {kind} {name}")

    def close(self) -> None:
        """Close the connection; DuckDB removes its spill files, and leaves what was kept on disk."""
        self._connection.close()
        if self._file is not None:
            for left in (self._file, self._file.with_name(f"{self._file.name}.wal")):
                left.unlink(missing_ok=True)

    def _one(self, sql: str, kind: duckdb.StatementType) -> duckdb.Statement:
        """Parse what must be one statement: no query writes a file, and a second statement behind it could."""
        known = _PARSED.get((sql, kind))
        if known is not None:
            return known
        statements = self._connection.extract_statements(sql)
        if [statement.type for statement in statements] != [kind]:
            raise duckdb.ParserException
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        return _PARSED.setdefault((sql, kind), statements[0])

    def _count(self) -> None:
        """Count the query that was just answered."""
        if self._meter is not None:
            on_disk = self._file.stat().st_size if self._file is not None and self._where == _ON_DISK else 0
            count(self._meter, self._connection.get_profiling_information(format="json"), on_disk)

    def _look_at_memory(self) -> None:
        """Keep tables in the file from now on, if those in memory fill half of it."""
        kept = "SELECT 2 * sum(memory_usage_bytes + temporary_storage_bytes) FROM duckdb_memory()"
        kept += " WHERE tag = 'IN_MEMORY_TABLE'"
        if (self._connection.execute(kept).fetchall()[0][0] or 0) > self._limit:
            self._where = _ON_DISK

    def _close_in(self, reads: Path | None) -> None:
        """Let no text reach beyond one folder; the order matters, the last setting is the last that can be made."""
        if reads is not None:
            own = str(reads.resolve())
            # As `scan` spells it, too: of a pattern the engine asks first whether the pattern lies in the folder.
            folders = ", ".join(quoted(folder) for folder in (own, _PATTERN.sub(r"[\g<0>]", own)))
            self._connection.execute(f"SET allowed_directories = [{folders}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def _declaration(self, name: str) -> str:
        """Return the columns of a table as CREATE TABLE takes them."""
        columns = self._connection.execute(f"DESCRIBE {name}").fetchall()
        return ", ".join(f'"{column[0]}" {column[1]}' for column in columns)

    @contextmanager
    def _explained(self, sql: str) -> Iterator[None]:
        """Turn the engine's errors into ours.

        Its own text may hold values, so only its kind is passed on, and no traceback shows it; literals in the query
        may be a person's.
        """
        try:
            yield
        except duckdb.PermissionException as error:
            raise StorageError(
                "the engine may not open a file outside the book",
                why=type(error).__name__,
                next_step="keep the whole book in one folder, without symbolic links in it that lead elsewhere",
            ) from None
        except duckdb.IOException as error:
            raise StorageError(
                "the engine could not read or write a file",
                why=type(error).__name__,
                next_step="check free space and permissions of the book's and the scratch folder's file systems",
            ) from None
        except duckdb.OutOfMemoryException as error:
            raise StorageError(
                "the engine ran out of memory and of scratch space",
                why=_said(error, sql),
                next_step="raise [engine] memory_limit, or make room on the book's file system: scratch lies there",
            ) from None
        except duckdb.Error as error:
            raise InternalError(
                "a query failed",
                why=_said(error, sql),
                next_step="report this with the query text above",
            ) from None


def _said(error: duckdb.Error, sql: str) -> str:
    """Return the kind of an error and the query that met it."""
    return f"{type(error).__name__} in: {numbers_hidden(' '.join(sql.split())[:300])}"
