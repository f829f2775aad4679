"""Writes the rows of one file as they come: fixed row groups, the same bytes whatever the blocks (SPEC 9, 10.4)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.errors import StorageError, Where

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

ROWS_PER_GROUP = 122_880

# Typed rows and raw texts hold raw ID numbers, names and phones (SPEC 10.4).
_OWNER_ONLY = 0o600

# Row groups that wait for the encoder: more would only hold memory.
_WAITING = 2

# Columns without repetition: a dictionary of them is built, found too big and thrown away again.
_DISTINCT = frozenset(
    {
        "account_code",
        "id_number",
        "id_norm",
        "name",
        "name_norm",
        "check_id",
        "event_id",
        "report_no",
        "inquiry_id",
        "objection_no",
        "alert_id",
        "session_id",
        "person_ref",
        "settlement_account_code",
        "original_account_code",
        "old_account_code",
        "new_account_code",
        "phone",
        "raw",
        "handler_id_number",
        "handler_id_norm",
        "withdraws_event_id",
    }
)


# Texts by which rows are looked up.
_SOUGHT = frozenset({"provider_code", "account_code", "id_norm", "old_account_code", "reasons"})


class PartWriter:
    """One Parquet file that grows row group by row group, encoded in its own thread.

    The file is made when the first row comes. zstd, statistics, ``ROWS_PER_GROUP`` rows a group.

    Parameters
    ----------
    path : Path
        Written anew, readable by its owner only.
    schema : pa.Schema
        Of every table that is written.
    encoder : ThreadPoolExecutor
        With one thread: row groups are encoded in the order in which they come.
    """

    def __init__(self, path: Path, schema: pa.Schema, encoder: ThreadPoolExecutor) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._encoder = encoder
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._waiting: deque[Future[None]] = deque()

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        if not table.num_rows:
            return
        self.rows += table.num_rows
        self._held.append(table)
        self._held_rows += table.num_rows
        while self._held_rows >= ROWS_PER_GROUP:
            together = pa.concat_tables(self._held)
            self._submit(together.slice(0, ROWS_PER_GROUP))
            self._held = [together.slice(ROWS_PER_GROUP)]
            self._held_rows -= ROWS_PER_GROUP

    def close(self) -> Path | None:
        """Write what is left and end the file; None, and no file, where there was no row."""
        if self._held_rows:
            self._submit(pa.concat_tables(self._held))
        self._held = []
        self._drain(0)
        if self._writer is None:
            return None
        with _explained(self.path):
            self._writer.close()
        self._writer = None
        return self.path

    def discard(self) -> None:
        """End and remove the file, whatever became of it."""
        for future in self._waiting:
            future.cancel()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.cancelled():
                future.exception()
        self._held = []
        if self._writer is not None:
            with _explained(self.path):
                self._writer.close()
            self._writer = None
        self.path.unlink(missing_ok=True)

    def _submit(self, table: pa.Table) -> None:
        self._drain(_WAITING - 1)
        self._waiting.append(self._encoder.submit(self._encode, table))

    def _drain(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def _encode(self, table: pa.Table) -> None:
        with _explained(self.path):
            if self._writer is None:
                self.path.unlink(missing_ok=True)
                self.path.touch(mode=_OWNER_ONLY)
                self._writer = pq.ParquetWriter(self.path, self._schema, **_layout(self._schema))
            # One chunk per column: page borders follow the chunks, and those follow the size of the blocks read.
            self._writer.write_table(table.combine_chunks(), row_group_size=ROWS_PER_GROUP)


def _layout(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns are encoded: a dictionary for what repeats, differences for what counts up.

    Statistics are kept where a reader can skip rows by them. Of texts as they were delivered nobody asks for a
    range, and their statistics were a third of the encoder's time.
    """
    counted = [f.name for f in schema if pa.types.is_timestamp(f.type) or pa.types.is_int64(f.type)]
    distinct = [f.name for f in schema if f.name in _DISTINCT]
    encodings = dict.fromkeys(counted, "DELTA_BINARY_PACKED") | dict.fromkeys(distinct, "DELTA_LENGTH_BYTE_ARRAY")
    return {
        "compression": "zstd",
        "write_statistics": [f.name for f in schema if not pa.types.is_string(f.type) or f.name in _SOUGHT],
        "use_dictionary": [f.name for f in schema if f.name not in encodings],
        "column_encoding": encodings,
    }


class _explained:  # noqa: N801 - used as a with statement reads
    """Turn the file system's errors into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise StorageError(
                "typed rows could not be written",
                why=error.strerror or type(error).__name__,
                next_step="check free space and permissions of the scratch folder's file system",
                where=Where(str(self._path)),
            ) from error
