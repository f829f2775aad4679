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

from creditaudit.intake.blocklines import INNER_END, Lines
from creditaudit.intake.decode import CR
from creditaudit.intake.lines import DEFAULT, damage, split_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from creditaudit.intake.cells import Bools, Bytes, Ints
    from creditaudit.intake.lines import Dialect

_LF = ord("\n")
_AT_ONCE = 1 << 17
_ONE, _TOP, _ALL = np.uint64(1), np.uint64(63), np.uint64(2**64 - 1)

# Letters that may stand in for others while pyarrow splits a block: for a CR inside a cell, since to pyarrow every CR
# ends a line, for a line end inside a cell, and between cells, since pyarrow wants one ASCII letter there.
_STAND_INS = tuple(bytes([code]) for code in (*range(1, 9), *range(14, 32), 127))
_LAST_ASCII = "\x7f"


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


def split(lines: Lines, columns: int, wanted: dict[str, int], dialect: Dialect = DEFAULT) -> Split:
    """Split a block.

    Parameters
    ----------
    lines : Lines
        The block, without the header.
    columns : int
        How many cells a row must have.
    wanted : dict of str to int
        Column name and its place in the file, from 0.
    dialect : Dialect
        How cells are told apart.

    Returns
    -------
    Split
        Every row is in exactly one of ``rows`` and ``damaged``.
    """
    try:
        return _split_at_once(lines, columns, wanted, dialect)
    except _UnsureError:
        return _split_exactly(lines, columns, wanted, dialect)


class _UnsureError(Exception):
    """The whole block cannot be vouched for."""


def _split_at_once(lines: Lines, columns: int, wanted: dict[str, int], dialect: Dialect) -> Split:
    """Split with pyarrow, whose word is taken only where it can be checked."""
    taken = (dialect.delimiter + dialect.quote).encode()
    spare = (letter for letter in _STAND_INS if letter not in taken and letter not in lines.content)
    plain, separator = _with_separator(lines, dialect, spare)
    changes = [(separator, dialect.delimiter)] if separator != dialect.delimiter else []
    quote = dialect.quote if dialect.quote and dialect.quote.encode() in plain.content else ""
    suspects = _misquoted(plain, separator, quote) if quote else np.zeros(0, dtype=np.int64)
    damaged = _damaged(lines, columns, suspects, dialect)
    if len(suspects) == len(lines.filled):
        return Split({name: pa.array([], pa.string()) for name in wanted}, suspects[:0], damaged)
    content = _without(plain, suspects)
    for letter, put_back in ((CR, CR), (INNER_END, lines.end)):
        if letter in content:
            free = _next(spare)
            content = content.replace(letter, free)
            changes.append((free.decode(), put_back.decode()))
    cells, skipped = _read(content, columns, wanted, separator, quote)
    kept = np.delete(np.arange(len(lines.filled)), suspects)
    if skipped:
        if skipped[-1] >= len(kept):
            raise _UnsureError
        damaged |= _damaged(lines, columns, kept[skipped], dialect)
    rows = np.delete(kept, skipped) if skipped else kept
    if any(len(array) != len(rows) for array in cells.values()):
        raise _UnsureError
    for stand_in, meant in changes:
        cells = {name: pc.replace_substring(array, stand_in, meant) for name, array in cells.items()}
    return Split(cells, rows, damaged)


def _damaged(lines: Lines, columns: int, rows: Iterable[int], dialect: Dialect) -> dict[int, str]:
    """Read rows again letter by letter that are taken for damaged; they must be."""
    damaged: dict[int, str] = {}
    for row in rows:
        reason = damage(lines.text(int(row)), columns, dialect)
        if reason is None:
            raise _UnsureError
        damaged[int(row)] = reason
    return damaged


def _next(spare: Iterator[bytes]) -> bytes:
    letter = next(spare, None)
    if letter is None:
        raise _UnsureError
    return letter


def _with_separator(lines: Lines, dialect: Dialect, spare: Iterator[bytes]) -> tuple[Lines, str]:
    """Return the block with one ASCII letter between its cells, and that letter.

    No delimiter holds a quote, so none is found across the border of a quoted cell: replacing all of them from the
    left finds those that reading letter by letter finds, and others only inside quoted cells, where they are put back.
    """
    delimiter = dialect.delimiter
    if len(delimiter) == 1 and "\0" < delimiter <= _LAST_ASCII:
        return lines, delimiter
    separator = _next(spare)
    content = lines.content.replace(delimiter.encode(), separator)
    data = np.frombuffer(content, dtype=np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == _LF) + 1]).astype(np.int64)
    return Lines(content, data, starts, lines.filled, lines.heights, lines.end), separator.decode()


def _misquoted(lines: Lines, separator: str, quote: str) -> Ints:
    """Return the rows whose quotes are not where a well-formed row has them.

    In a well-formed row quotes open and close in turn. One that opens stands at the start of the line, behind a
    delimiter, or is the second of a doubled one; one that closes stands before a delimiter, the end of the line,
    or is the first of a doubled one.
    """
    data = lines.data
    if _well_quoted(data, separator, quote):
        return np.zeros(0, dtype=np.int64)
    quotes = np.flatnonzero(data == ord(quote))
    before_line = np.searchsorted(quotes, lines.starts)
    odd = np.flatnonzero(np.diff(before_line) & 1)
    if len(odd):
        # Without the lines that hold an odd number of quotes, every second quote of the block opens.
        quotes = np.delete(quotes, np.concatenate([np.arange(before_line[i], before_line[i + 1]) for i in odd]))
    opening, closing = quotes[0::2], quotes[1::2]
    # Before the block's first byte stands, as it were, the LF that is its last.
    beside = (ord(separator), ord(quote))
    bad = np.concatenate(
        [opening[_misplaced(data[opening - 1], beside)], closing[_misplaced(data[closing + 1], beside)]]
    )
    line = np.searchsorted(lines.starts, bad, side="right") - 1
    return np.searchsorted(lines.filled, np.union1d(line, odd))


def _well_quoted(data: Bytes, separator: str, quote: str) -> bool:
    """Whether no row is misquoted, as :func:`_misquoted` says it: one bit a letter, and 64 of them at a time."""
    ends, quotes, beside = (np.zeros(-(-len(data) // 64), dtype="<u8") for _ in range(3))
    # Piece by piece, so that what is computed stays in the processor's cache.
    for at in range(0, len(data), _AT_ONCE):
        piece = data[at : at + _AT_ONCE]
        is_end, is_quote = piece == _LF, piece == ord(quote)
        is_beside = piece == ord(separator)
        is_beside |= is_end
        is_beside |= is_quote
        for words, mask in ((ends, is_end), (quotes, is_quote), (beside, is_beside)):
            packed = np.packbits(mask, bitorder="little")
            words.view(np.uint8)[at // 8 : at // 8 + len(packed)] = packed
    # Of each letter whether an odd number of quotes stands up to and with it: first within each word, then before it.
    odd = quotes
    for step in (1, 2, 4, 8, 16, 32):
        odd = odd ^ (odd << np.uint64(step))
    odd[1:] ^= np.bitwise_xor.accumulate(odd[:-1] >> _TOP) * _ALL
    if (odd & ends).any():
        return False
    behind, before = beside << _ONE, beside >> _ONE
    behind[1:] |= beside[:-1] >> _TOP
    behind[0] |= _ONE  # before the block's first letter stands, as it were, the LF that is its last
    before[:-1] |= beside[1:] << _TOP
    return not (quotes & ((odd & ~behind) | (~odd & ~before))).any()


def _misplaced(neighbour: Bytes, beside: tuple[int, int]) -> Bools:
    wrong: Bools = (neighbour != beside[0]) & (neighbour != _LF) & (neighbour != beside[1])
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


def _read(
    content: bytes, columns: int, wanted: dict[str, int], separator: str, quote: str
) -> tuple[dict[str, pa.StringArray], list[int]]:
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
            delimiter=separator,
            quote_char=quote or False,
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


def _split_exactly(lines: Lines, columns: int, wanted: dict[str, int], dialect: Dialect) -> Split:
    """Split letter by letter."""
    damaged: dict[int, str] = {}
    rows: list[int] = []
    kept: list[Sequence[str]] = []
    for row in range(len(lines.filled)):
        text = lines.text(row)
        reason = damage(text, columns, dialect)
        if reason is None:
            rows.append(row)
            cells, _ = split_line(text, dialect)
            kept.append([cells[place] for place in wanted.values()])
        else:
            damaged[row] = reason
    arrays = {name: pa.array([cells[number] for cells in kept], pa.string()) for number, name in enumerate(wanted)}
    return Split(arrays, np.array(rows, dtype=np.int64), damaged)
