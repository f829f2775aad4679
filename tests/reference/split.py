"""From bytes to rows of text cells (SPEC 3.1)."""

from __future__ import annotations

import gzip
import zlib
from typing import NamedTuple

STRIPPED = " \t\u00a0\u3000"


class RefusedFileError(Exception):
    """The file is refused (SPEC 3.4, tier 1); the message is the reason."""


class SplitLine(NamedTuple):
    """A line that is a row: its cells, or the reason why it has none."""

    line: int
    text: str
    cells: list[str] | None
    reason: str | None


def unpack(name: str, delivered: bytes) -> bytes:
    """Take a file out of gzip where its name says so."""
    if not name.endswith(".gz"):
        return delivered
    try:
        return gzip.decompress(delivered)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"not gzip: {error}") from error


def decode(content: bytes) -> tuple[str, str]:
    """Strict trial: UTF-8, then GB18030; a leading U+FEFF is dropped. Returns text and encoding."""
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        try:
            text, encoding = content.decode("gb18030"), "gb18030"
        except UnicodeDecodeError as error:
            raise RefusedFileError(f"does not decode: byte {error.start}") from error
    return text.removeprefix("\ufeff"), encoding


def lines_of(text: str) -> list[str]:
    """A line ends at LF or CRLF; at CR in a file that has no LF; nowhere else (not str.splitlines)."""
    if "\n" not in text:
        return text.split("\r")
    *ended, last = text.split("\n")
    # Only the CR just before an LF is part of the line's end; the last piece was ended by nothing.
    return [line.removesuffix("\r") for line in ended] + [last]


def cells_of(line: str) -> tuple[list[str] | None, str | None]:
    """Split one line at commas; returns the stripped cells, or the first quote error from the left."""
    cells: list[str] = []
    position = 0
    while True:
        if line.startswith('"', position):
            cell, position, reason = _quoted(line, position + 1)
            if reason is not None:
                return None, reason
        else:
            end = line.find(",", position)
            end = len(line) if end < 0 else end
            cell = line[position:end]
            position = end
            if '"' in cell:
                return None, "quote_in_unquoted"
        cells.append(cell.strip(STRIPPED))
        if position == len(line):
            return cells, None
        position += 1  # over the comma


def _quoted(line: str, position: int) -> tuple[str, int, str | None]:
    """Read a quoted cell from behind its opening quote to the comma or the end of the line."""
    parts: list[str] = []
    while True:
        quote = line.find('"', position)
        if quote < 0:
            return "", len(line), "unclosed_quote"
        parts.append(line[position:quote])
        if line.startswith('"', quote + 1):
            parts.append('"')
            position = quote + 2
            continue
        after = quote + 1
        if after < len(line) and line[after] != ",":
            return "", after, "text_after_quote"
        return "".join(parts), after, None


def split(text: str) -> tuple[list[str], list[SplitLine]]:
    """Return the header's names and every line that is a row; a wholly empty line is none."""
    header: list[str] | None = None
    rows: list[SplitLine] = []
    for number, line in enumerate(lines_of(text), start=1):
        if line == "":
            continue
        cells, reason = cells_of(line)
        if header is None:
            if cells is None:
                raise RefusedFileError(f"the header cannot be split: {reason}")
            header = cells
        elif cells is not None and len(cells) != len(header):
            rows.append(SplitLine(number, line, None, "wrong_cell_count"))
        else:
            rows.append(SplitLine(number, line, cells, reason))
    if header is None:
        raise RefusedFileError("no header")
    return header, rows
