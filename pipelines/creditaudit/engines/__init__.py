"""The engine room: the only place that imports duckdb (and, later, pyspark)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.engines.base import Engine

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Engine", "open_engine", "quoted"]


def quoted(text: str) -> str:
    """Return ``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def open_engine(scratch: Path, *, threads: int, memory_limit: str) -> Engine:
    """Open the engine of this machine (DuckDB, imported on first use).

    Parameters
    ----------
    scratch : Path
        Existing folder for spilled data.
    threads : int
        Worker threads.
    memory_limit : str
        For example ``2GiB``.

    Returns
    -------
    Engine
    """
    from creditaudit.engines.duckdb import DuckDBEngine  # noqa: PLC0415 - `import creditaudit` loads no engine

    return DuckDBEngine(scratch, threads=threads, memory_limit=memory_limit)
