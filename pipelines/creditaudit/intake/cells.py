"""One column of text cells as flat buffers: stripped, empty as NULL (SPEC 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRIPPED = " \t\u00a0\u3000"

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Rows = slice | Ints

_AT_ONCE = 16_384

# A cell can only lose something if it starts, or ends, with the UTF-8 form of one of the four characters; most
# columns have no such cell and are left as they are.
_FORMS = tuple(np.frombuffer(letter.encode(), dtype=np.uint8) for letter in STRIPPED)
_LAST_BLANK, _LAST_ASCII = ord(" "), 0x7F
_LEADS = tuple(form[0] for form in _FORMS if form[0] > _LAST_ASCII)


@dataclass(frozen=True)
class Cells:
    """A column of cells.

    Parameters
    ----------
    array : pa.StringArray
        The cells, stripped; NULL is empty.
    offsets : numpy int32, shape (rows + 1,)
        Where each cell starts in ``data``; the last one is where the last cell ends.
    data : numpy uint8
        UTF-8 bytes of all cells, one behind the other.
    """

    array: pa.StringArray
    offsets: npt.NDArray[np.int32]
    data: Bytes

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Bytes of each cell; 0 is empty."""
        return np.diff(self.offsets)

    @property
    def given(self) -> Bools:
        """Which cells are not empty."""
        return self.lengths > 0

    def matrices(self, length: int) -> Iterator[tuple[Rows, Bytes]]:
        """Yield all cells of one length as matrices with one column per cell.

        Parameters
        ----------
        length : int
            Bytes per cell.

        Yields
        ------
        rows : slice or numpy int64
            Which rows of the column these are, ascending.
        letters : numpy uint8, shape (length, rows), C order
            Transposed, so that work on one position of all cells runs over neighbouring bytes; a few thousand
            cells at a time, so that what is computed from them stays in the processor's cache.
        """
        chosen = np.flatnonzero(self.lengths == length)
        whole = len(chosen) == len(self)
        start, end = int(self.offsets[0]), int(self.offsets[-1])
        # Where no other cell holds a byte, the cells already lie behind one another.
        dense = self.data[start:end].reshape(-1, length) if end - start == length * len(chosen) else None
        windows = None
        if dense is None and len(chosen):
            windows = np.lib.stride_tricks.sliding_window_view(self.data, length)
        for first in range(0, len(chosen), _AT_ONCE):
            rows = chosen[first : first + _AT_ONCE]
            piece = slice(first, first + len(rows))
            across = dense[piece] if dense is not None else cast("Bytes", windows)[self.offsets[rows]]
            yield piece if whole else rows, np.ascontiguousarray(across.T)


def cells_of(column: pa.Array | pa.ChunkedArray) -> Cells:
    """Strip a text column at both ends and make what is then empty NULL.

    Parameters
    ----------
    column : pa.Array or pa.ChunkedArray of string
        NULL is read as empty.

    Returns
    -------
    Cells
    """
    array = _one_array(column)
    if array.null_count:
        array = array.fill_null("")
    offsets, data = _buffers(array)
    if offsets[0] == offsets[-1]:  # many columns of a feed are wholly empty
        return Cells(pa.nulls(len(array), pa.string()), offsets, data)
    if _strippable(offsets, data):
        array = pc.utf8_trim(array, characters=STRIPPED)
        offsets, data = _buffers(array)
    found = Cells(array, offsets, data)
    given = found.given
    if given.all():
        return found
    validity = pa.py_buffer(np.packbits(given, bitorder="little"))
    _, where, content = array.buffers()
    return Cells(pa.StringArray.from_buffers(len(array), where, content, validity, offset=array.offset), offsets, data)


def changed(cells: Cells, change: Callable[[str], str | None]) -> tuple[Cells, Bools]:
    """Replace every given cell by what a function makes of its text.

    Parameters
    ----------
    cells : Cells
        The column.
    change : callable
        Called once per distinct text; an empty answer makes the cell empty, None says that the text is not known.

    Returns
    -------
    cells : Cells
        Unknown cells are empty.
    unknown : numpy bool
        Which those are.
    """
    coded = cells.array.dictionary_encode()
    answers = [change(text) for text in coded.dictionary.to_pylist()]
    where = coded.indices.fill_null(len(answers))
    texts = pa.array([*(answer or "" for answer in answers), ""], pa.string()).take(where)
    unknown = np.array([*(answer is None for answer in answers), False], dtype=bool)
    return cells_of(texts), unknown[where.to_numpy()]


def as_cells(array: pa.StringArray) -> Cells:
    """Wrap texts as they are, without stripping; NULL stays NULL, and an empty text stays a text."""
    array = _one_array(array)
    offsets, data = _buffers(array.fill_null("") if array.null_count else array)
    return Cells(array, offsets, data)


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    # A slice has its validity bits in the middle of a byte; a copy starts anew.
    return pa.concat_arrays([column, column.slice(0, 0)]) if column.offset else column


def _buffers(array: pa.StringArray) -> tuple[npt.NDArray[np.int32], Bytes]:
    _, where, content = array.buffers()
    if where is None or where.size == 0:
        return np.zeros(len(array) + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(where, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    data = np.zeros(0, dtype=np.uint8) if content is None else np.frombuffer(content, dtype=np.uint8)
    return offsets, data


def _strippable(offsets: npt.NDArray[np.int32], data: Bytes) -> bool:
    """Whether any cell may start or end with a character that is stripped."""
    start, end = int(offsets[0]), int(offsets[-1])
    if start == end:
        return False
    held = data[start:end]
    if held.min() > _LAST_BLANK and (held.max() <= _LAST_ASCII or not any((held == lead).any() for lead in _LEADS)):
        return False
    # An empty cell looks at its neighbours' bytes instead: at worst the column is stripped for nothing.
    # Comparisons: numpy looks a byte up in a table twenty times more slowly.
    starts, ends = offsets[:-1], offsets[1:]
    first, last = data.take(starts, mode="clip"), data.take(ends - 1, mode="clip")
    return any(_begins(data, starts, first, form) or _finishes(data, ends, last, form) for form in _FORMS)


def _begins(data: Bytes, starts: npt.NDArray[np.int32], first: Bytes, form: Bytes) -> bool:
    """Whether any cell begins with the bytes of ``form``; ``first`` has the first byte of each."""
    at = starts[first == form[0]]
    for place in range(1, len(form)):
        at = at[data.take(at + place, mode="clip") == form[place]]
    return len(at) > 0


def _finishes(data: Bytes, ends: npt.NDArray[np.int32], last: Bytes, form: Bytes) -> bool:
    """Whether any cell ends with the bytes of ``form``; ``last`` has the last byte of each."""
    at = ends[last == form[-1]]
    for place in range(2, len(form) + 1):
        at = at[data.take(at - place, mode="clip") == form[-place]]
    return len(at) > 0
