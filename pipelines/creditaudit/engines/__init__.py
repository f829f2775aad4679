"""The engine room: the only place that imports duckdb (and, later, pyspark)."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.engines.base import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.runlog import Meter

__all__ = ["Engine", "engine_aside", "open_engine", "quoted"]


def quoted(text: str) -> str:
    """Return ``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def open_engine(
    scratch: Path, *, threads: int, memory_limit: str, reads: Path | None = None, meter: Meter | None = None
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

    Returns
    -------
    Engine
    """
    from creditaudit.engines.duckdb import DuckDBEngine  # noqa: PLC0415 - `import creditaudit` loads no engine

    return DuckDBEngine(scratch, threads=threads, memory_limit=memory_limit, reads=reads, meter=meter)


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
