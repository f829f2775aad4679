"""Whether two Parquet files of one accounts file say the same: rows, and one digest per delivered column."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

INSTANTS = {"opened_at": "opened_from", "agreement_at": "agreement_from"}

# What SPEC 4 takes for "not given" and a library takes for a day, as days since 1970-01-01.
_NO_DAYS = (-25_567, 2_932_896)
_NEVER_CLOSED = 0
_OLDER_CITIZEN_TYPES = ("0", "7")


class OtherRowsError(RuntimeError):
    """Two programs read the same file differently: no time of theirs counts."""


def assert_same(peer: Path, ours: Path, rows: int) -> dict[str, str]:
    """Compare all columns that were delivered.

    Parameters
    ----------
    peer, ours : Path
        Parquet as the library wrote it, and our typed rows.
    rows : int
        Rows delivered.

    Returns
    -------
    dict of str to str
        The common digest of each column, twelve letters of it.

    Raises
    ------
    OtherRowsError
        They differ.
    """
    names = pq.read_schema(peer).names
    found = {file: pq.ParquetFile(file).metadata.num_rows for file in (peer, ours)}
    if set(found.values()) != {rows}:
        raise OtherRowsError(f"{rows} rows delivered, {found[peer]} by the library, {found[ours]} by the intake")
    theirs = _digests(peer, {name: name for name in names})
    own = _digests(ours, {name: INSTANTS.get(name, name) for name in names})
    other = [name for name in names if theirs[name] != own[name]]
    if other:
        raise OtherRowsError(f"columns that differ: {', '.join(other)}")
    return own


def _digests(file: Path, columns: dict[str, str]) -> dict[str, str]:
    """Return a digest per column that does not depend on row groups or batches."""
    sums = {name: (hashlib.sha256(), hashlib.sha256()) for name in columns}
    for batch in pq.ParquetFile(file).iter_batches(columns=list(columns.values())):
        for name, there in columns.items():
            for one, content in zip(sums[name], _flat(name, batch[there]), strict=True):
                one.update(content)
    return {name: hashlib.sha256(a.digest() + b.digest()).hexdigest()[:12] for name, (a, b) in sums.items()}


def _flat(name: str, column: pa.Array) -> tuple[bytes, bytes]:
    """Return which values are given, or how long they are, and the values."""
    if pa.types.is_string(column.type):
        texts = pc.utf8_trim(column, characters=" \t\u00a0\u3000").fill_null("")
        if name == "id_type":
            texts = pc.if_else(pc.is_in(texts, pa.array(_OLDER_CITIZEN_TYPES)), "10", texts)
        return pc.binary_length(texts).to_numpy(zero_copy_only=False).tobytes(), "".join(texts.to_pylist()).encode()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s")).cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
        missing = (*_NO_DAYS, _NEVER_CLOSED) if name == "closed_on" else _NO_DAYS
        column = pc.if_else(pc.is_in(column, pa.array(missing, pa.int32())), pa.scalar(None, pa.int32()), column)
    given: np.ndarray = column.is_valid().to_numpy(zero_copy_only=False)
    return given.tobytes(), column.fill_null(0).cast(pa.int64()).to_numpy().tobytes()
