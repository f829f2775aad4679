"""A second reading of any dialect, one character at a time, to hold the fast one against (SPEC 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.intake.lines import Dialect

Read = tuple[int, str, "list[str] | str"]  # 1-based line, raw text, cells or reason


def physical_lines(text: str) -> list[tuple[str, str]]:
    """Return the lines of a text and what ends each; the last may lack its end."""
    has_line_feed = "\n" in text
    lines: list[tuple[str, str]] = []
    current, place = "", 0
    while place < len(text):
        for end in ("\r\n", "\n") if has_line_feed else ("\r",):
            if text.startswith(end, place):
                lines.append((current, end))
                current = ""
                place += len(end)
                break
        else:
            current += text[place]
            place += 1
    return [*lines, (current, "")] if current else lines


def cells_of(text: str, dialect: Dialect) -> list[str] | str:
    """Return the cells of a record, or the reason why it has none."""
    cells: list[str] = []
    cell, state, place = "", "start", 0
    while place < len(text):
        letter = text[place]
        is_delimiter = text.startswith(dialect.delimiter, place)
        is_quote = bool(dialect.quote) and letter == dialect.quote
        place += 1
        if state == "quoted":
            if is_quote:
                state = "closed"
            else:
                cell += letter
        elif state == "closed" and is_quote:
            cell += letter
            state = "quoted"
        elif is_delimiter:
            place += len(dialect.delimiter) - 1
            cells.append(cell)
            cell, state = "", "start"
        elif state == "closed":
            return "text_after_quote"
        elif is_quote:
            if state == "plain":
                return "quote_in_unquoted"
            state = "quoted"
        else:
            cell += letter
            state = "plain"
    return "unclosed_quote" if state == "quoted" else [*cells, cell]


def slow_records(text: str, columns: int, dialect: Dialect) -> list[Read]:
    """Read a text row by row."""
    lines = physical_lines(text)
    found: list[Read] = []
    place = 0
    while place < len(lines):
        raw = lines[place][0]
        if not raw:
            place += 1
            continue
        cells, taken = cells_of(raw, dialect), 1
        if dialect.multiline:
            record = raw
            while cells_of(record, dialect) == "unclosed_quote" and place + taken < len(lines):
                record += lines[place + taken - 1][1] + lines[place + taken][0]
                taken += 1
            whole = cells_of(record, dialect)
            if isinstance(whole, list):
                raw, cells = record, whole
            else:
                taken = 1
        wrong = "wrong_cell_count" if isinstance(cells, list) and len(cells) != columns else cells
        found.append((place + 1, raw, wrong))
        place += taken
    return found
