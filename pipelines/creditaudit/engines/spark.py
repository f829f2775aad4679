"""The engine of many machines: Spark SQL behind the same protocol, for what reads the big tables.

Every kept table is Parquet in a folder that the workers see: what it takes to make it is done once, a worker that is
lost costs its tasks and no more, and the planner knows the size of each table, by which alone it decides what to
broadcast.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.engines.base import AT_ONCE
from creditaudit.engines.spark_files import as_read
from creditaudit.engines.spark_session import kind_of
from creditaudit.errors import InternalError, StorageError
from creditaudit.masking import numbers_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

    from creditaudit.engines.spark_files import SparkFiles

# Words that both engines have under one name; see the other one. A sieve's hash may be another one in each.
_WORDS = (
    "epoch_day(d DATE) RETURNS INT RETURN unix_date(d)",
    "epoch_second(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN unix_seconds(CAST(t AS TIMESTAMP_LTZ))",
    "day_of_second(s BIGINT) RETURNS INT RETURN CAST(floor(s / 86400) AS INT)",
    "day_next_month(d INT) RETURNS INT RETURN unix_date(add_months(date_from_unix_date(d), 1))",
    "text_hash(t STRING) RETURNS BIGINT RETURN xxhash64(t)",
    "code_hash(p STRING, c STRING) RETURNS BIGINT RETURN xxhash64(p, c)",
)


class SparkEngine:
    """Spark SQL behind the :class:`creditaudit.engines.base.Engine` protocol.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        From :func:`creditaudit.engines.spark_session.spark_session`. The engine works beside it, with names of its own.
    files : SparkFiles
        Where what is kept lies, and how workers see the files of the book.
    """

    name = "spark"

    def __init__(self, session: SparkSession, files: SparkFiles) -> None:
        self._session = session.newSession()
        self._files = files
        self._kept: dict[str, str | None] = {}  # name to its folder; None: a view
        self._parser = self._session._jsparkSession.sessionState().sqlParser()  # noqa: SLF001 - nothing else only parses
        for word in _WORDS:
            self._session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {word}")

    def scan(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make a view over Parquet files; see :meth:`Engine.scan`."""
        if not files:
            self.load(name, schema.empty_table())
            return
        for file in files:
            # To Spark a column that a file lacks is one of NULLs.
            lacking = sorted(set(schema.names) - set(_columns(file)))
            if lacking:
                raise InternalError(
                    "a file of the book lacks a column",
                    why=f"{file.name} has no {', '.join(lacking)}",
                    next_step="run `creditaudit verify`",
                )
        self.drop(name)
        with self._explained(f"scan {name}"):
            self._read([self._files.given(file) for file in files], schema).createOrReplaceTempView(name)
        self._kept[name] = None

    def load(self, name: str, table: pa.Table) -> None:
        """Write a small Arrow table to a file and read it from there."""
        schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])
        folder = self._files.new(name)
        with self._explained(f"load {name}"):
            self._files.write(folder, table.cast(schema))
        self._name(name, folder, schema)

    def view(self, name: str, select: str) -> None:
        """Name a query."""
        self.drop(name)
        with self._explained(select):
            self._session.sql(f"CREATE TEMPORARY VIEW {name} AS {self._one(select)}")
        self._kept[name] = None

    def table(self, name: str, select: str) -> int:
        """Run a query once and keep its rows."""
        from pyspark.sql.types import NullType  # noqa: PLC0415 - loaded where Spark is asked for

        folder = self._files.new(name)
        with self._explained(select):
            rows = self._session.sql(self._one(select))
            for field in rows.schema.fields:
                if isinstance(field.dataType, NullType):  # nothing but NULL: Parquet has no type for that
                    rows = rows.withColumn(field.name, rows[field.name].cast("string"))
            schema = _arrow_schema(rows)
            rows.write.parquet(folder)
        self._name(name, folder, schema)
        counted = self._files.rows(folder)
        if counted is None:
            with self._explained(f"count {name}"):
                counted = self._read([folder], schema).count()
        return counted

    def fetch(self, select: str) -> pa.Table:
        """Run a query and return its rows as Arrow."""
        with self._explained(select):
            found = self._session.sql(self._one(select)).toArrow()
        # Which columns can be NULL is something that the planner found out: one table, whichever way it was made.
        return found.cast(pa.schema([pa.field(field.name, _plain(field.type)) for field in found.schema]))

    def stream(self, select: str, rows: int = AT_ONCE) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows in order; they are all brought here first."""
        yield from self.fetch(select).to_batches(rows)

    def tables(self) -> tuple[str, ...]:
        """Return the names of what is kept; see :meth:`Engine.tables`."""
        return tuple(name for name, folder in self._kept.items() if folder is not None)

    def drop(self, *names: str) -> None:
        """Forget tables and views by name, whichever they are."""
        for name in names:
            if name in self._kept:
                folder = self._kept.pop(name)
                self._session.catalog.dropTempView(name)
                if folder is not None:
                    with self._explained(f"drop {name}"):
                        self._files.remove(folder)

    def close(self) -> None:
        """Forget everything; the session goes on, unless its Java is gone: then there is nothing to forget."""
        with suppress(Exception):
            self.drop(*self._kept)

    def _name(self, name: str, folder: str, schema: pa.Schema) -> None:
        self.drop(name)
        with self._explained(f"keep {name}"):
            self._read([folder], schema).createOrReplaceTempView(name)
        self._kept[name] = folder

    def _read(self, paths: list[str], schema: pa.Schema) -> DataFrame:
        from pyspark.sql.types import StructField, StructType  # noqa: PLC0415 - loaded where Spark is asked for

        struct = StructType([StructField(field.name, _spark_type(field.type)) for field in schema])
        return self._session.read.schema(struct).parquet(*(as_read(path) for path in paths))

    def _one(self, select: str) -> str:
        """Refuse what is not one query that every engine reads alike: no text writes a file or changes a setting."""
        if "\\" in select:  # here it would hide the letter after it
            raise InternalError(
                "a query cannot be asked of every engine",
                why=f"a backslash in: {numbers_hidden(' '.join(select.split())[:300])}",
                next_step="write the text without a backslash",
            )
        self._parser.parseQuery(select)  # a command, or a second statement, is none
        return select

    @contextmanager
    def _explained(self, sql: str) -> Iterator[None]:
        """Turn the engine's errors into ours.

        Its own text may hold values, so only its kind is passed on, and no traceback shows it.
        """
        from py4j.protocol import Py4JError  # noqa: PLC0415 - loaded where Spark is asked for
        from pyspark.errors import PySparkException  # noqa: PLC0415

        try:
            yield
        except (PySparkException, Py4JError, ConnectionError) as error:
            kind = kind_of(error)
            if any(word in kind for word in _OF_STORAGE):
                raise StorageError(
                    "the engine could not read or write a file",
                    why=kind,
                    next_step="check free space and permissions of the book's and the scratch folder's file systems,"
                    " and that every worker sees them under the same path",
                ) from None
            if isinstance(error, (Py4JError, ConnectionError)):  # not the query: Java, a worker or the way to them
                raise StorageError(
                    "Spark broke off before it had answered",
                    why=kind,
                    next_step="nothing was sealed: look after Spark's machines, their memory and their disks,"
                    " and run the night again",
                ) from None
            raise InternalError(
                "a query failed",
                why=f"{kind} in: {numbers_hidden(' '.join(sql.split())[:300])}",
                next_step="nothing was sealed: run the night again; if it fails again, report this with the text above",
            ) from None


_OF_STORAGE = ("FAILED_READ_FILE", "PATH_NOT_FOUND", "FileNotFound", "java.io.IOException", "TASK_WRITE_FAILED")


def _columns(file: Path) -> list[str]:
    try:
        return list(pq.read_schema(file).names)
    except (OSError, pa.ArrowInvalid) as error:
        raise StorageError(
            "the engine could not read a file",
            why=f"{file.name}: {type(error).__name__}",
            next_step="run `creditaudit verify`",
        ) from error


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column has in every engine: texts of few values are texts, instants are microseconds."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    return kind


def _arrow_schema(rows: DataFrame) -> pa.Schema:
    from pyspark.sql import types  # noqa: PLC0415 - loaded where Spark is asked for

    kinds: dict[type[DataType], pa.DataType] = {getattr(types, name): kind for name, kind in _KINDS.items()}
    decimal = [field for field in rows.schema.fields if type(field.dataType) not in kinds]
    if decimal:
        raise InternalError(
            "a query gives a type that no table of ours has",
            why=", ".join(f"{field.name} is {field.dataType.simpleString()}" for field in decimal),
            next_step="report this",
        )
    return pa.schema([pa.field(field.name, kinds[type(field.dataType)]) for field in rows.schema.fields])


# Types of Spark, by name, and what they are in Arrow: of all that our tables have.
_KINDS: dict[str, pa.DataType] = {
    "StringType": pa.string(),
    "LongType": pa.int64(),
    "IntegerType": pa.int32(),
    "BooleanType": pa.bool_(),
    "DateType": pa.date32(),
    "TimestampNTZType": pa.timestamp("us"),
    "DoubleType": pa.float64(),
}


def _spark_type(kind: pa.DataType) -> DataType:
    from pyspark.sql import types  # noqa: PLC0415 - loaded where Spark is asked for

    plain = _plain(kind)
    name = next((name for name, known in _KINDS.items() if known == plain), None)
    if name is None:
        raise InternalError("a table has a type that no engine has", why=str(kind), next_step="report this")
    found: DataType = getattr(types, name)()
    return found
