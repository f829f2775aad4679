"""A file of answers as cells, whichever way a spreadsheet saved it (SPEC 8.2).

What is read: UTF-8 with or without byte order mark, GB18030 (and so GBK), UTF-16 with one; commas, semicolons or tabs,
told by the header alone; line ends of every kind, and inside quotes, too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.cases.answer_file import known_columns, missing_columns
from creditaudit.errors import UsageError, Where
from creditaudit.intake.blocklines import Lines, records_of
from creditaudit.intake.cells import STRIPPED, cells_of
from creditaudit.intake.csv_source import line_blocks
from creditaudit.intake.decode import BLOCK_BYTES, BYTE_ORDER_MARK, CR, LF, from_gb18030, is_utf8
from creditaudit.intake.lines import WRONG_CELL_COUNT, Dialect, split_line
from creditaudit.intake.profile import Profile
from creditaudit.intake.split import split
from creditaudit.reports.sheets import plain
from creditaudit.source_settings import EVERY_COLUMN, SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DELIMITERS = (",", "\t", ";")
_WORKBOOKS = {b"PK\x03\x04": "an .xlsx workbook", b"\xd0\xcf\x11\xe0": "an .xls workbook"}
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_TOLD_DELIMITER = b"sep="
# A file is held a few times over while it is cut; answers to a million cases come to less than half of this.
_LARGEST = 256 << 20


@dataclass(frozen=True)
class AnswerSheet:
    """The cells of an answer file.

    Parameters
    ----------
    sha256 : str
        Of the bytes that were handed in.
    encoding : str
    header : tuple of str
        As written, stripped.
    places : dict of str to int
        Place in the header of each known column.
    cells : tuple of pyarrow.ChunkedArray of string
        One per column of the header: the cells of the rows that split, as they were before a spreadsheet's quote mark.
    rows : pyarrow.Array of int64
        1-based data row of each.
    damaged : dict of int to tuple of str
        Data rows that did not split: what is wrong (a code), and the raw text.
    """

    sha256: str
    encoding: str
    header: tuple[str, ...]
    places: Mapping[str, int]
    cells: tuple[pa.ChunkedArray, ...]
    rows: pa.Array
    damaged: Mapping[int, tuple[str, str]]

    def known(self) -> dict[str, pa.ChunkedArray]:
        """Return the known columns, stripped; NULL is empty."""
        return {name: pa.chunked_array([cells_of(self.cells[place]).array]) for name, place in self.places.items()}


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file that was handed in."""
    return hashlib.sha256(_bytes(file)).hexdigest()


def read_sheet(file: Path) -> AnswerSheet:
    """Read a file of answers.

    Raises
    ------
    UsageError
        It cannot be read as a whole: not there, empty, a workbook, no known encoding, or no header with the required
        columns.
    """
    content = _bytes(file)
    text, encoding = _decoded(file, content)
    end = LF if LF in text else CR
    dialect, header, places = _opened(file, text, end)
    cells: list[list[pa.Array]] = [[] for _ in header]
    numbers: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    damaged: dict[int, tuple[str, str]] = {}
    wanted = {str(place): place for place in range(len(header))}
    row = 1
    for nth, lines in enumerate(line_blocks(_blocks(text, end), _profile(dialect))):
        rest = lines.after_header() if nth == 0 else lines
        if not len(rest.filled):
            continue
        found = split(_padded(rest, len(header), dialect), len(header), wanted, dialect)
        numbers.append(found.rows + row)
        for column, (_, array) in zip(cells, found.cells.items(), strict=True):
            column.append(_unmarked(array))
        for at, reason in found.damaged.items():
            code = WRONG_CELL_COUNT if reason == WRONG_CELL_COUNT else "bad_quotes"
            damaged[at + row] = code, rest.text(at)
        row += len(rest.filled)
    return AnswerSheet(
        hashlib.sha256(content).hexdigest(),
        encoding,
        header,
        places,
        tuple(pa.chunked_array(column, pa.string()) for column in cells),
        pa.array(np.concatenate(numbers) if numbers else [], pa.int64()),
        damaged,
    )


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise _unreadable(file, error.strerror or type(error).__name__) from error
    if len(content) > _LARGEST:
        raise _unreadable(file, f"it is larger than {_LARGEST >> 20} MiB", "hand its rows in as several files")
    return content


def _decoded(file: Path, content: bytes) -> tuple[bytes, str]:
    """Return the text as UTF-8, from the first line that is not empty, and its encoding."""
    for magic, kind in _WORKBOOKS.items():
        if content.startswith(magic):
            raise _unreadable(file, f"it is {kind}, no text", "open it and save it as CSV UTF-8")
    wide = _UTF16.get(content[:2])
    if wide is not None:
        encoding = "utf-16"
        try:
            text = content[2:].decode(wide).encode()
        except UnicodeError as error:
            raise _unreadable(file, "its byte order mark says UTF-16, and it is not") from error
    elif is_utf8(content):
        encoding, text = "utf-8", content.removeprefix(BYTE_ORDER_MARK)
    else:
        encoding = "gb18030"
        text = _from_chinese(file, content).removeprefix(BYTE_ORDER_MARK)
    if b"\0" in text:
        raise _unreadable(file, "it holds characters that no text has", "save it as CSV UTF-8")
    text = text.lstrip(CR + LF)
    if text[: len(_TOLD_DELIMITER)].lower() == _TOLD_DELIMITER:  # a line for the spreadsheet alone
        text = text[min((at for at in (text.find(CR), text.find(LF)) if at >= 0), default=len(text)) :].lstrip(CR + LF)
    if not text:
        raise _unreadable(file, "it is empty")
    return text, encoding


def _from_chinese(file: Path, content: bytes) -> bytes:
    """Decode GB18030 piece by piece: no character of it has a line end's byte inside."""
    pieces: list[bytes] = []
    passed = 0
    for block, _ in _blocks(content, LF if LF in content else CR):
        try:
            pieces.append(from_gb18030(block))
        except UnicodeDecodeError as error:
            why = f"it is neither UTF-8, GB18030 nor UTF-16 (byte {passed + error.start})"
            raise _unreadable(file, why) from error
        passed += len(block)
    return b"".join(pieces)


def _opened(file: Path, text: bytes, end: bytes) -> tuple[Dialect, tuple[str, ...], dict[str, int]]:
    """Find the one way of cutting the header in which it has every required column."""
    block, _ = next(_blocks(text, end))
    seen = []
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, multiline=True)
        lines, _ = records_of(block, end, dialect, is_last=True)
        cells, reason = split_line(lines.text(0), dialect) if lines is not None and len(lines.filled) else ([], None)
        if reason is None:
            header = tuple(cell.strip(STRIPPED) for cell in cells)
            places, doubled = known_columns(header)
            seen.append((len(places), dialect, header, places, doubled))
    whole = [one for one in seen if not missing_columns(one[3])]
    if len(whole) == 1:
        _, dialect, header, places, doubled = whole[0]
        if doubled:
            raise _unreadable(file, f"its header names {', '.join(doubled)} more than once", column=doubled[0])
        return dialect, header, places
    best = max(seen, key=lambda one: one[0], default=None)
    if best is None:
        raise _unreadable(file, "its header cannot be split")
    lacking = missing_columns(best[3])
    raise _unreadable(file, f"its header lacks {', '.join(lacking)}", column=lacking[0])


def _blocks(text: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cut a text behind line ends."""
    at = 0
    while at < len(text):
        stop = text.rfind(end, at, at + BLOCK_BYTES) + 1
        if not stop:
            stop = text.find(end, at) + 1 or len(text)
        yield text[at:stop], end
        at = stop


def _profile(dialect: Dialect) -> Profile:
    settings = SourceSettings(feed=EVERY_COLUMN, files=EVERY_COLUMN, delimiter=dialect.delimiter, multiline=True)
    return Profile("answers", settings)


def _padded(lines: Lines, columns: int, dialect: Dialect) -> Lines:
    """Give rows that are too short their last cells back, empty.

    A spreadsheet may leave out the delimiters behind the last filled cell of a row. Rows with an odd number of quotes
    are left alone.
    """
    data = lines.data
    is_delimiter, is_quote = data == ord(dialect.delimiter), data == ord(dialect.quote)
    heads = lines.starts[:-1]
    odd = np.zeros(len(heads), dtype=bool)
    if is_quote.any():
        quotes = np.concatenate([[0], np.cumsum(is_quote)])
        within = quotes[1:] - np.repeat(quotes[heads], np.diff(lines.starts))
        is_delimiter &= (within & 1) == 0
        odd = (np.add.reduceat(is_quote, heads, dtype=np.int64) & 1).astype(bool)
    lacking = columns - 1 - np.add.reduceat(is_delimiter, heads, dtype=np.int64)
    lacking[odd | (np.diff(lines.starts) <= 1)] = 0
    lacking = np.maximum(lacking, 0)
    if not lacking.any():
        return lines
    places = np.repeat(lines.starts[1:] - 1, lacking)  # before the LF of each
    longer = np.insert(data, places, np.uint8(ord(dialect.delimiter)))
    starts = lines.starts + np.concatenate([[0], np.cumsum(lacking)])
    content = longer.tobytes()
    return Lines(content, np.frombuffer(content, dtype=np.uint8), starts, lines.filled, lines.heights, lines.end)


def _unmarked(cells: pa.StringArray) -> pa.Array:
    """Take off the quote marks that keep a spreadsheet from running or mangling a cell."""
    marked = pc.starts_with(cells, "'")
    if not pc.any(marked).as_py():
        return cells
    return pc.replace_with_mask(cells, marked, pa.array(map(plain, cells.filter(marked).to_pylist()), pa.string()))


def _unreadable(
    file: Path,
    why: str,
    next_step: str = "take the sheet that was sent, add the columns of the answer, and save it as CSV UTF-8",
    *,
    column: str | None = None,
) -> UsageError:
    return UsageError("the answers cannot be read", why=why, next_step=next_step, where=Where(str(file), column=column))
