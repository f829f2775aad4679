"""The engine room: the only place that imports duckdb and pyspark."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.engines.base import Engine, bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from creditaudit.engines.spark_files import FilesShared
    from creditaudit.runlog import Meter

__all__ = ["Engine", "Spark", "bytes_of", "check_spark", "engine_aside", "open_engine", "open_spark", "quoted"]


def quoted(text: str) -> str:
    """Return ``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def open_engine(
    scratch: Path,
    *,
    threads: int,
    memory_limit: str,
    reads: Path | None = None,
    meter: Meter | None = None,
    on_disk: bool = False,
) -> Engine:
    """Open the engine of this machine (DuckDB, imported on first use).

    Parameters
    ----------
    scratch : Path
        Existing folder for spilled data.
    threads : int
        Worker threads.
    memory_limit : str
        For example ``2GiB``.
    reads : Path or None
        The one folder whose files the engine may open; None: no file.
    meter : Meter or None
        Counts what is asked and read; None: nothing is counted.
    on_disk : bool
        Tables that memory has no room for are kept in a file in ``scratch``: for large nights.

    Returns
    -------
    Engine
    """
    from creditaudit.engines.duckdb import DuckDBEngine  # noqa: PLC0415 - `import creditaudit` loads no engine

    return DuckDBEngine(scratch, threads=threads, memory_limit=memory_limit, reads=reads, meter=meter, on_disk=on_disk)


@contextmanager
def engine_aside(memory_limit: str = "2GiB", *, reads: Path | None = None, threads: int = 2) -> Iterator[Engine]:
    """Give an engine for one question, beside any night: with a scratch folder of its own, gone with it.

    Parameters
    ----------
    memory_limit : str
        For example ``2GiB``.
    reads : Path or None
        The one folder whose files the engine may open, such as the book; None: no file.
    threads : int
        Worker threads.
    """
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=threads, memory_limit=memory_limit, reads=reads)
        try:
            yield engine
        finally:
            engine.close()


class Spark:
    """A started Spark, of which any number of engines can be had; see :func:`open_spark`."""

    def __init__(self, session: object, scratch: Path, shared: FilesShared | None) -> None:
        self._session = session
        self._scratch = scratch
        self._shared = shared

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Give an engine that knows no name yet; with it goes all that it kept."""
        from creditaudit.engines.spark import SparkEngine  # noqa: PLC0415 - `import creditaudit` loads no engine
        from creditaudit.engines.spark_files import FilesHere  # noqa: PLC0415

        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            engine = SparkEngine(self._session, self._shared or FilesHere(Path(folder)))
            try:
                yield engine
            finally:
                engine.close()


def check_spark(settings: Mapping[str, str]) -> None:
    """Say at once whether Spark can be started here; see :func:`creditaudit.engines.spark_session.check_spark`."""
    from creditaudit.engines.spark_session import check_spark as check  # noqa: PLC0415 - loaded where it is asked for

    check(settings)


@contextmanager
def open_spark(
    scratch: Path, *, threads: int, memory_limit: str, settings: Mapping[str, str], shared: str | None = None
) -> Iterator[Spark]:
    """Start Spark, or take the session that is active, and stop what was started.

    Parameters
    ----------
    scratch : Path
        Existing folder; without ``shared`` every worker must see it, and the files that are scanned, under its path.
    threads, memory_limit : int, str
        As for :func:`open_engine`, where ``settings`` do not say otherwise.
    settings : mapping of str to str
        ``spark.…`` of the configuration.
    shared : str or None
        Folder of any file system that Spark can use (``hdfs://…``, ``s3a://…``), of this caller alone: what Spark is to
        read is copied there, what it keeps lies there, and in the end it is removed. None: nothing is copied.
    """
    from creditaudit.engines.spark_files import shared_files  # noqa: PLC0415 - `import creditaudit` loads no engine
    from creditaudit.engines.spark_session import spark_session  # noqa: PLC0415

    with ExitStack() as stack:
        session = stack.enter_context(
            spark_session(scratch, threads=threads, memory_limit=memory_limit, settings=settings)
        )
        files = None if shared is None else stack.enter_context(shared_files(session, shared, scratch))
        yield Spark(session, scratch, files)
