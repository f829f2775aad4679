"""A DuckDB connection over published tables, for analysts: it reads those files and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from creditaudit.engines import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def connect(tables: Mapping[str, Path]) -> duckdb.DuckDBPyConnection:
    """Return a connection with one view per table.

    Parameters
    ----------
    tables : mapping of str to Path
        Name to Parquet file; all in one folder. The connection can open no file outside of it and write none into a
        database, and its settings are locked.

    Returns
    -------
    duckdb.DuckDBPyConnection
        In memory; the caller closes it.
    """
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
    folders = sorted({str(path.parent) for path in tables.values()})
    connection.execute(f"SET allowed_directories = [{', '.join(map(quoted, folders))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    for name, path in tables.items():
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet({quoted(str(path))})')
    return connection
