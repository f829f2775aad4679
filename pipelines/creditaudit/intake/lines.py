"""One line at a time, letter by letter: the exact reading of the dialect (SPEC 3.1).

Only lines that the fast path of :mod:`creditaudit.intake.split` finds damaged, headers, and blocks that it
cannot vouch for come here.
"""

from __future__ import annotations

DELIMITER, QUOTE = ",", '"'

QUOTE_IN_UNQUOTED = "quote_in_unquoted"
TEXT_AFTER_QUOTE = "text_after_quote"
UNCLOSED_QUOTE = "unclosed_quote"
WRONG_CELL_COUNT = "wrong_cell_count"


def split_line(line: str) -> tuple[list[str], str | None]:
    """Split one line into cells.

    Parameters
    ----------
    line : str
        Without its end.

    Returns
    -------
    cells : list of str
        Unquoted, not stripped; what was read up to the error, where there is one.
    reason : str or None
        The first quote error from the left.
    """
    cells: list[str] = []
    at = 0
    while True:
        if line.startswith(QUOTE, at):
            cell, at, reason = _quoted(line, at + 1)
            if reason is not None:
                return cells, reason
        else:
            end = line.find(DELIMITER, at)
            end = len(line) if end < 0 else end
            cell = line[at:end]
            if QUOTE in cell:
                return cells, QUOTE_IN_UNQUOTED
            at = end
        cells.append(cell)
        if at == len(line):
            return cells, None
        at += len(DELIMITER)


def _quoted(line: str, at: int) -> tuple[str, int, str | None]:
    """Read on from behind an opening quote; returns the cell, where it ends, and what is wrong."""
    parts: list[str] = []
    while True:
        quote = line.find(QUOTE, at)
        if quote < 0:
            return "", len(line), UNCLOSED_QUOTE
        parts.append(line[at:quote])
        at = quote + 1
        if line.startswith(QUOTE, at):
            parts.append(QUOTE)
            at += 1
        elif at == len(line) or line.startswith(DELIMITER, at):
            return "".join(parts), at, None
        else:
            return "", at, TEXT_AFTER_QUOTE


def damage(line: str, columns: int) -> str | None:
    """Return why a line is no row of ``columns`` cells, or None; a quote error is its only reason."""
    cells, reason = split_line(line)
    if reason is None and len(cells) != columns:
        return WRONG_CELL_COUNT
    return reason
