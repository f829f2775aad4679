"""Spark's input and scratch on another file system than the book's: Hadoop's view of one, and one over a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book.files import below
from creditaudit.engines import open_spark
from creditaudit.errors import InternalError, StorageError
from place import Place, changed
from reference.hostile import write_delivery
from spark.webhdfs import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from creditaudit.engines import Engine, Spark

SCHEMA = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])
ROWS = pa.table({"a": [1, 2], "b": ["x", None]}, schema=SCHEMA)


@pytest.fixture(params=["viewfs", "webhdfs"])
def address(request: pytest.FixtureRequest, spark: Spark, shared_folder: Path) -> Iterator[str]:
    """How Hadoop spells the shared folder."""
    del spark
    if request.param == "viewfs":
        yield "viewfs://shared/data"
        return
    with serving(shared_folder.parent) as (root, asked):
        yield f"{root}/{shared_folder.name}"
    assert {"CREATE", "OPEN", "DELETE"} <= asked


def opened(folder: Path, shared: str) -> AbstractContextManager[Spark]:
    return open_spark(folder, threads=1, memory_limit="1GiB", settings={}, shared=shared)


@pytest.fixture
def shared(address: str, shared_folder: Path, tmp_path: Path) -> Iterator[Engine]:
    """An engine whose workers see the shared folder alone."""
    with opened(tmp_path, f"{address}/own") as started, started.engine() as engine:
        yield engine
    assert below(shared_folder) == [], "what was shared is removed in the end"


def test_what_spark_reads_lies_in_the_shared_folder(
    shared: Engine, address: str, shared_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a[b] 1.parquet"
    pq.write_table(ROWS, file)
    shared.scan("scanned", [file], SCHEMA)
    shared.scan("again", [file], SCHEMA)
    shared.load("loaded", ROWS)
    assert shared.table("made", "SELECT s.a, l.b FROM scanned AS s JOIN loaded AS l ON l.a = s.a") == 2
    assert shared.table("none", "SELECT a FROM made WHERE a > 2") == 0
    for name in ("scanned", "again", "loaded", "made"):
        read = shared._session.table(name).inputFiles()  # type: ignore[attr-defined]
        assert read
        assert all(path.startswith(f"{address}/own/") for path in read), name
    assert shared.fetch("SELECT * FROM made ORDER BY a").to_pylist() == ROWS.to_pylist()
    files = [path.name for path in below(shared_folder) if path.suffix == ".parquet"]
    assert files.count("rows.parquet") == 3, "begun, one copy of the file, one loaded table"
    before = len(below(shared_folder))
    shared.drop("made")
    assert len(below(shared_folder)) < before
    with pytest.raises(InternalError):
        shared.fetch("SELECT * FROM made")


def test_what_a_killed_night_left_is_removed_and_nothing_of_others(
    address: str, shared_folder: Path, tmp_path: Path
) -> None:
    own = f"{address}/own"
    for name in ("own", "other"):
        (shared_folder / name / "00001-given").mkdir(parents=True)
        (shared_folder / name / "00001-given" / "rows.parquet").write_bytes(b"PAR1")
    with opened(tmp_path, own) as started, started.engine() as engine:
        engine.load("loaded", ROWS)
        assert engine.fetch("SELECT a FROM loaded ORDER BY a")["a"].to_pylist() == [1, 2]
    assert [path.name for path in shared_folder.iterdir()] == ["other"]
    with pytest.raises(InternalError), opened(tmp_path, own) as started, started.engine() as engine:
        engine.fetch("SELECT * FROM nothing_of_that_name")
    assert [path.name for path in shared_folder.iterdir()] == ["other"]


@pytest.mark.parametrize(
    ("shared", "why"), [("nosuch://there/x", "UnsupportedFileSystem"), ("viewfs://shared/elsewhere/x", "Exception")]
)
def test_a_folder_that_cannot_be_used_is_an_error_of_storage_with_the_fix(
    spark: Spark, shared_folder: Path, tmp_path: Path, shared: str, why: str
) -> None:
    del spark, shared_folder
    with pytest.raises(StorageError, match=why) as refused, opened(tmp_path, shared):
        pass
    assert "[engine] spark_scratch" in str(refused.value)


def test_a_night_over_a_shared_folder_seals_the_same_bytes(
    address: str, shared_folder: Path, tmp_path: Path, rotating_seed: int
) -> None:
    delivered = tmp_path / "delivered"
    days = write_delivery(delivered, rotating_seed, 20, 2)
    sealed = {}
    for engine in ("duckdb", "spark"):
        (tmp_path / engine).mkdir()
        place = Place(tmp_path / engine, delivered / "landing").made(delivered / "reference")
        text = place.config.read_text(encoding="utf-8")
        told = text.replace("[engine]\n", f'[engine]\nspark_scratch = "{address}"\n')
        assert told != text
        place.config.write_text(told, encoding="utf-8")
        for day in days:
            place.night(day, engine=engine)
        sealed[engine] = place.sealed()
    assert changed(sealed["duckdb"], sealed["spark"]) == []
    assert below(shared_folder) == []
