"""A worker or the whole of Spark is killed in the middle: a clean retry, or exit 70 and the book as before."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from place import Place, changed
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="PySpark is not installed")

WORKER = "CoarseGrainedExecutorBackend"
DRIVER = "org.apache.spark.deploy.SparkSubmit"

# Java would spend more on making each small query fast than each takes; it changes no sealed byte.
SMALL = """[spark]
driver.extraJavaOptions = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
sql.shuffle.partitions = 2
"""

# A join that takes some seconds; what it must give is known. `word` says when it begins, and what came of it.
PROGRAM = """
import sys
from pathlib import Path
from creditaudit.engines import open_spark
from creditaudit.errors import CreditAuditError

settings = {"spark.master": "local-cluster[2,1,768]", "spark.executor.memory": "512m", "spark.executor.cores": "1",
            "spark.sql.shuffle.partitions": "16"}
opened = open_spark(Path(sys.argv[1]), threads=2, memory_limit="1GiB", settings=settings)
with opened as spark, spark.engine() as engine:
    engine.table("left_side", "SELECT id % 5000 AS k, id AS v FROM range(400000)")
    print("begun", flush=True)
    try:
        engine.table("joined", "SELECT l.k, SUM(l.v % 7 + r.v % 11) AS s, COUNT(l.v) AS n"
                     " FROM left_side AS l JOIN left_side AS r ON l.k = r.k GROUP BY l.k")
        found = engine.fetch("SELECT SUM(n) AS n, COUNT(k) AS k FROM joined").to_pylist()[0]
        print("made", found["n"], found["k"], flush=True)
    except CreditAuditError as error:
        print("refused", int(error.exit_code), type(error).__name__, flush=True)
"""


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """Yield the processes that a process has started, and theirs, with their command lines."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has just ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            try:
                yield child, Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue


def javas(pid: int, of: str) -> list[int]:
    return [child for child, line in descendants(pid) if of in line and "java" in line]


def until(found: Callable[[], object], seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A driver with two workers as processes of their own, about to join."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "begun\n", started.communicate()[1]
        yield started
        started.kill()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_a_killed_worker_costs_time_alone(cluster: subprocess.Popen[str]) -> None:
    time.sleep(1)
    first, *_ = javas(cluster.pid, WORKER)
    kill(first)
    said, _ = cluster.communicate(timeout=240)
    assert said == "made 32000000 5000\n"


def test_a_night_whose_spark_is_killed_leaves_the_book_as_it_was(tmp_path: Path) -> None:
    delivered = tmp_path / "delivered"
    days = write_delivery(delivered, 20261120, 40, 2)
    for name in ("duckdb", "spark"):
        (tmp_path / name).mkdir()
    alone, place = (
        Place(tmp_path / name, delivered / "landing").made(delivered / "reference") for name in ("duckdb", "spark")
    )
    for day in days:
        alone.night(day)
    place.night(days[0])
    before = place.sealed()
    told = place.config.read_text(encoding="utf-8")
    place.config.write_text(f"{told}\n{SMALL}", encoding="utf-8")
    asked = place.asked("--night", days[1].isoformat(), "--engine", "spark")
    command = [sys.executable, "-m", "creditaudit.cli", *asked]
    with subprocess.Popen(command, env=place.environment(), stderr=subprocess.PIPE, text=True) as night:
        until(lambda: night.poll() is not None or list(place.book.glob("nights/.*/.scratch/spark/*/*-pairs")))
        for driver in javas(night.pid, DRIVER):
            kill(driver)
        _, said = night.communicate(timeout=120)
    assert night.returncode == 70, said
    assert "nothing was sealed" in said
    assert place.sealed() == before
    again = subprocess.run(command, env=place.environment(), capture_output=True, text=True, check=False)
    assert again.returncode in {0, 5}, again.stderr
    assert changed(alone.sealed(), place.sealed()) == []
