"""The engine of one machine: order of NULLs, errors without values, nothing outside its folder.

What both engines promise is tested on both in ``tests/spark/test_engine_spark.py``; without Spark, on this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.engines import open_engine, quoted
from creditaudit.engines.duckdb import DuckDBEngine
from creditaudit.errors import InternalError, StorageError
from creditaudit.runlog import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.engines import Engine

SCHEMA = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])


def rows(*pairs: tuple[int | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist([{"a": a, "b": b} for a, b in pairs], schema=SCHEMA)


@pytest.mark.parametrize("text", ["", "x", "it's", "''", "'; DROP TABLE x; --", "名\n", "\\'", "a;b"])
def test_a_quoted_text_is_that_text(engine: Engine, text: str) -> None:
    assert engine.fetch(f"SELECT {quoted(text)} AS x")["x"].to_pylist() == [text]


def test_a_loaded_table_is_a_copy(engine: Engine) -> None:
    engine.load("kept", rows((1, None), (None, "y")))
    assert engine.fetch("SELECT * FROM kept ORDER BY a").to_pylist() == [{"a": None, "b": "y"}, {"a": 1, "b": None}]


def test_missing_values_come_first_ascending_and_last_descending(engine: Engine) -> None:
    """As in Spark: one text, one order."""
    engine.load("sorted", rows((None, "n"), (2, "b"), (1, "a")))
    assert engine.fetch("SELECT a FROM sorted ORDER BY a")["a"].to_pylist() == [None, 1, 2]
    assert engine.fetch("SELECT a FROM sorted ORDER BY a DESC")["a"].to_pylist() == [2, 1, None]


def test_text_is_ordered_by_code_point(engine: Engine) -> None:
    texts = ["a", "Z", "￥", "𠀀", "é", "", "A"]
    engine.load("texts", rows(*((None, text) for text in texts)))
    assert engine.fetch("SELECT b FROM texts ORDER BY b")["b"].to_pylist() == sorted(texts)


def test_days_and_seconds_are_those_of_the_wall_clock(engine: Engine) -> None:
    engine.view(
        "times",
        "SELECT DATE '1970-01-02' AS d, TIMESTAMP '2024-07-01 23:59:59' AS t"
        " UNION ALL SELECT DATE '1969-12-31' AS d, TIMESTAMP '1969-12-31 23:59:59' AS t",
    )
    found = engine.fetch(
        "SELECT epoch_day(d) AS d, epoch_second(t) AS t, day_of_second(epoch_second(t)) AS n FROM times"
    )
    assert found.to_pylist() == [{"d": 1, "t": 1719878399, "n": 19905}, {"d": -1, "t": -1, "n": -1}]
    assert [str(t) for t in found.schema.types] == ["int32", "int64", "int32"]


def test_a_stream_gives_all_rows_in_order_in_batches(engine: Engine) -> None:
    batches = list(engine.stream("SELECT * FROM range(10000) AS r(a) ORDER BY a DESC", 3000))
    assert len(batches) > 1
    assert [a for batch in batches for a in batch.column("a").to_pylist()] == list(range(9999, -1, -1))


def test_a_failed_query_names_its_kind_and_text_and_no_value(engine: Engine) -> None:
    """SPEC 10.4: the engine's own message may hold values of rows."""
    engine.load("people", rows((1, "11010519491231002X")))
    with pytest.raises(InternalError) as failed:
        engine.fetch("SELECT CAST(b AS INTEGER) AS n FROM people")
    assert "ConversionException" in str(failed.value)
    assert "FROM people" in str(failed.value)
    assert "11010519491231002X" not in str(failed.value)


def test_a_file_that_is_gone_is_a_fault_of_the_storage(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(rows((1, "x")), path)
    engine.scan("fleeting", [path], SCHEMA)
    path.unlink()
    with pytest.raises(StorageError):
        engine.fetch("SELECT * FROM fleeting")


REACHES_OUT = (
    "SELECT * FROM read_parquet('{outside}/x.parquet')",
    "SELECT * FROM read_parquet('{inside}/../outside/x.parquet')",
    "SELECT * FROM read_parquet('{inside}/link.parquet')",
    "SELECT * FROM read_parquet('{inside}/*.parquet')",
    "SELECT * FROM '{outside}/x.parquet'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_json('https://example.com/x.json')",
    "SELECT * FROM secret_table",
)
CHANGES_IT = (
    "COPY (SELECT 1) TO '{outside}/y.csv'",
    "ATTACH '{outside}/z.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{outside}/x.so'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET autoinstall_known_extensions = true",
    "SET allow_community_extensions = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "PRAGMA temp_directory = '/'",
    "EXPORT DATABASE '{outside}/d'",
    "IMPORT DATABASE '{outside}/d'",
)


@pytest.fixture
def closed_in(tmp_path: Path) -> Iterator[tuple[DuckDBEngine, dict[str, str]]]:
    """An engine that reads one folder; a file outside, and a link to it inside."""
    inside, outside, scratch = (tmp_path / name for name in ("inside", "outside", "scratch"))
    for folder in (inside, outside, scratch):
        folder.mkdir()
    pq.write_table(rows((1, "x")), outside / "x.parquet")
    pq.write_table(rows((2, "y")), inside / "y.parquet")
    (inside / "link.parquet").symlink_to(outside / "x.parquet")
    secret_table = rows((3, "z"))
    opened = DuckDBEngine(scratch, threads=1, memory_limit="100MB", reads=inside)
    yield opened, {"inside": str(inside), "outside": str(outside)}
    opened.close()
    assert secret_table.num_rows == 1
    assert sorted(path.name for path in outside.iterdir()) == ["x.parquet"]


@pytest.mark.parametrize("text", REACHES_OUT)
def test_no_text_reads_a_file_outside_the_folder(closed_in: tuple[DuckDBEngine, dict[str, str]], text: str) -> None:
    engine, places = closed_in
    with pytest.raises((StorageError, InternalError)):
        engine.fetch(text.format(**places))
    engine.scan("inside", [Path(places["inside"]) / "y.parquet"], SCHEMA)
    assert engine.fetch("SELECT a FROM inside")["a"].to_pylist() == [2]


@pytest.mark.parametrize("text", CHANGES_IT)
def test_no_text_writes_outside_loads_an_extension_or_changes_a_setting(
    closed_in: tuple[DuckDBEngine, dict[str, str]], text: str
) -> None:
    engine, places = closed_in
    with pytest.raises(duckdb.Error):
        engine._connection.execute(text.format(**places)).fetchall()


def test_an_engine_without_a_folder_reads_no_file(tmp_path: Path) -> None:
    pq.write_table(rows((1, "x")), tmp_path / "x.parquet")
    (tmp_path / "scratch").mkdir()
    opened = open_engine(tmp_path / "scratch", threads=1, memory_limit="100MB")
    opened.load("given", rows((4, "d")))
    assert opened.fetch("SELECT a FROM given")["a"].to_pylist() == [4]
    with pytest.raises(StorageError, match="outside the book"):
        opened.scan("out", [tmp_path / "x.parquet"], SCHEMA)
    opened.close()


def test_an_engine_that_is_closed_in_spills_to_its_scratch(tmp_path: Path) -> None:
    opened = open_engine(tmp_path, threads=1, memory_limit="20MB")
    assert opened.table("many", "SELECT range AS a, hash(range) AS b FROM range(1500000) ORDER BY b") == 1_500_000
    opened.close()


def test_what_finds_no_memory_names_its_query(tmp_path: Path) -> None:
    """Whoever raises the limit wants to know for what; one list of it all can lie nowhere but in memory."""
    opened = open_engine(tmp_path, threads=1, memory_limit="20MB")
    with pytest.raises(StorageError, match="memory") as failed:
        opened.table("listed", "SELECT list(a) AS a FROM range(9000000) AS r(a) WHERE a <> 110105194912310021")
    assert "SELECT list(a) AS a FROM range(9000000) AS r(a) WHERE a <> ***" in str(failed.value)
    opened.close()


def test_what_a_failed_query_says_of_a_literal_hides_numbers(engine: Engine) -> None:
    """SPEC 10.4: a code that was asked for may be a number, and a traceback shows what lies behind an error."""
    with pytest.raises(InternalError) as failed:
        engine.fetch("SELECT * FROM not_there WHERE code = '11010519491231002X' OR phone = '13912345678'")
    assert "code = '***' OR phone = '***'" in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_a_closed_engine_leaves_nothing_behind(tmp_path: Path) -> None:
    opened = open_engine(tmp_path, threads=1, memory_limit="100MB")
    opened.table("t", "SELECT * FROM range(100) AS r(a)")
    opened.close()
    assert list(tmp_path.iterdir()) == []


def test_a_meter_counts_queries_and_the_rows_that_they_read_from_files(tmp_path: Path) -> None:
    folder = tmp_path / "accounts"
    folder.mkdir()
    pq.write_table(rows(*((n, "x") for n in range(1000))), folder / "f.parquet")
    meter = Meter()
    engine = open_engine(tmp_path, threads=1, memory_limit="256MiB", reads=tmp_path, meter=meter)
    engine.scan("delivered", [folder / "f.parquet"], SCHEMA)
    engine.load("few", rows((1, "y")))
    assert (meter.statements, meter.scanned_rows) == (0, 0)  # nothing is read before it is asked for
    engine.table("kept", "SELECT a FROM delivered WHERE b IS NOT NULL")
    engine.fetch("SELECT max(a) FROM kept")
    list(engine.stream("SELECT d.a FROM delivered AS d JOIN delivered AS e ON e.a = d.a ORDER BY d.a", 100))
    engine.fetch("SELECT count(*) AS n FROM delivered")
    assert (meter.statements, meter.scanned_rows, meter.scans) == (4, 3000, {"accounts": 3000})
    assert meter.spilled_bytes == 0
    engine.close()


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_meter_tells_what_was_spilled(tmp_path: Path, *, is_whole: bool) -> None:
    meter = Meter(is_whole=is_whole)
    engine = open_engine(tmp_path, threads=1, memory_limit="24MiB", meter=meter)
    text = "SELECT range AS a, repeat('x', 50) || range AS b FROM range(600000)"
    engine.table("sorted_rows", f"SELECT * FROM ({text}) AS r ORDER BY b, a")
    engine.fetch("SELECT count(*) AS n FROM range(3)")
    assert meter.spilled_bytes > 1 << 20
    engine.close()
