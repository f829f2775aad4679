"""Parquet files as blocks of rows: every cell as the text that a CSV would have (SPEC 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.blocks import RowBlock, row_numbers, wanted_columns
from creditaudit.intake.cells import STRIPPED
from creditaudit.intake.lines import DELIMITER, QUOTE
from creditaudit.intake.profile import DEFAULT_PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.cells import Bools, Ints
    from creditaudit.intake.decode import Delivery
    from creditaudit.intake.profile import Profile

_BATCH_ROWS = 65_536

# A dictionary holds a text once and rows name it: a few bytes of a file can stand for any amount of text. Rows are read
# as many at a time as fit here, however long the longest texts of the dictionaries are.
_BATCH_BYTES = 64 << 20

# What a file's cells may come to: the free amount, and so many bytes for each byte delivered. Columns that repeat one
# code cost next to nothing, so an honest file can reach some hundred; a row counts for 8 bytes a column at least.
_FREE_BYTES = 64 << 20
_MAX_EXPANSION = 1_000
_CELL_BYTES = 8

# What pyarrow raises over a damaged file; a name that is no text comes as Python's own error.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
_WHOLE_SECONDS = pa.timestamp("s")


class ParquetSource:
    """One Parquet file.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    profile : Profile
        Renames, constants, codes, sentinels and formats of dates in text columns; the rest of it is for text files.
    """

    encoding = "parquet"

    def __init__(self, spec: TableSpec, profile: Profile = DEFAULT_PROFILE) -> None:
        self._spec = spec
        self._profile = profile
        self.counted: int | None = None
        self.unknown_columns: tuple[str, ...] = ()

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:  # noqa: ARG002 - as CsvSource has it
        """Yield the file's rows; row ``n`` is said to be on line ``n + 1``, as behind a header.

        Raises
        ------
        UnjudgedFileError
            The file is empty or no readable Parquet file, its header is bad, a column cannot be read as text, the rows
            are not as many as it states, or its cells come to far more than was delivered.
        """
        stamp = delivery.stamp()
        file = _open(delivery)
        self.counted = file.metadata.num_rows
        row = 1
        left = _FREE_BYTES + _MAX_EXPANSION * stamp[0]
        try:
            header = [name.strip(STRIPPED) for name in file.schema_arrow.names]
            wanted, self.unknown_columns = wanted_columns(self._spec, header, self._profile)
            # What it states of its rows is enough to know before one is read.
            _refuse_bombs(left - _CELL_BYTES * self.counted * len(header))
            for batch in _batches(delivery, file):
                left -= _size(batch)
                _refuse_bombs(left)
                if batch.num_rows:
                    yield _block(batch, wanted, row)
                    row += batch.num_rows
        except _UNREADABLE as error:
            raise UnjudgedFileError(f"no readable Parquet file ({type(error).__name__} after row {row - 1})") from None
        if row - 1 != self.counted:
            raise UnjudgedFileError(f"no readable Parquet file: it states {self.counted} rows and has {row - 1}")
        if delivery.stamp() != stamp:  # the hash was taken before the rows
            raise UnjudgedFileError("the file changed while it was read")


def _refuse_bombs(left: int) -> None:
    """Refuse a file whose cells come to more than any honest one of its length does."""
    if left < 0:
        raise UnjudgedFileError(f"its cells come to more than {_MAX_EXPANSION} times its bytes")


def _open(delivery: Delivery) -> pq.ParquetFile:
    if delivery.stamp()[0] == 0:
        raise UnjudgedFileError("a file of zero bytes")
    try:
        return pq.ParquetFile(delivery.seekable())
    except _UNREADABLE as error:
        raise UnjudgedFileError(f"no readable Parquet file ({type(error).__name__})") from None


def _batches(delivery: Delivery, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, as many at a time as the texts in its dictionaries allow."""
    texts = [f.name for f in file.schema_arrow if _is_bytes(f.type)]
    asked = pq.ParquetFile(delivery.seekable(), metadata=file.metadata, read_dictionary=texts, pre_buffer=False)
    for group in range(file.num_row_groups):
        first = next(asked.iter_batches(batch_size=1, row_groups=[group]), None)
        longest = sum(_longest(column) for column in first.columns) if first is not None else 0
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(longest, 1)))
        yield from file.iter_batches(batch_size=rows, row_groups=[group])


def _longest(column: pa.Array) -> int:
    """Return the bytes of the longest text that a column's dictionary holds; 0 where it has none."""
    if not pa.types.is_dictionary(column.type):
        return 0
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0) if _is_bytes(column.type) else 0


def _size(batch: pa.RecordBatch) -> int:
    """Return what the cells of a batch come to as texts, in bytes; a cell counts for some, whatever is in it."""
    size: int = batch.nbytes
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and _is_bytes(column.type):
            size += pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return max(size, _CELL_BYTES * int(batch.num_rows) * int(batch.num_columns))


def _block(batch: pa.RecordBatch, wanted: dict[str, int], row: int) -> RowBlock:
    cells: dict[str, pa.Array] = {}
    unreadable: dict[str, Bools] = {}
    for name, place in wanted.items():
        column = batch.column(place)
        cells[name] = _texts(column, name)
        odd = _odd_timestamps(column)
        if odd is not None:
            unreadable[name] = odd
    rows = row_numbers(batch.num_rows)

    def raw(chosen: Ints) -> pa.StringArray:
        return _rendered(batch, chosen)

    typed = frozenset(n for n, place in wanted.items() if not _is_text(batch.schema.field(place).type))
    return RowBlock(row, rows + row + 1, rows, cells, {}, raw, unreadable, typed)


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _is_bytes(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return _is_text(inner) or bool(pa.types.is_binary(inner) or pa.types.is_large_binary(inner) or _is_view(inner))


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _texts(column: pa.Array, name: str) -> pa.StringArray:
    """Return the cells of a column as text; NULL is empty."""
    try:
        if pa.types.is_timestamp(column.type):
            whole = column.cast(pa.timestamp("s"), safe=False) if column.type.tz is None else column
            texts = whole.cast(pa.string())
        elif pa.types.is_dictionary(column.type):
            return _texts(column.dictionary_decode(), name)
        else:
            texts = column.cast(pa.string())
        texts.validate(full=True)
    except _UNREADABLE:
        raise UnjudgedFileError(f"column {name} of type {column.type} cannot be read as text") from None
    return texts.fill_null("")


def _odd_timestamps(column: pa.Array) -> Bools | None:
    """Return which cells are timestamps with a zone or a fraction of a second; None where the column has none."""
    if not pa.types.is_timestamp(column.type):
        return None
    given: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    if column.type.tz is not None:
        return given
    whole = column.cast(_WHOLE_SECONDS, safe=False).cast(column.type, safe=False)
    differs = pc.coalesce(pc.not_equal(whole, column), pa.scalar(value=False))
    fraction: Bools = differs.to_numpy(zero_copy_only=False)
    return fraction


def _rendered(batch: pa.RecordBatch, rows: Ints) -> pa.StringArray:
    """Return rows as CSV lines, all columns of the file in its order."""
    chosen = pa.array(rows)
    columns = [_quoted(_shown(_taken(column, chosen))) for column in batch.columns]
    return pc.binary_join_element_wise(*columns, DELIMITER)


def _taken(column: pa.Array, rows: pa.Array) -> pa.Array:
    try:
        return column.take(rows)
    except pa.ArrowNotImplementedError:  # views, from which pyarrow cannot take
        return _shown(column).take(rows)


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    """Put cells into quotes that hold a delimiter, a quote or a line end."""
    inside = pc.replace_substring(texts, QUOTE, QUOTE * 2)
    special = pc.match_substring_regex(texts, f"[{DELIMITER}{QUOTE}\r\n]")
    return pc.if_else(special, pc.binary_join_element_wise(QUOTE, inside, QUOTE, ""), texts)


def _shown(column: pa.Array) -> pa.StringArray:
    """Return the cells of any column as text, a fraction or zone of a timestamp included; NULL is empty."""
    try:
        texts = column.cast(pa.string())
        texts.validate(full=True)
    except _UNREADABLE:
        texts = pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(column.type):
        texts = pc.replace_substring_regex(texts, r"\.0+$", "")
    return texts.fill_null("")


def raw_rows(delivery: Delivery, rows: list[int]) -> list[str]:
    """Return data rows (1-based, ascending) as CSV lines."""
    wanted = np.array(rows, dtype=np.int64)
    found: list[str] = []
    passed = 0
    for batch in _batches(delivery, _open(delivery)):
        here = wanted[(wanted > passed) & (wanted <= passed + batch.num_rows)] - passed - 1
        if len(here):
            found.extend(_rendered(batch, here).to_pylist())
        passed += batch.num_rows
    return found
