"""The session of Spark that an engine works in: started here, or found and refused where it speaks otherwise."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creditaudit.engines.base import bytes_of
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession

# What a session must say for the texts to mean here what they mean on DuckDB. A session that says otherwise is refused:
# to set it right would change what its owner's own queries mean.
SPOKEN: dict[str, str] = {
    "spark.sql.ansi.enabled": "true",  # a number that does not fit is an error, not NULL
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # instants have no zone (SPEC 9)
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.consecutiveStringLiterals.enabled": "false",  # '' in a text is one quote, as in the standard
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.runSQLOnFiles": "false",  # no text opens a file by its name
    "spark.sql.files.ignoreCorruptFiles": "false",  # a file that cannot be read is no empty one
    "spark.sql.files.ignoreMissingFiles": "false",
}

# What a session of our own is given beside that, where the configuration does not say otherwise. On one machine nobody
# else talks to it, and the usual number of partitions would be mostly empty ones.
_OURS: dict[str, str] = {
    "spark.app.name": "creditaudit",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.hadoop.fs.permissions.umask-mode": "077",
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.driver.maxResultSize": "0",
}
_ON_ONE_MACHINE: dict[str, str] = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}

_INSTALL_JAVA = (
    "install a Java of 17 or newer, or let JAVA_HOME name one"
    " (on Debian or Ubuntu: apt-get install --no-install-recommends openjdk-17-jre-headless)"
)


def check_spark(settings: Mapping[str, str]) -> None:
    """Say at once whether Spark can be started here, and with these settings.

    Parameters
    ----------
    settings : mapping of str to str
        ``spark.…`` from the configuration.

    Raises
    ------
    UsageError
        PySpark is not installed, there is no Java, or a setting would make the texts mean something else.
    """
    _refuse(settings, "the configuration")
    if importlib.util.find_spec("pyspark") is None:
        raise UsageError(
            "the engine spark cannot be used",
            why="PySpark is not installed",
            next_step="install it with: pip install 'creditaudit[spark]', or leave out --engine spark",
        )
    home = os.environ.get("JAVA_HOME")
    if not (Path(home, "bin", "java").is_file() if home else shutil.which("java")):
        raise UsageError(
            "the engine spark cannot be used",
            why=f"JAVA_HOME is {home} and has no bin/java" if home else "there is no Java on this machine",
            next_step=_INSTALL_JAVA,
        )


@contextmanager
def spark_session(
    scratch: Path, *, threads: int, memory_limit: str, settings: Mapping[str, str]
) -> Iterator[SparkSession]:
    """Give a session that speaks as the texts expect: a new one, or, where one is active, one beside it.

    A session that is not ours is never reconfigured and never stopped.

    Parameters
    ----------
    scratch : Path
        Existing folder for shuffled and spilled data of this machine.
    threads : int
        Worker threads, where ``spark.master`` is not given.
    memory_limit : str
        Heap of the driver, where ``spark.driver.memory`` is not given; ``2GiB``.
    settings : mapping of str to str
        ``spark.…`` from the configuration.

    Raises
    ------
    UsageError
        A setting, or the active session, would make texts mean something else; or Java could not be started.
    """
    check_spark(settings)
    from py4j.protocol import Py4JError  # noqa: PLC0415 - loaded where Spark is asked for
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.logger import PySparkLogger  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    # PySpark writes the whole text of an error to the screen by itself, values of rows included (SPEC 10.4).
    for teller in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(teller).disabled = True
    active = SparkSession.getActiveSession()
    if active is not None:
        session = active.newSession()
        for one in (active, session):  # what was set in the other one by itself is not in this one
            _refuse({key: str(one.conf.get(key)) for key in SPOKEN}, "the active Spark session")
        yield session
        return
    master = settings.get("spark.master", f"local[{threads}]")
    given = {"spark.master": master, "spark.driver.memory": _heap(memory_limit), "spark.local.dir": str(scratch)}
    given |= _OURS | (_ON_ONE_MACHINE if master.startswith("local") else {}) | SPOKEN | dict(settings)
    given.setdefault("spark.sql.warehouse.dir", str(scratch / "warehouse"))
    builder = SparkSession.builder
    for key, value in given.items():
        builder = builder.config(key, value)
    said = scratch / "java.txt"
    try:
        with _spoken_into(said):
            session = builder.getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]  # no row was read yet
        raise UsageError(
            "Spark could not be started",
            why="; ".join((kind_of(error), *last)),
            next_step=f"{_INSTALL_JAVA}; and look at the spark settings of the configuration",
        ) from None
    try:
        _refuse({key: str(session.conf.get(key)) for key in SPOKEN}, "the Spark session")
        yield session
    finally:
        with suppress(Exception):  # its Java may be gone; why it went is what must be heard
            session.stop()


def _refuse(said: Mapping[str, str], whose: str) -> None:
    wrong = [key for key, value in SPOKEN.items() if said.get(key, value).lower() != value.lower()]
    if wrong:
        told = "; ".join(f"{key} is {said[key]}" for key in wrong)
        fixed = ", ".join(f"{key}={SPOKEN[key]}" for key in wrong)
        raise UsageError(
            f"{whose} cannot judge a night",
            why=f"its texts would mean something else: {told}",
            next_step=f"set {fixed} when the session is made; a session that is not ours is not changed",
        )


def _heap(memory_limit: str) -> str:
    """Return a limit as Java reads it, in whole MiB: ``1.5GiB`` is ``1536m``."""
    return f"{max(bytes_of(memory_limit) // 1024**2, 512)}m"


@contextmanager
def _spoken_into(path: Path) -> Iterator[None]:
    """Let what is started meanwhile write to a file for good: what Java says of a row is for no screen (SPEC 10.4)."""
    sys.stdout.flush()
    sys.stderr.flush()
    ours = [os.dup(stream) for stream in (1, 2)]
    with path.open("ab") as said:
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        try:
            yield
        finally:
            for stream, own in zip((1, 2), ours, strict=True):
                os.dup2(own, stream)
                os.close(own)


def kind_of(error: BaseException) -> str:
    """Say what kind of error it is: its class and condition, and the classes of what caused it; none of its text."""
    condition = getattr(error, "getCondition", lambda: None)()
    kinds = [type(error).__name__, *([condition] if condition else [])]
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    try:
        while cause is not None and len(kinds) < _MOST_KINDS:
            kinds.append(str(cause.getClass().getName()))
            cause = cause.getCause()
    except Exception:  # noqa: S110 - the Java that would tell is gone
        pass
    return " < ".join(dict.fromkeys(kinds))


_MOST_KINDS = 6
