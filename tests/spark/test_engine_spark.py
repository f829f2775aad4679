"""Both engines keep the promises of the protocol, and Spark's the others that are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.engines import open_spark
from creditaudit.errors import CreditAuditError, InternalError, StorageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine, Spark

SCHEMA = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])
NUMBER = "11010519491231002X"


def rows(*pairs: tuple[int | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist([{"a": a, "b": b} for a, b in pairs], schema=SCHEMA)


def test_no_file_is_an_empty_relation_of_the_schema(either: Engine) -> None:
    either.scan("none", [], SCHEMA)
    found = either.fetch("SELECT * FROM none")
    assert (found.num_rows, found.schema.names, found.schema.types) == (0, SCHEMA.names, SCHEMA.types)


def test_files_are_read_as_one_relation_by_column_name(either: Engine, tmp_path: Path) -> None:
    first, second = tmp_path / "it's.parquet", tmp_path / "2.parquet"
    pq.write_table(rows((1, "x")), first)
    pq.write_table(rows((2, "y")).select(["b", "a"]), second)
    either.scan("pieces", [first, second], SCHEMA)
    assert either.fetch("SELECT * FROM pieces ORDER BY a").to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize("name", ["a*b", "a?b", "[ab]", "[!a]", "a[", "a]", "{a,b}", "**", "a b%20", "k=v", ".x", "名"])
def test_a_book_may_lie_in_any_folder(either: Engine, tmp_path: Path, name: str) -> None:
    for folder in (name, "a1b", "a", "b", "ab"):
        (tmp_path / folder).mkdir(exist_ok=True)
        pq.write_table(rows((1 if folder == name else 2, folder)), tmp_path / folder / "x.parquet")
    either.scan("somewhere", [tmp_path / name / "x.parquet"], SCHEMA)
    assert either.fetch("SELECT a FROM somewhere")["a"].to_pylist() == [1]
    assert either.fetch("SELECT * FROM somewhere").schema.names == ["a", "b"]


def test_a_column_that_a_file_lacks_is_no_column_of_nulls(on_spark: Engine, tmp_path: Path) -> None:
    pq.write_table(rows((1, "x")).select(["a"]), tmp_path / "x.parquet")
    with pytest.raises(InternalError, match=r"x\.parquet has no b"):
        on_spark.scan("lacking", [tmp_path / "x.parquet"], SCHEMA)


def test_a_file_that_is_gone_or_broken_is_a_fault_of_the_storage(on_spark: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(rows((1, "x")), path)
    on_spark.scan("fleeting", [path], SCHEMA)
    path.unlink()
    with pytest.raises(StorageError):
        on_spark.fetch("SELECT * FROM fleeting")
    path.write_bytes(b"PAR1")
    with pytest.raises(StorageError):
        on_spark.scan("broken", [path], SCHEMA)


def test_a_name_can_be_used_again_for_anything(either: Engine) -> None:
    either.load("again", rows((1, "x")))
    either.view("again", "SELECT 2 AS a")
    assert either.table("again", "SELECT 3 AS a UNION ALL SELECT 4 AS a") == 2
    either.load("again", rows((5, "x")))
    assert either.fetch("SELECT a FROM again")["a"].to_pylist() == [5]
    either.drop("again", "never_there")
    with pytest.raises(InternalError):
        either.fetch("SELECT * FROM again")


def test_a_table_can_be_made_of_itself_and_a_view_of_it_runs_anew(either: Engine) -> None:
    either.table("grown", "SELECT 1 AS a")
    either.view("seen", "SELECT MAX(a) AS a FROM grown")
    assert either.table("grown", "SELECT * FROM grown UNION ALL SELECT 2 AS a") == 2
    assert either.fetch("SELECT a FROM seen")["a"].to_pylist() == [2]


def test_a_failed_table_leaves_the_old_one(either: Engine) -> None:
    either.table("steady", "SELECT 1 AS a")
    with pytest.raises(InternalError):
        either.table("steady", "SELECT CAST('x' AS INT) AS a")
    assert either.fetch("SELECT a FROM steady")["a"].to_pylist() == [1]


def test_what_holds_rows_is_named(spark: Spark) -> None:
    with spark.engine() as engine:
        engine.load("loaded", rows((1, "x")))
        engine.view("seen", "SELECT a FROM loaded")
        engine.table("made", "SELECT a, NULL AS nothing FROM seen")
        assert engine.tables() == ("loaded", "made")
        assert engine.fetch("SELECT * FROM made").to_pylist() == [{"a": 1, "nothing": None}]
        engine.drop("loaded")
        assert engine.tables() == ("made",)
    with spark.engine() as other, pytest.raises(InternalError):
        other.fetch("SELECT * FROM made")


def test_texts_of_few_values_and_instants_come_back_as_they_were(either: Engine) -> None:
    table = pa.table(
        {
            "t": pa.array(["x", None, "x"]).dictionary_encode(),
            "i": pa.array([0, None, 515550600], pa.timestamp("s")).cast(pa.timestamp("us")),
            "n": pa.nulls(3),
        }
    )
    either.load("typed", table)
    found = either.fetch("SELECT t, i FROM typed ORDER BY i")
    assert [str(kind) for kind in found.schema.types] == ["string", "timestamp[us]"]
    assert found["i"].cast(pa.int64()).to_pylist() == [None, 0, 515550600_000_000]


def test_a_failed_query_names_its_kind_and_text_and_no_value(
    on_spark: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    """SPEC 10.4: neither the message nor what Spark itself would write holds a value."""
    on_spark.load("people", rows((1, NUMBER)))
    with pytest.raises(InternalError) as failed:
        on_spark.fetch(f"SELECT CAST(b AS INT) AS n FROM people WHERE b = '{NUMBER}'")
    assert "CAST_INVALID_INPUT" in str(failed.value)
    assert "FROM people" in str(failed.value)
    assert failed.value.__cause__ is None
    said = capfd.readouterr()
    assert NUMBER not in str(failed.value) + said.out + said.err


def test_a_backslash_is_refused_not_read_otherwise(on_spark: Engine) -> None:
    with pytest.raises(InternalError, match="backslash"):
        on_spark.fetch("SELECT 'a\\' AS x")


def test_a_small_table_is_broadcast_for_its_size_and_large_ones_are_spread_by_the_key(on_spark: Engine) -> None:
    """No text has a hint (comments reach no engine): what the files weigh decides."""
    on_spark.table("many_persons", "SELECT sha2(CAST(id AS STRING), 256) AS id_norm, id FROM range(700000)")
    on_spark.table("more_persons", "SELECT id_norm, id AS n FROM many_persons WHERE id % 10 > 0")
    on_spark.table("few_notices", "SELECT id_norm FROM many_persons WHERE id % 10000 = 0")

    def plan(other: str) -> str:
        text = f"SELECT a.id FROM many_persons AS a JOIN {other} AS b ON b.id_norm = a.id_norm"
        return str(on_spark._session.sql(text)._jdf.queryExecution().executedPlan().toString())  # type: ignore[attr-defined]

    assert "BroadcastHashJoin" in plan("few_notices")
    spread = plan("more_persons")
    assert "SortMergeJoin" in spread
    assert "BroadcastHashJoin" not in spread
    assert spread.count("hashpartitioning(id_norm") == 2


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM parquet.`{file}`",
        "SELECT * FROM csv.`/etc/passwd`",
        "INSERT OVERWRITE LOCAL DIRECTORY '{file}.out' USING csv SELECT 1",
        "CREATE TABLE t USING parquet LOCATION '{file}.out' AS SELECT 1 AS a",
        "SET spark.sql.ansi.enabled=false",
        "ADD FILE '{file}'",
        "DROP VIEW kept_view",
        "SELECT 1 AS a; SELECT 2 AS a",
    ],
)
def test_no_text_reads_or_writes_a_file_or_changes_anything(spark: Spark, tmp_path: Path, text: str) -> None:
    """As on DuckDB: a text is one query over relations that were named before."""
    pq.write_table(rows((1, "x")), tmp_path / "x.parquet")
    asked = text.format(file=tmp_path / "x.parquet")
    with spark.engine() as engine:
        engine.view("kept_view", "SELECT 1 AS a")
        for ask in (engine.fetch, lambda select: engine.table("made", select), lambda s: engine.view("seen", s)):
            with pytest.raises(CreditAuditError):
                ask(asked)
        assert engine.fetch("SELECT a FROM kept_view")["a"].to_pylist() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_a_session_that_is_not_ours_is_refused_with_the_fix_and_left_as_it_is(spark: Spark, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - where there is one

    del spark
    active = SparkSession.getActiveSession()
    assert active is not None
    active.conf.set("spark.sql.ansi.enabled", "false")
    try:
        with (
            pytest.raises(UsageError, match=r"spark\.sql\.ansi\.enabled is false") as refused,
            open_spark(tmp_path, threads=1, memory_limit="1GiB", settings={}),
        ):
            pass
        assert "set spark.sql.ansi.enabled=true" in refused.value.next_step
        assert active.conf.get("spark.sql.ansi.enabled") == "false"
    finally:
        active.conf.set("spark.sql.ansi.enabled", "true")
    with open_spark(tmp_path, threads=1, memory_limit="1GiB", settings={}) as beside, beside.engine() as engine:
        engine.load("beside_alone", rows((1, "x")))
    assert active.sql("SELECT 1 AS x").collect()[0].x == 1, "a session that is not ours goes on"
    assert "beside_alone" not in [table.name for table in active.catalog.listTables()]
