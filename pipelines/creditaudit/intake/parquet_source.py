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
            The file is empty or no readable Parquet file, its header is bad, or a column cannot be read as text.
        """
        stamp = delivery.stamp()
        file = _open(delivery)
        header = [name.strip(STRIPPED) for name in file.schema_arrow.names]
        wanted, self.unknown_columns = wanted_columns(self._spec, header, self._profile)
        self.counted = file.metadata.num_rows
        row = 1
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                if batch.num_rows:
                    yield _block(batch, wanted, row)
                    row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise UnjudgedFileError(f"no readable Parquet file ({type(error).__name__} after row {row - 1})") from None
        if delivery.stamp() != stamp:  # the hash was taken before the rows
            raise UnjudgedFileError("the file changed while it was read")


def _open(delivery: Delivery) -> pq.ParquetFile:
    if delivery.stamp()[0] == 0:
        raise UnjudgedFileError("a file of zero bytes")
    try:
        return pq.ParquetFile(delivery.seekable())
    except (pa.ArrowException, OSError) as error:
        raise UnjudgedFileError(f"no readable Parquet file ({type(error).__name__})") from None


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
    except (pa.ArrowException, OSError):
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
    except (pa.ArrowException, OSError):
        texts = pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(column.type):
        texts = pc.replace_substring_regex(texts, r"\.0+$", "")
    return texts.fill_null("")


def raw_rows(delivery: Delivery, rows: list[int]) -> list[str]:
    """Return data rows (1-based, ascending) as CSV lines."""
    wanted = np.array(rows, dtype=np.int64)
    found: list[str] = []
    passed = 0
    for batch in _open(delivery).iter_batches(batch_size=_BATCH_ROWS):
        here = wanted[(wanted > passed) & (wanted <= passed + batch.num_rows)] - passed - 1
        if len(here):
            found.extend(_rendered(batch, here).to_pylist())
        passed += batch.num_rows
    return found
