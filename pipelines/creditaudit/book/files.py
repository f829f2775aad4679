"""Writing that survives a crash: bytes reach the disk before a name points to them."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.errors import StorageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import NoReturn

# Fixed, so that the same rows give the same bytes whatever engine or thread count delivered them.
ROW_GROUP = 131_072
# A group of more bytes is written before the engine is asked for the next: of cases, with their texts, it has 180 MB.
_LARGE = 64 << 20
_BLOCK = 1 << 20


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one clear message about ``path``."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            "a file could not be read or written",
            why=error.strerror or type(error).__name__,
            next_step="check free space, permissions and health of the file system, then run the same command again",
            where=Where(str(path)),
        ) from error


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    with storage(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def listed(folder: Path) -> list[Path]:
    """Return what lies in a folder, by name; nothing where there is no folder.

    ``Path.glob`` leaves out in silence what it may not list, and a night would be judged without it.
    """
    with storage(folder):
        try:
            return sorted(folder.iterdir())
        except FileNotFoundError:
            return []


def below(folder: Path) -> list[Path]:
    """Return everything below a folder, sorted; a folder that cannot be listed is an error, not left out."""

    def refuse(error: OSError) -> NoReturn:
        raise error

    with storage(folder):
        walked = os.walk(folder, onerror=refuse)
        return sorted(Path(within) / name for within, folders, files in walked for name in (*folders, *files))


def write_bytes(path: Path, content: bytes, *, goes_on: bool = False) -> None:
    """Write one file and flush it; with ``goes_on`` behind what it has."""
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab" if goes_on else "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def place_bytes(path: Path, content: bytes) -> None:
    """Put one file in its place whole or not at all, where a file that is there counts as done."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        write_bytes(fresh, content)
        with storage(path):
            fresh.replace(path)
    except StorageError:
        with suppress(OSError):
            fresh.unlink()
        raise
    sync(path.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with storage(path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table]) -> int:
    """Write rows in their order, in fixed row groups; returns how many.

    Parameters
    ----------
    path : Path
        File to write; its folder is made.
    schema : pyarrow.Schema
        Columns are selected and cast to it.
    batches : iterable of RecordBatch or Table
        Rows in final order; how they are cut does not show in the file.
    """
    rows = 0
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        groups = _row_groups(schema, batches)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer, ThreadPoolExecutor(1) as ahead:
            group = next(groups, None)
            while group is not None:
                # While one group is encoded the engine finds the next: each keeps a processor busy for a while.
                coming = ahead.submit(next, groups, None) if group.nbytes <= _LARGE else None
                writer.write_table(group, row_group_size=ROW_GROUP)
                rows += group.num_rows
                del group
                group = coming.result() if coming is not None else next(groups, None)
    return rows


def _row_groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    count = 0
    for batch in batches:
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        held.append(table.select(schema.names).cast(schema))
        count += table.num_rows
        while count >= ROW_GROUP:
            whole = pa.concat_tables(held)
            held = [whole.slice(ROW_GROUP)]
            count -= ROW_GROUP
            group = [whole.slice(0, ROW_GROUP).combine_chunks()]
            del whole
            yield group.pop()  # nothing of it stays here while it is written
    if count:
        yield pa.concat_tables(held).combine_chunks()
