"""Names as they are compared (SPEC 4, Name)."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from creditaudit.intake.cells import cells_of
from creditaudit.intake.folding import MARK, folded, rewrite, rows_holding, unsettled_bytes

if TYPE_CHECKING:
    from creditaudit.intake.cells import Cells

_DOTS = dict.fromkeys((0x00B7, 0x2022, 0x2027, 0x30FB, 0xFF65), "\u00b7")
_UNSETTLED = unsettled_bytes()

# First bytes of private-use characters: U+E000 to U+F8FF, and planes 15 and 16 (with neighbours).
_MAYBE_PRIVATE = bytes(0xEE) + MARK * 2 + bytes(0xF3 - 0xF0) + MARK * 2 + bytes(256 - 0xF5)


def normalise_names(column: pa.Array | pa.ChunkedArray) -> tuple[pa.StringArray, pa.BooleanArray]:
    """Return ``name_norm`` and ``name_known`` of a column of names.

    Parameters
    ----------
    column : pa.Array or pa.ChunkedArray of string
        Names as delivered; NULL: missing.

    Returns
    -------
    name_norm : pa.StringArray
        NFKC without spaces and invisible characters, one middle dot; case is kept. NULL where nothing is left.
    name_known : pa.BooleanArray
        False, never NULL, where the name compares as unknown with everything: nothing left, or a private-use
        character in it (whose meaning only the sender knows).
    """
    return known_names(cells_of(column))


def known_names(cells: Cells) -> tuple[pa.StringArray, pa.BooleanArray]:
    """Return ``name_norm`` and ``name_known`` of cells; see :func:`normalise_names`."""
    rewritten = rewrite(cells, _UNSETTLED, _clean)
    norm = cells if rewritten is cells.array else cells_of(rewritten)
    known = norm.given.copy()
    rows = rows_holding(_MAYBE_PRIVATE, norm.offsets, norm.data)
    if len(rows):
        distinct = norm.array.take(pa.array(rows)).dictionary_encode()
        private = np.array([_has_private(text) for text in distinct.dictionary.to_pylist()], dtype=bool)
        known[rows[private[distinct.indices.to_numpy()]]] = False
    return norm.array, pa.array(known)


def _clean(text: str) -> str:
    return folded(text).translate(_DOTS)


def _has_private(text: str) -> bool:
    return any(unicodedata.category(letter) == "Co" for letter in text)
