"""Lines of fixed widths to columns of cells (SPEC 3.1)."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from creditaudit.intake.lines import WRONG_CELL_COUNT
from creditaudit.intake.split import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from creditaudit.intake.blocklines import Lines
    from creditaudit.intake.cells import Bytes, Ints

_FIRST_INSIDE, _LAST_INSIDE, _FIRST_OF_FOUR = 0x80, 0xBF, 0xF0
_BMP = 0x10000
_SURROGATES = range(0xD800, 0xE000)


def cut_line(line: str, widths: Sequence[int], byte_encoding: str | None) -> list[str] | None:
    """Cut one line; None where it is not exactly as long as the widths want, or a border falls into a character.

    Parameters
    ----------
    line : str
        Without its end.
    widths : sequence of int
        One per cell.
    byte_encoding : str or None
        Widths count bytes of this encoding; None: characters.
    """
    whole = line if byte_encoding is None else line.encode(byte_encoding)
    if len(whole) != sum(widths):
        return None
    ends = list(accumulate(widths))
    pieces = [whole[end - width : end] for width, end in zip(widths, ends, strict=True)]
    try:
        return [p if isinstance(p, str) else p.decode(byte_encoding or "") for p in pieces]
    except UnicodeDecodeError:
        return None


def split_fixed(lines: Lines, widths: Sequence[int], byte_encoding: str | None, wanted: dict[str, int]) -> Split:
    """Split a block.

    Parameters
    ----------
    lines : Lines
        The block, without the header.
    widths : sequence of int
        One per cell.
    byte_encoding : str or None
        Widths count bytes of this encoding; None: characters.
    wanted : dict of str to int
        Column name and its place in the file, from 0.

    Returns
    -------
    Split
        A row is damaged where its length is not exactly the sum of the widths, or a border falls into a character.
    """
    at = np.append(0, np.cumsum(_sizes(lines.data, byte_encoding)))  # how much lies before each byte of the block
    starts, ends = lines.starts[lines.filled], lines.starts[lines.filled + 1] - 1
    good = at[ends] - at[starts] == sum(widths)
    borders = np.append(0, np.cumsum(np.array(widths, dtype=np.int64)))
    wished = at[starts[good]][:, None] + borders
    places = np.searchsorted(at, wished.ravel()).reshape(wished.shape)
    whole = (at[places] == wished).all(axis=1)
    rows = np.flatnonzero(good)[whole]
    damaged = np.delete(np.arange(len(lines.filled)), rows)
    cells = _cells(lines.content, places[whole])
    step = len(widths) + 1
    count = np.arange(len(rows), dtype=np.int64) * step
    columns = {name: cells.take(pa.array(count + place)).cast(pa.string()) for name, place in wanted.items()}
    return Split(columns, rows, {int(row): WRONG_CELL_COUNT for row in damaged})


def _cells(content: bytes, places: Ints) -> pa.BinaryArray:
    """Return all cells of all rows, and behind each row one cell of what lies between it and the next."""
    offsets = np.append(places.ravel(), places.ravel()[-1:]).astype(np.int32)
    if not len(places):
        return pa.array([], pa.binary())
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    )


def _sizes(data: Bytes, byte_encoding: str | None) -> Ints:
    """Return the size of each character at its last byte, and zero at its other bytes."""
    inside = (data >= _FIRST_INSIDE) & (data <= _LAST_INSIDE)
    is_last = ~np.append(inside[1:], False)
    sizes = is_last.astype(np.int64)
    if byte_encoding is None or not inside.any():
        return sizes
    if byte_encoding == "utf-8":
        lasts = np.flatnonzero(is_last)
        sizes[lasts] = np.diff(lasts, prepend=-1)
        return sizes
    letters = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), dtype=np.uint32)
    table = _widths_of_letters(byte_encoding)
    sizes[is_last] = np.where(letters < _BMP, table[np.minimum(letters, _BMP - 1)], 4)
    return sizes


@cache
def _widths_of_letters(encoding: str) -> Bytes:
    """Return the bytes of each character below U+10000 in an encoding; 0 where it has none."""
    return np.array(
        [0 if code in _SURROGATES else len(chr(code).encode(encoding, "ignore")) for code in range(_BMP)],
        dtype=np.uint8,
    )
