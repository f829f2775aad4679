"""Tables that memory has no room for lie in a file, and nobody who asks notices."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest

from creditaudit.engines.duckdb import DuckDBEngine
from creditaudit.errors import InternalError, StorageError
from creditaudit.runlog import Meter
from place import Place, changed
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Some 40 MiB of two columns that do not compress in memory.
LARGE = "SELECT range AS a, repeat('x', 40) || range AS b FROM range(700000)"


@pytest.fixture
def meter() -> Meter:
    return Meter(is_whole=False)


@pytest.fixture
def engine(tmp_path: Path, meter: Meter) -> Iterator[DuckDBEngine]:
    opened = DuckDBEngine(tmp_path, threads=2, memory_limit="64MiB", meter=meter, on_disk=True)
    yield opened
    opened.close()
    assert list(tmp_path.iterdir()) == []


def places(engine: DuckDBEngine) -> dict[str, str]:
    found = engine._connection.execute("SELECT table_name, database_name FROM duckdb_tables()").fetchall()
    return dict(found)


def test_what_comes_after_memory_is_half_full_is_kept_in_the_file(
    engine: DuckDBEngine, meter: Meter, tmp_path: Path
) -> None:
    engine.table("few", "SELECT 1 AS a")
    engine.table("first", LARGE)
    engine.table("second", "SELECT a, b || 'y' AS b FROM first")
    engine.table("small", "SELECT max(a) AS a FROM second")
    assert places(engine) == {"few": "temp", "first": "temp", "second": "kept", "small": "kept"}
    asked = "SELECT count(*) AS n, CAST(sum(s.a) AS BIGINT) AS a, max(s.b) AS b"
    asked += " FROM first AS f JOIN second AS s ON s.a = f.a"
    told = engine.fetch(asked).to_pylist()
    assert told == [{"n": 700_000, "a": 700_000 * 699_999 // 2, "b": f"{'x' * 40}9y"}]
    assert engine.fetch("SELECT a FROM small").to_pylist() == [{"a": 699_999}]
    assert meter.spilled_bytes >= tmp_path.joinpath("kept.db").stat().st_size > 1 << 20


def test_what_fits_into_memory_touches_no_file(engine: DuckDBEngine, meter: Meter, tmp_path: Path) -> None:
    engine.table("many", "SELECT range AS a FROM range(200000)")
    engine.table("few", "SELECT 1 AS a")
    assert set(places(engine).values()) == {"temp"}
    assert meter.spilled_bytes == 0
    assert tmp_path.joinpath("kept.db").stat().st_size < 1 << 16


def test_a_table_can_move_under_a_view_be_replaced_and_dropped(engine: DuckDBEngine) -> None:
    engine.table("moving", "SELECT 1 AS a")
    engine.view("seen", "SELECT max(a) AS a FROM moving")
    engine.table("first", LARGE)
    engine.table("moving", "SELECT * FROM moving UNION ALL SELECT 2 AS a")
    assert places(engine)["moving"] == "kept"
    assert engine.fetch("SELECT a FROM seen").to_pylist() == [{"a": 2}]
    with pytest.raises(InternalError):
        engine.table("moving", "SELECT CAST('x' AS INT) AS a")
    engine.load("moving", engine.fetch("SELECT 7 AS a"))
    assert engine.fetch("SELECT a FROM seen").to_pylist() == [{"a": 7}]
    engine.table("moving", "SELECT 8 AS a")
    assert engine.fetch("SELECT a FROM seen").to_pylist() == [{"a": 8}]
    assert engine.tables() == ("first", "moving")
    engine.drop("moving", "first")
    assert places(engine) == {}
    with pytest.raises(InternalError):
        engine.fetch("SELECT * FROM moving")


def test_where_no_file_can_be_made_the_storage_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="check free space and permissions"):
        DuckDBEngine(tmp_path / "gone", threads=1, memory_limit="64MiB", on_disk=True)


def test_no_text_reaches_the_file_by_its_name(engine: DuckDBEngine, tmp_path: Path) -> None:
    for text in ("DETACH kept", "CHECKPOINT kept", f"ATTACH '{tmp_path}/kept.db' AS again", "DROP DATABASE kept"):
        with pytest.raises(InternalError):
            engine.fetch(text)


def test_nights_whose_tables_all_lie_in_the_file_seal_the_same_bytes(tmp_path: Path, rotating_seed: int) -> None:
    days = write_delivery(tmp_path / "delivered", rotating_seed, 40, 2)
    sealed = []
    for where in ("TEMP TABLE", "TABLE"):
        folder = tmp_path / where.replace(" ", "-")
        folder.mkdir()
        place = Place(folder, tmp_path / "delivered" / "landing").made(tmp_path / "delivered" / "reference")
        with mock.patch("creditaudit.engines.duckdb._IN_MEMORY", where):
            for day in days:
                place.night(day, threads=2)
        sealed.append(place.sealed())
    assert changed(*sealed) == []
    assert len(sealed[0]) > 100
