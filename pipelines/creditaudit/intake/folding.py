"""Unicode folding of whole columns: Python looks only at distinct texts that folding could change (SPEC 4)."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.intake.cells import Bytes, Cells, Ints

# Invisible characters that are removed besides White_Space.
INVISIBLE = (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD)

# The White_Space property of Unicode (PropList.txt). str.isspace() is another set: it has U+001C to U+001F.
WHITE_SPACE = (
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
)  # fmt: skip

_REMOVED: dict[int, int | None] = dict.fromkeys((*WHITE_SPACE, *INVISIBLE))
_INVISIBLE_REMOVED: dict[int, int | None] = dict.fromkeys(INVISIBLE)

# First bytes of the UTF-8 forms of U+4000 to U+9FFF: no character there has a decomposition, composes with
# another, or is removed. All other bytes above ASCII, but those inside a character, are worth a look.
_CALM_LEADS = range(0xE4, 0xEA)
_INSIDE = range(0x80, 0xC0)

# What a table has for a byte that tells something.
MARK = b"\x01"

# Bytes looked up at a time: small enough that the allocator keeps the memory.
_AT_ONCE = 1 << 16


def unsettled_bytes(*, also: bytes = b"", white_space: bool = True) -> bytes:
    """Return a table of 256 bytes: which bytes tell that folding could change the text they are in.

    Parameters
    ----------
    also : bytes
        Further ASCII bytes that the caller would change.
    white_space : bool
        Whether the caller would change white space.

    Returns
    -------
    bytes
        ``MARK`` for those that do, else zero.
    """
    table = np.zeros(256, dtype=bool)
    table[0x80:] = True
    table[[*_CALM_LEADS, *_INSIDE]] = False
    table[[code for code in WHITE_SPACE if code < 0x80]] = white_space  # noqa: PLR2004 - end of ASCII
    table[list(also)] = True
    return table.tobytes()


def folded(text: str) -> str:
    """Return a text in NFKC without white space and invisible characters."""
    return unicodedata.normalize("NFKC", text).translate(_REMOVED)


def without_invisible(text: str) -> str:
    """Return a text in NFKC without invisible characters; white space stays."""
    return unicodedata.normalize("NFKC", text).translate(_INVISIBLE_REMOVED)


def rows_holding(table: bytes, offsets: np.ndarray, data: Bytes) -> Ints:
    """Return the rows that hold a byte marked in ``table``, ascending."""
    start, end = int(offsets[0]), int(offsets[-1])
    # A whole column that is clean, the usual case, costs one look-up per byte and nothing else; bytes.translate
    # makes it several times faster than numpy, which turns every byte into a 64-bit index first.
    found: list[Ints] = []
    for at in range(start, end, _AT_ONCE):
        held = data[at : min(at + _AT_ONCE, end)].tobytes().translate(table)
        if MARK in held:
            found.append(np.flatnonzero(np.frombuffer(held, dtype=bool)) + at)
    if not found:
        return np.zeros(0, dtype=np.int64)
    marked = np.concatenate(found)
    rows: Ints = np.searchsorted(offsets, marked, side="right") - 1
    distinct: Ints = rows[np.append(True, np.diff(rows) > 0)]
    return distinct


def rewrite(cells: Cells, table: bytes, change: Callable[[str], str]) -> pa.StringArray:
    """Replace each text that holds a marked byte by what ``change`` makes of it.

    Parameters
    ----------
    cells : Cells
        The column.
    table : bytes
        Marked bytes; a text without any is kept as it is.
    change : callable
        Called once per distinct text.

    Returns
    -------
    pa.StringArray
        NULL stays NULL.
    """
    rows = rows_holding(table, cells.offsets, cells.data)
    if not len(rows):
        return cells.array
    distinct = cells.array.take(pa.array(rows)).dictionary_encode()
    changed = pa.array([change(text) for text in distinct.dictionary.to_pylist()], pa.string())
    return put(cells.array, rows, changed.take(distinct.indices))


def put(array: pa.Array, rows: Ints, values: pa.Array) -> pa.Array:
    """Return ``array`` with ``values`` at ``rows`` (ascending)."""
    # Four times as fast as replace_with_mask, which copies texts one by one.
    which = np.arange(len(array), dtype=np.int64)
    which[rows] = np.arange(len(array), len(array) + len(rows))
    return pa.concat_arrays([array, values]).take(pa.array(which))
