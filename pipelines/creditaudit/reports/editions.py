"""Characters that readers of GB18030 disagree on: counted and told, never changed (SPEC 10.2).

Text is written as Python's codec does, which reads it back unchanged: the two-byte code of a private-use character of
the first edition (2000) is that character's still. Later editions gave some of these codes to characters that Unicode
had got since, and moved the private-use ones to four bytes: U+1E3F in 2005 (U+E7C7 before), ten vertical forms and
eight components in 2022. Six more ideographs are private-use in every edition, and real ones for the WHATWG's decoder
and ICU. U+E5E5 is read as a space by browsers. And a reader that takes the file for GBK (code page 936: what a Chinese
Windows assumes of a file without a mark) knows no code of four bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

# First edition's character to the one that has its two-byte code in a later edition, or for another decoder.
MOVED: dict[int, int] = {
    0xE7C7: 0x1E3F,
    **{0xE78D + n: 0xFE10 + n for n in range(10)},
    **dict(zip((0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864), range(0x9FB4, 0x9FBC), strict=True)),
    **dict(
        zip(
            (0xE816, 0xE817, 0xE818, 0xE831, 0xE83B, 0xE855),
            (0x20087, 0x20089, 0x200CC, 0x215D7, 0x2298F, 0x241FE),
            strict=True,
        )
    ),
}
DISPUTED = frozenset({*MOVED, *MOVED.values(), 0xE5E5})
_ANY = "[" + "".join(f"\\x{{{code:X}}}" for code in sorted(DISPUTED)) + "]"
_TWO_BYTES = 2


def disputed(rows: pa.Table, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the columns with such characters, and in how many cells; never a cell.

    Returns
    -------
    list of dict
        column; cells: with a character that editions or decoders read as another; four_byte_cells: with one that a
        reader of GBK does not know (the former may be among them). In the order of ``columns``; empty: every reader
        agrees.
    """
    found = []
    for name in columns:
        cells = rows[name]
        many = int(pc.sum(pc.match_substring_regex(cells, _ANY)).as_py() or 0)
        long = _with_four_bytes(cells)
        if many or long:
            found.append({"column": name, "cells": many, "four_byte_cells": long})
    return found


def _with_four_bytes(cells: pa.ChunkedArray) -> int:
    """Count cells with a character of four bytes. Most columns have none, and their whole text says so at once."""
    beyond = cells.filter(pc.invert(pc.string_is_ascii(cells))).drop_null()
    if not len(beyond):
        return 0
    counted = pc.value_counts(beyond.combine_chunks())
    return sum(
        many
        for cell, many in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
        if any(len(letter.encode("gb18030")) > _TWO_BYTES for letter in set(cell) if not letter.isascii())
    )
