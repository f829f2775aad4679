"""One Spark for all tests of a run, or the reason why there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from creditaudit.engines import open_engine, open_spark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.engines import Engine, Spark

SHARED = "shared"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """A started Spark of two threads. Nights that ask for one find its session active, and go beside it."""
    if importlib.util.find_spec("pyspark") is None:
        if os.environ.get("SPARK_REQUIRED"):
            pytest.fail("PySpark is not installed")
        pytest.skip("PySpark is not installed: `make test-spark` has an environment of its own")
    scratch = tmp_path_factory.mktemp("spark")
    # Thousands of small queries: many a buffer is half of one of G1's regions, which then marks the heap for each.
    small = {"spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -Xmn768m"}
    shared = scratch / SHARED
    shared.mkdir()
    small["spark.hadoop.fs.viewfs.mounttable.shared.link./data"] = f"file://{shared}"
    with open_spark(scratch, threads=2, memory_limit="2GiB", settings=small) as started:
        yield started


@pytest.fixture
def shared_folder(spark: Spark) -> Iterator[Path]:
    """What Spark knows as ``viewfs://shared/data``, empty."""
    folder = spark._scratch / SHARED
    yield folder
    for path in folder.iterdir():
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def on_spark(spark: Spark) -> Iterator[Engine]:
    """An engine of Spark's that outlives single tests: each names its relations anew."""
    with spark.engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine of one machine."""
    engine = open_engine(
        tmp_path_factory.mktemp("duckdb"), threads=1, memory_limit="512MiB", reads=tmp_path_factory.getbasetemp()
    )
    yield engine
    engine.close()


@pytest.fixture(scope="session", params=["duckdb", "spark"])
def either(request: pytest.FixtureRequest) -> Engine:
    """Both, one after the other."""
    engine: Engine = request.getfixturevalue(f"on_{request.param}")
    return engine
