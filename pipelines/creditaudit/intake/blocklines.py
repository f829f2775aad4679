"""The lines of a block: where each starts, which are rows, and records that run over several (SPEC 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.intake.decode import CR, LF
from creditaudit.intake.lines import split_line

if TYPE_CHECKING:
    from creditaudit.intake.cells import Bytes, Ints
    from creditaudit.intake.lines import Dialect

# Stands for a line end inside a quoted cell: no UTF-8 text has this byte.
INNER_END = b"\xfe"

# A record of several lines that is longer is taken for a broken quote: a search to the end of a large file for
# each of them would neither fit the memory nor end in time.
MAX_RECORD_BYTES = 4 << 20

_AT_ONCE = 1 << 17
_LF, _INNER = ord("\n"), INNER_END[0]


@dataclass(frozen=True)
class Lines:
    """A block of lines, each ended by one LF.

    Parameters
    ----------
    content, data : bytes, numpy uint8
        UTF-8. A CR in it is cell data; ``INNER_END`` is a line end that is cell data.
    starts : numpy int64
        Where each line starts; line ``i`` ends before the LF at ``starts[i + 1] - 1``.
    filled : numpy int64
        Lines, counted from 0, that are not wholly empty: the rows.
    heights : numpy int64 or None
        Physical line, counted from 0, with which each line starts, and behind the last the number of physical
        lines; None where every line is one.
    end : bytes
        What ``INNER_END`` stands for.
    """

    content: bytes
    data: Bytes
    starts: Ints
    filled: Ints
    heights: Ints | None = None
    end: bytes = LF

    @property
    def physical(self) -> int:
        """How many physical lines the block has."""
        return len(self.starts) - 1 if self.heights is None else int(self.heights[-1])

    @property
    def numbers(self) -> Ints:
        """Physical line, counted from 0, of each row."""
        return self.filled if self.heights is None else self.heights[self.filled]

    def text(self, row: int) -> str:
        """Return the text of one row (counted from 0 in the block), without the line end."""
        line = self.filled[row]
        text = self.content[int(self.starts[line]) : int(self.starts[line + 1]) - 1]
        return (text if self.heights is None else text.replace(INNER_END, self.end)).decode()

    def texts(self, rows: Ints) -> pa.StringArray:
        """Return the texts of rows (counted from 0 in the block), without the line ends."""
        offsets = pa.py_buffer(self.starts.astype(np.int32))
        count = len(self.starts) - 1
        lines = pa.BinaryArray.from_buffers(pa.binary(), count, [None, offsets, pa.py_buffer(self.content)])
        found = pc.binary_slice(lines.take(pa.array(self.filled[rows])), 0, -1)
        if self.heights is not None:
            found = pc.replace_substring(found, pattern=INNER_END, replacement=self.end)
        return found.cast(pa.string())

    def after_header(self) -> Lines:
        """Return the block without its first row and all lines up to it."""
        first = int(self.filled[0]) + 1
        cut = int(self.starts[first])
        heights = None if self.heights is None else self.heights[first:] - self.heights[first]
        return Lines(
            self.content[cut:], self.data[cut:], self.starts[first:] - cut, self.filled[1:] - first, heights, self.end
        )


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
    starts = _starts(data)
    return Lines(block, data, starts, np.flatnonzero(np.diff(starts) > 1))


def records_of(block: bytes, end: bytes, dialect: Dialect, *, is_last: bool) -> tuple[Lines | None, bytes]:
    """Find the records of a block whose quoted cells may hold line ends.

    A line that holds an odd number of quotes either opens a cell that runs on, or is damaged; and the record can only
    end with the next such line. If the two and all between them are one well-quoted record, they are joined; else
    the first line stands alone, where it cannot but be found damaged, and reading begins anew behind it.

    Parameters
    ----------
    block : bytes
        Whole lines in UTF-8; the last line of the file may lack its end.
    end : bytes
        As in :func:`lines_of`.
    dialect : Dialect
        With a quote.
    is_last : bool
        Nothing follows in the file.

    Returns
    -------
    lines : Lines or None
        One line per record; None where the block ends before its first one does.
    rest : bytes
        The beginning of a record that may end in the next block.
    """
    is_ended = block.endswith(end)
    text = block if is_ended else block + end
    data = np.frombuffer(text.replace(CR, LF) if end == CR else text, dtype=np.uint8).copy()
    starts = _starts(data)
    quotes = np.searchsorted(np.flatnonzero(data == ord(dialect.quote)), starts)
    odd = np.flatnonzero(np.diff(quotes) & 1)
    inner: list[Ints] = []
    rest_at, place = len(data), 0
    while place < len(odd):
        first = int(odd[place])
        if place + 1 == len(odd):
            if not is_last and len(data) - starts[first] <= MAX_RECORD_BYTES:
                rest_at = int(starts[first])
            break
        last = int(odd[place + 1])
        record = data[starts[first] : starts[last + 1] - 1].tobytes()
        if end == LF and (is_ended or last + 2 < len(starts)):
            record = record.removesuffix(CR)
        if len(record) <= MAX_RECORD_BYTES and split_line(record.decode(), dialect)[1] is None:
            inner.append(np.arange(first + 1, last + 1))
            place += 2
        else:
            place += 1
    if not rest_at:
        return None, block
    # A CR that ends the file without an LF is cell data.
    tail = CR + LF if not is_ended and rest_at == len(data) and block.endswith(CR) else b""
    return _joined(data[:rest_at], starts, inner, end, tail), block[rest_at:]


def _joined(data: Bytes, starts: Ints, inner: list[Ints], end: bytes, tail: bytes) -> Lines:
    """Make one line of each record; ``tail`` ends the data and is kept as it is."""
    count = int(np.searchsorted(starts, len(data)))
    alone = np.ones(count, dtype=bool)
    if inner:
        joined = np.concatenate(inner)
        alone[joined] = False
        data[starts[joined] - 1] = _INNER
    content = data.tobytes()
    if end == LF:
        content = content.removesuffix(tail).replace(CR + LF, LF) + tail
    data = np.frombuffer(content, dtype=np.uint8)
    starts = _starts(data)
    heights = np.append(np.flatnonzero(alone), count)
    return Lines(content, data, starts, np.flatnonzero(np.diff(starts) > 1), heights, end)


def _starts(data: Bytes) -> Ints:
    # Piece by piece, so that what is computed stays in the processor's cache.
    found = [np.flatnonzero(data[at : at + _AT_ONCE] == _LF) + (at + 1) for at in range(0, len(data), _AT_ONCE)]
    return np.concatenate([[0], *found]).astype(np.int64, copy=False)
