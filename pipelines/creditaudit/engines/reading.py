"""A DuckDB connection over published tables, for analysts: it reads those tables and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow.dataset as ds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def connect(tables: Mapping[str, Path]) -> duckdb.DuckDBPyConnection:
    """Return a connection with one view per table.

    Arrow opens the files, to read; the engine itself may open none. A folder that it were allowed to read it could
    write as well: ``COPY … TO`` over a sealed table.

    Parameters
    ----------
    tables : mapping of str to Path
        Name to Parquet file.

    Returns
    -------
    duckdb.DuckDBPyConnection
        In memory, its settings locked; the caller closes it.
    """
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
    for name, path in tables.items():
        connection.register(name, ds.dataset(path, format="parquet"))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
