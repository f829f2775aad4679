"""Blocks of lines to columns of cells, without a Python call per row (SPEC 3.1).

pyarrow's reader does the splitting, and is not trusted to notice damage: quotes are checked before it over the
whole block, each row that it calls too short or too long is read again letter by letter, and the rows must add
up. Where they do not, the block is split letter by letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from creditaudit.intake.decode import CR, LF
from creditaudit.intake.lines import DELIMITER, QUOTE, damage, split_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from creditaudit.intake.cells import Bools, Bytes, Ints

_LF, _DELIMITER, _QUOTE = ord("\n"), ord(DELIMITER), ord(QUOTE)

# Letters that may stand in for a CR inside a cell while pyarrow, to which every CR ends a line, splits the block.
_STAND_INS = tuple(bytes([code]) for code in (*range(1, 9), *range(14, 32), 127))


@dataclass(frozen=True)
class Lines:
    """A block of lines, each ended by one LF.

    Parameters
    ----------
    data : numpy uint8
        UTF-8. A CR in it is cell data.
    starts : numpy int64
        Where each physical line starts; line ``i`` ends before the LF at ``starts[i + 1] - 1``.
    filled : numpy int64
        Physical lines, counted from 0, that are not wholly empty: the rows.
    """

    content: bytes
    data: Bytes
    starts: Ints
    filled: Ints

    @property
    def physical(self) -> int:
        """How many physical lines the block has."""
        return len(self.starts) - 1

    def text(self, row: int) -> str:
        """Return the text of one row (counted from 0 in the block), without the line end."""
        line = self.filled[row]
        return self.content[int(self.starts[line]) : int(self.starts[line + 1]) - 1].decode()

    def texts(self, rows: Ints) -> pa.StringArray:
        """Return the texts of rows (counted from 0 in the block), without the line ends."""
        offsets = pa.py_buffer(self.starts.astype(np.int32))
        lines = pa.BinaryArray.from_buffers(pa.binary(), self.physical, [None, offsets, pa.py_buffer(self.content)])
        return pc.binary_slice(lines.take(pa.array(self.filled[rows])), 0, -1).cast(pa.string())

    def after_header(self) -> Lines:
        """Return the block without its first row and all lines up to it."""
        first = int(self.filled[0]) + 1
        cut = int(self.starts[first])
        return Lines(self.content[cut:], self.data[cut:], self.starts[first:] - cut, self.filled[1:] - first)


@dataclass(frozen=True)
class Split:
    """What a block was split into. Rows are counted from 0 in the block.

    Parameters
    ----------
    cells : dict of str to pa.StringArray
        The wanted columns of the rows that split, not stripped.
    rows : numpy int64
        Which rows split, ascending.
    damaged : dict of int to str
        Rows that did not, with the reason.
    """

    cells: dict[str, pa.StringArray]
    rows: Ints
    damaged: dict[int, str]


def lines_of(block: bytes, end: bytes) -> Lines:
    """Find the lines of a block.

    Parameters
    ----------
    block : bytes
        Whole lines in UTF-8; the last may lack its end.
    end : bytes
        LF (then CRLF ends a line, too), or CR in a file without LF.
    """
    if end == CR:
        block = block.replace(CR, LF)
    elif CR in block:
        block = block.replace(CR + LF, LF)
    if not block.endswith(LF):
        block += LF  # only now: a CR that ends the file without an LF is cell data
    data = np.frombuffer(block, dtype=np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == _LF) + 1]).astype(np.int64)
    return Lines(block, data, starts, np.flatnonzero(np.diff(starts) > 1))


def split(lines: Lines, columns: int, wanted: dict[str, int]) -> Split:
    """Split a block.

    Parameters
    ----------
    lines : Lines
        The block, without the header.
    columns : int
        How many cells a row must have.
    wanted : dict of str to int
        Column name and its place in the file, from 0.

    Returns
    -------
    Split
        Every row is in exactly one of ``rows`` and ``damaged``.
    """
    suspects = _misquoted(lines) if QUOTE.encode() in lines.content else np.zeros(0, dtype=np.int64)
    found = {int(row): damage(lines.text(int(row)), columns) for row in suspects}
    damaged = {row: reason for row, reason in found.items() if reason is not None}
    stand_in = _stand_in(lines.content)
    if len(damaged) != len(found) or stand_in is None:
        return _split_exactly(lines, columns, wanted)
    if len(suspects) == len(lines.filled):
        return Split({name: pa.array([], pa.string()) for name in wanted}, suspects[:0], damaged)
    content = _without(lines, suspects)
    if CR in content:
        content = content.replace(CR, stand_in)
    cells, skipped = _read(content, columns, wanted)
    kept = np.delete(np.arange(len(lines.filled)), suspects)
    if skipped and (skipped[-1] >= len(kept) or not _add_wrong_counts(lines, columns, kept[skipped], damaged)):
        return _split_exactly(lines, columns, wanted)
    rows = np.delete(kept, skipped) if skipped else kept
    if any(len(array) != len(rows) for array in cells.values()):
        return _split_exactly(lines, columns, wanted)
    if CR in lines.content:
        letter = stand_in.decode()
        cells = {name: pc.replace_substring(array, letter, CR.decode()) for name, array in cells.items()}
    return Split(cells, rows, damaged)


def _stand_in(content: bytes) -> bytes | None:
    if CR not in content:
        return b""
    return next((letter for letter in _STAND_INS if letter not in content), None)


def _misquoted(lines: Lines) -> Ints:
    """Return the rows whose quotes are not where a well-formed row has them.

    In a well-formed row quotes open and close in turn. One that opens stands at the start of the line, behind a
    delimiter, or is the second of a doubled one; one that closes stands before a delimiter, the end of the line,
    or is the first of a doubled one.
    """
    data = lines.data
    quotes = np.flatnonzero(data == _QUOTE)
    before_line = np.searchsorted(quotes, lines.starts)
    odd = np.flatnonzero(np.diff(before_line) & 1)
    if len(odd):
        # Without the lines that hold an odd number of quotes, every second quote of the block opens.
        quotes = np.delete(quotes, np.concatenate([np.arange(before_line[i], before_line[i + 1]) for i in odd]))
    opening, closing = quotes[0::2], quotes[1::2]
    # Before the block's first byte stands, as it were, the LF that is its last.
    bad = np.concatenate([opening[_misplaced(data[opening - 1])], closing[_misplaced(data[closing + 1])]])
    line = np.searchsorted(lines.starts, bad, side="right") - 1
    return np.searchsorted(lines.filled, np.union1d(line, odd))


def _misplaced(neighbour: Bytes) -> Bools:
    wrong: Bools = (neighbour != _DELIMITER) & (neighbour != _LF) & (neighbour != _QUOTE)
    return wrong


def _without(lines: Lines, rows: Ints) -> bytes:
    """Return the block's content without some rows."""
    if not len(rows):
        return lines.content
    pieces: list[memoryview] = []
    view, at = memoryview(lines.content), 0
    for line in lines.filled[rows]:
        pieces.append(view[at : int(lines.starts[line])])
        at = int(lines.starts[line + 1])
    pieces.append(view[at:])
    return b"".join(pieces)


def _add_wrong_counts(lines: Lines, columns: int, rows: Iterable[int], damaged: dict[int, str]) -> bool:
    """Read the rows again that pyarrow left out; False where one of them is not damaged."""
    for row in rows:
        reason = damage(lines.text(int(row)), columns)
        if reason is None:
            return False
        damaged[int(row)] = reason
    return True


def _read(content: bytes, columns: int, wanted: dict[str, int]) -> tuple[dict[str, pa.StringArray], list[int]]:
    """Split with pyarrow: the wanted columns, and the rows (counted from 0) that it left out."""
    skipped: list[int] = []

    def leave_out(row: pa_csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        return "skip"

    names = [f"c{place}" for place in range(columns)]
    table = pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=names),
        parse_options=pa_csv.ParseOptions(
            delimiter=DELIMITER,
            quote_char=QUOTE if QUOTE.encode() in content else False,
            double_quote=True,
            newlines_in_values=False,
            ignore_empty_lines=True,
            invalid_row_handler=leave_out,
        ),
        convert_options=pa_csv.ConvertOptions(
            include_columns=[names[place] for place in wanted.values()],
            column_types={names[place]: pa.string() for place in wanted.values()},
            check_utf8=False,  # the decoder has checked
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    cells = {
        name: column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        for name, column in zip(wanted, table.itercolumns(), strict=True)
    }
    return cells, skipped


def _split_exactly(lines: Lines, columns: int, wanted: dict[str, int]) -> Split:
    """Split letter by letter."""
    damaged: dict[int, str] = {}
    rows: list[int] = []
    kept: list[Sequence[str]] = []
    for row in range(len(lines.filled)):
        text = lines.text(row)
        reason = damage(text, columns)
        if reason is None:
            rows.append(row)
            cells, _ = split_line(text)
            kept.append([cells[place] for place in wanted.values()])
        else:
            damaged[row] = reason
    arrays = {name: pa.array([cells[number] for cells in kept], pa.string()) for number, name in enumerate(wanted)}
    return Split(arrays, np.array(rows, dtype=np.int64), damaged)
