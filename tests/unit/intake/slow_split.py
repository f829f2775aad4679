"""A second reading of the dialect, one character at a time, to hold the fast one against."""

from __future__ import annotations


def slow_lines(text: str) -> list[tuple[int, str]]:
    """Return 1-based line numbers and texts of all lines that are not wholly empty."""
    has_line_feed = "\n" in text
    lines: list[str] = []
    current = ""
    for place, letter in enumerate(text):
        if has_line_feed:
            if letter == "\n":
                lines.append(current)
                current = ""
            elif letter == "\r" and text[place + 1 : place + 2] == "\n":
                continue
            else:
                current += letter
        elif letter == "\r":
            lines.append(current)
            current = ""
        else:
            current += letter
    lines.append(current)
    return [(number, line) for number, line in enumerate(lines, 1) if line]


def slow_row(line: str, columns: int) -> list[str] | str:  # noqa: C901, PLR0912 - one machine, in one place
    """Return the cells of a line, or the reason why it has none, by a machine of four states."""
    cells: list[str] = []
    cell = ""
    state = "start"
    for letter in line:
        if state == "start":
            if letter == '"':
                state = "quoted"
            elif letter == ",":
                cells.append(cell)
            else:
                cell, state = letter, "plain"
        elif state == "plain":
            if letter == '"':
                return "quote_in_unquoted"
            if letter == ",":
                cells.append(cell)
                cell, state = "", "start"
            else:
                cell += letter
        elif state == "quoted":
            if letter == '"':
                state = "closed"
            else:
                cell += letter
        elif letter == '"':  # closed: the second of a doubled quote
            cell += '"'
            state = "quoted"
        elif letter == ",":
            cells.append(cell)
            cell, state = "", "start"
        else:
            return "text_after_quote"
    if state == "quoted":
        return "unclosed_quote"
    cells.append(cell)
    return cells if len(cells) == columns else "wrong_cell_count"
