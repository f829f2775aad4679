"""What the rooms may ask of an engine: relations by name, portable SQL, Arrow in and out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

# Rows that :meth:`Engine.stream` hands over at a time: what is handed over counts to no limit of the engine's own.
AT_ONCE = 16_384


class Engine(Protocol):
    """A SQL engine over Parquet files.

    Relation names are plain identifiers of our own; they live as long as the engine. SQL given to an engine is
    the same text for every engine.
    """

    name: str

    def scan(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make a relation over Parquet files that all have ``schema``; no file gives an empty relation."""
        ...

    def load(self, name: str, table: pa.Table) -> None:
        """Make a relation from a small table in memory."""
        ...

    def view(self, name: str, select: str) -> None:
        """Name a query; it runs each time it is read."""
        ...

    def table(self, name: str, select: str) -> int:
        """Run a query once and keep its rows; returns how many there are."""
        ...

    def fetch(self, select: str) -> pa.Table:
        """Run a query and return its rows, in its order."""
        ...

    def stream(self, select: str, rows: int = AT_ONCE) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows, in its order, in batches of about ``rows``."""
        ...

    def tables(self) -> tuple[str, ...]:
        """Return the names of the relations that hold rows of their own: loaded, or made by :meth:`table`."""
        ...

    def drop(self, *names: str) -> None:
        """Forget relations and free what they hold."""
        ...

    def close(self) -> None:
        """End the session and remove what it left on disk."""
        ...


def bytes_of(limit: str) -> int:
    """Return a limit of memory in bytes: ``1.5GiB`` are 1024 ** 3 each, ``1.5GB`` 1000 ** 3."""
    number, unit, binary = re.fullmatch(r"([0-9.]+)\s*([KMGT])(i?)B", limit).groups()  # type: ignore[union-attr]
    return int(float(number) * float(1024 if binary else 1000) ** ("KMGT".index(unit) + 1))
