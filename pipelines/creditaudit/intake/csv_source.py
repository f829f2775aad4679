"""CSV files as blocks of rows (SPEC 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.blocks import RowBlock, wanted_columns
from creditaudit.intake.cells import STRIPPED
from creditaudit.intake.decode import text_blocks
from creditaudit.intake.lines import split_line
from creditaudit.intake.split import Lines, lines_of, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.decode import Delivery


class CsvSource:
    """One CSV file, read once in one encoding.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    encoding : str
        Tried strictly.
    block_bytes : int
        Bytes read at a time.
    """

    def __init__(self, spec: TableSpec, encoding: str, block_bytes: int) -> None:
        self._spec = spec
        self._block_bytes = block_bytes
        self.encoding = encoding
        self.unknown_columns: tuple[str, ...] = ()
        self._wanted: dict[str, int] = {}
        self._columns = 0

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:
        """Yield the file's rows.

        Raises
        ------
        NotThisEncodingError
            A byte does not decode.
        UnjudgedFileError
            The file as a whole cannot be read: no or a bad header, damaged gzip, a line without end.
        """
        line = row = 1
        empty = True
        for block, end in text_blocks(delivery, path, self.encoding, self._block_bytes):
            empty = False
            lines, first = lines_of(block, end), line
            line += lines.physical
            if not self._columns and len(lines.filled):
                self._read_header(lines.text(0), first + int(lines.filled[0]))
                first += int(lines.filled[0]) + 1
                lines = lines.after_header()
            if len(lines.filled):
                yield self._block(lines, row, first)
                row += len(lines.filled)
        if empty:
            raise UnjudgedFileError("a file of zero bytes")
        if not self._columns:
            raise UnjudgedFileError("no header: the file holds nothing but line ends")

    def _read_header(self, text: str, line: int) -> None:
        cells, reason = split_line(text)
        if reason is not None:
            raise UnjudgedFileError(f"line {line}: the header cannot be split: {reason}")
        self._wanted, self.unknown_columns = wanted_columns(self._spec, [cell.strip(STRIPPED) for cell in cells])
        self._columns = len(cells)

    def _block(self, lines: Lines, row: int, line: int) -> RowBlock:
        found = split(lines, self._columns, self._wanted)
        return RowBlock(row, lines.filled + line, found.rows, found.cells, found.damaged, lines.texts)


def raw_rows(delivery: Delivery, path: Path, encoding: str, block_bytes: int, rows: list[int]) -> list[str]:
    """Return the raw texts of data rows.

    Parameters
    ----------
    delivery : Delivery
        Opened anew.
    path : Path
        The same file.
    encoding : str
        The one in which it decodes.
    block_bytes : int
        Bytes read at a time.
    rows : list of int
        1-based data rows, ascending; rows that the file does not have are left out.
    """
    found: list[str] = []
    wanted = np.array(rows, dtype=np.int64)
    passed = 0  # rows before the block, the header among them: it is row 0
    for block, end in text_blocks(delivery, path, encoding, block_bytes):
        lines = lines_of(block, end)
        count = len(lines.filled)
        here = wanted[(wanted >= passed) & (wanted < passed + count)] - passed
        texts: pa.StringArray = lines.texts(here)
        found.extend(texts.to_pylist())
        passed += count
    return found
