"""One line at a time, letter by letter: the exact reading of the dialect (SPEC 3.1).

Only lines that the fast path of :mod:`creditaudit.intake.split` finds damaged, headers, and blocks that it
cannot vouch for come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

DELIMITER, QUOTE = ",", '"'

QUOTE_IN_UNQUOTED = "quote_in_unquoted"
TEXT_AFTER_QUOTE = "text_after_quote"
UNCLOSED_QUOTE = "unclosed_quote"
WRONG_CELL_COUNT = "wrong_cell_count"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart.

    Parameters
    ----------
    delimiter : str
        One to three characters, no line end among them.
    quote : str
        One ASCII character that is not in the delimiter; empty: there are no quotes.
    multiline : bool
        A quoted cell may hold line ends.
    """

    delimiter: str = DELIMITER
    quote: str = QUOTE
    multiline: bool = False


DEFAULT = Dialect()


def split_line(line: str, dialect: Dialect = DEFAULT) -> tuple[list[str], str | None]:
    """Split one line, or one record of several lines, into cells.

    Parameters
    ----------
    line : str
        Without its end.
    dialect : Dialect
        How its cells are told apart.

    Returns
    -------
    cells : list of str
        Unquoted, not stripped; what was read up to the error, where there is one.
    reason : str or None
        The first quote error from the left.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    if not quote:
        return line.split(delimiter), None
    cells: list[str] = []
    at = 0
    while True:
        if line.startswith(quote, at):
            cell, at, reason = _quoted(line, at + 1, dialect)
            if reason is not None:
                return cells, reason
        else:
            end = line.find(delimiter, at)
            end = len(line) if end < 0 else end
            cell = line[at:end]
            if quote in cell:
                return cells, QUOTE_IN_UNQUOTED
            at = end
        cells.append(cell)
        if at == len(line):
            return cells, None
        at += len(delimiter)


def _quoted(line: str, at: int, dialect: Dialect) -> tuple[str, int, str | None]:
    """Read on from behind an opening quote; returns the cell, where it ends, and what is wrong."""
    inside = _inside(dialect.quote).match(line, at)
    end = inside.end() if inside is not None else at
    if end == len(line):
        return "", end, UNCLOSED_QUOTE
    behind = end + 1
    if behind != len(line) and not line.startswith(dialect.delimiter, behind):
        return "", behind, TEXT_AFTER_QUOTE
    return line[at:end].replace(dialect.quote * 2, dialect.quote), behind, None


@cache
def _inside(quote: str) -> re.Pattern[str]:
    """Return what matches all between two quotes; possessive, for a line may be nothing but quotes."""
    letter = re.escape(quote)
    return re.compile(f"[^{letter}]*+(?:{letter}{letter}[^{letter}]*+)*+")


def damage(line: str, columns: int, dialect: Dialect = DEFAULT) -> str | None:
    """Return why a line is no row of ``columns`` cells, or None; a quote error is its only reason."""
    if not dialect.quote or dialect.quote not in line:  # counted, not made: a line may be nothing but delimiters
        return WRONG_CELL_COUNT if line.count(dialect.delimiter) + 1 != columns else None
    cells, reason = split_line(line, dialect)
    if reason is None and len(cells) != columns:
        return WRONG_CELL_COUNT
    return reason
