"""Rows of a file as bytes: columns of fixed width side by side, then the padding squeezed out.

A cell is one array of fixed-width bytes, or several that follow each other, or one constant. No text of ours
holds a NUL, so a NUL is always padding and dropping all of them gives the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from creditaudit.synth.arrays import Cells, Ints, rare

Part: TypeAlias = Cells | bytes
Column: TypeAlias = Part | tuple[Part, ...]

# What can be wrong with a row. The first five break the row itself, the others one cell of it.
INTACT, SPARE_SEPARATOR, LOST_CELL, UNCLOSED, STRAY_QUOTE, TEXT_AFTER, BAD_TYPE, BAD_CODE, MISSING, DROPPED = range(10)
ROW_FLAWS: Final = (SPARE_SEPARATOR, LOST_CELL, UNCLOSED, STRAY_QUOTE, TEXT_AFTER)


@dataclass(frozen=True)
class Layout:
    """How the rows of a feed can go wrong.

    Attributes
    ----------
    quoted
        Index of the column that takes the broken quotes. Its cells must be unquoted and filled.
    cells
        For each cell flaw that the feed knows: column index and the bytes that stand there instead.
    """

    quoted: int
    cells: Mapping[int, tuple[int, bytes]] = field(default_factory=dict)

    def plan(self, rng: np.random.Generator, count: int, share: float, at_least: int = 0) -> Ints:
        """Return one flaw code per row, nearly all `INTACT`."""
        flaws = np.zeros(count, dtype=np.int8)
        kinds = np.array([*ROW_FLAWS, *self.cells], dtype=np.int8)
        chosen = rare(rng, count, share, at_least)
        flaws[chosen] = kinds[rng.integers(0, len(kinds), len(chosen))]
        return flaws


def fixed_rows(
    columns: Sequence[Column],
    count: int,
    *,
    line_end: Part = b"\n",
    layout: Layout | None = None,
    flaws: Ints | None = None,
) -> npt.NDArray[np.void]:
    """Lay columns side by side.

    Parameters
    ----------
    columns
        In file order; arrays have `count` elements.
    line_end
        End of each row.
    layout, flaws
        What is to be wrong, and with which row. Without them every row is well formed.

    Returns
    -------
    One fixed-width record per row, padded with NULs.
    """
    parts: list[tuple[str, Part]] = []
    damaged = np.flatnonzero(flaws) if flaws is not None and layout is not None else np.zeros(0, dtype=np.int64)
    last = len(columns) - 1
    for at, column in enumerate(columns):
        mark = bool(len(damaged)) and layout is not None and at == layout.quoted
        if mark:
            parts.append(("before", np.zeros(count, dtype="S1")))
        cell = column if isinstance(column, tuple) else (column,)
        parts.extend((f"{at}.{nth}", part) for nth, part in enumerate(cell) if not isinstance(part, bytes) or part)
        if mark:
            parts.append(("behind", np.zeros(count, dtype="S2")))
        parts.append((f"sep{at}", b"," if at < last else line_end))
        if at == last and len(damaged):
            parts[-1:] = [("spare", np.zeros(count, dtype="S1")), parts[-1]]
    kinds: list[Any] = [(name, f"S{len(p)}" if isinstance(p, bytes) else p.dtype) for name, p in parts]
    dtype = np.dtype(kinds)
    template = np.zeros(1, dtype)
    for name, part in parts:
        if isinstance(part, bytes):
            template[name] = part
    out = np.empty(count, dtype)
    out[:] = template[0]
    for name, part in parts:
        if not isinstance(part, bytes):
            out[name] = part
    if layout is not None and flaws is not None and len(damaged):
        _damage(out, damaged, flaws, layout)
    return out


def _damage(out: npt.NDArray[np.void], damaged: Ints, flaws: Ints, layout: Layout) -> None:
    kinds = flaws[damaged]
    for flaw, name, value in (
        (SPARE_SEPARATOR, "spare", b","),
        (LOST_CELL, f"sep{layout.quoted}", b""),
        (UNCLOSED, "before", b'"'),
        (STRAY_QUOTE, "behind", b'"'),
        (TEXT_AFTER, "before", b'"'),
        (TEXT_AFTER, "behind", b'"x'),
    ):
        out[name][damaged[kinds == flaw]] = value
    names = out.dtype.names or ()
    for flaw, (at, text) in layout.cells.items():
        hit = damaged[kinds == flaw]
        if len(hit):
            for nth, name in enumerate(n for n in names if n.startswith(f"{at}.")):
                wide = out[name].dtype.itemsize
                out[name][hit] = text[:wide] if nth == 0 else b""


def squeeze(records: npt.NDArray[np.void]) -> bytes:
    """Return the rows without their padding."""
    # bytes.translate is three times as fast as a boolean mask over the bytes.
    return records.tobytes().translate(None, b"\0")


def digits(numbers: Ints, width: int) -> tuple[Cells, ...]:
    """Spell non-negative numbers with leading zeros as parts of four digits; `width` is a multiple of four."""
    table = four_digits()
    return tuple(table.take(numbers // 10**below % 10_000) for below in range(width - 4, -1, -4))


def four_digits() -> Cells:
    """Return ``0000`` to ``9999``."""
    return _FOUR


_FOUR: Final = np.array([b"%04d" % n for n in range(10_000)], dtype="S4")
