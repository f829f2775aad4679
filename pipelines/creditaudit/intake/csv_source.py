"""Text files as blocks of rows, as their profile reads them (SPEC 3.1)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.blocklines import Lines, lines_of, records_of
from creditaudit.intake.blocks import RowBlock, wanted_columns
from creditaudit.intake.cells import STRIPPED
from creditaudit.intake.decode import CR, LF, text_blocks
from creditaudit.intake.fixed import cut_line, split_fixed
from creditaudit.intake.lines import WRONG_CELL_COUNT, split_line
from creditaudit.intake.profile import DEFAULT_PROFILE
from creditaudit.intake.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.decode import Delivery
    from creditaudit.intake.profile import Profile


_AT_ONCE = 1 << 17

# A longer first line is no header; its cells, which are told apart in Python, would fill the memory.
_MAX_HEADER_BYTES = 1 << 20


class CsvSource:
    """One text file, read once in one encoding.

    Parameters
    ----------
    spec : TableSpec
        The feed.
    encoding : str
        Tried strictly.
    block_bytes : int
        Bytes read at a time.
    profile : Profile
        How the file is read.
    """

    def __init__(self, spec: TableSpec, encoding: str, block_bytes: int, profile: Profile = DEFAULT_PROFILE) -> None:
        self._spec = spec
        self._block_bytes = block_bytes
        self._profile = profile
        self.encoding = encoding
        self.unknown_columns: tuple[str, ...] = ()
        self.header: tuple[str, ...] = ()
        self._wanted: dict[str, int] = {}
        self._columns = 0
        self._filled = 0

    @property
    def counted(self) -> int | None:
        """Data rows that the decoded bytes hold, counted without the splitter; None where only it can know them."""
        return None if self._profile.dialect.multiline else self._filled - self._profile.has_header

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:
        """Yield the file's rows; see :meth:`unsplit`."""
        return (block() for block in self.unsplit(delivery, path))

    def unsplit(self, delivery: Delivery, path: Path) -> Iterator[Callable[[], RowBlock]]:
        """Yield the file's blocks before they are split, which any thread may do then by calling them.

        Raises
        ------
        NotThisEncodingError
            A byte does not decode.
        UnjudgedFileError
            The file as a whole cannot be read: no or a bad header, damaged gzip, a line without end.
        """
        line = row = 1
        empty = True
        if not self._profile.has_header:
            self._take_header(self._profile.source.columns or ())
        for found in line_blocks(self._counting(delivery, path), self._profile):
            lines, first = found, line
            empty = False
            line += lines.physical
            if not self._columns and len(lines.filled):
                self._read_header(lines.text(0), first + int(lines.numbers[0]))
                lines = lines.after_header()
                first = line - lines.physical
            if len(lines.filled):
                yield partial(self._block, lines, row, first)
                row += len(lines.filled)
        if empty:
            raise UnjudgedFileError("a file of zero bytes")
        if not self._columns:
            raise UnjudgedFileError("no header: the file holds nothing but line ends")

    def _counting(self, delivery: Delivery, path: Path) -> Iterator[tuple[bytes, bytes]]:
        """Pass decoded blocks on, and count their lines that are not empty."""
        for block, end in text_blocks(delivery, path, self.encoding, self._block_bytes):
            self._filled += filled_lines(block, end)
            yield block, end

    def _read_header(self, text: str, line: int) -> None:
        if len(text) > _MAX_HEADER_BYTES:
            raise UnjudgedFileError(f"line {line}: the header is longer than {_MAX_HEADER_BYTES} characters")
        widths = self._profile.source.widths
        if widths is None:
            cells, reason = split_line(text, self._profile.dialect)
        else:
            cut = cut_line(text, widths, self._profile.byte_encoding(self.encoding))
            cells, reason = cut or [], None if cut is not None else WRONG_CELL_COUNT
        if reason is not None:
            raise UnjudgedFileError(f"line {line}: the header cannot be split: {reason}")
        self._take_header([cell.strip(STRIPPED) for cell in cells])

    def _take_header(self, names: list[str] | tuple[str, ...]) -> None:
        self._wanted, self.unknown_columns = wanted_columns(self._spec, names, self._profile)
        self._columns = len(names)
        self.header = tuple(names)

    def _block(self, lines: Lines, row: int, line: int) -> RowBlock:
        widths = self._profile.source.widths
        if widths is None:
            found = split(lines, self._columns, self._wanted, self._profile.dialect)
        else:
            found = split_fixed(lines, widths, self._profile.byte_encoding(self.encoding), self._wanted)
        return RowBlock(row, lines.numbers + line, found.rows, found.cells, found.damaged, lines.texts)


def line_blocks(blocks: Iterator[tuple[bytes, bytes]], profile: Profile) -> Iterator[Lines]:
    """Find the lines of decoded blocks, or the records where those may hold line ends."""
    if not profile.dialect.multiline:
        for block, end in blocks:
            yield lines_of(block, end)
        return
    rest, end = b"", LF
    for block, end in blocks:
        found, rest = records_of(rest + block, end, profile.dialect, is_last=False)
        if found is not None:
            yield found
    if rest:
        found, _ = records_of(rest, end, profile.dialect, is_last=True)
        if found is not None:
            yield found


def filled_lines(block: bytes, end: bytes) -> int:
    """Count the lines of a block that are not wholly empty, by counting line ends.

    The splitter finds lines in another way; where the two disagree, nothing may be sealed.
    """
    if not block:  # a byte order mark alone
        return 0
    letters = np.frombuffer(block, dtype=np.uint8)
    has_pairs = end == LF and CR in block
    count = 0
    # Piece by piece, so that what is computed stays in the processor's cache; two letters before each are known.
    for at in range(0, len(block), _AT_ONCE):
        piece = letters[max(0, at - 2) : at + _AT_ONCE]
        ends = piece == ord(end)
        new = min(at, 2)
        blank = np.count_nonzero(ends[new:] & ends[new - 1 : -1]) if new else np.count_nonzero(ends[1:] & ends[:-1])
        if has_pairs:
            blank += np.count_nonzero(ends[2:] & (piece[1:-1] == ord(CR)) & ends[:-2])
        count += int(np.count_nonzero(ends[new:])) - int(blank)
    first = block.startswith((end, CR + LF) if has_pairs else end)
    return count - first + (not block.endswith(end))


def raw_rows(
    delivery: Delivery, path: Path, encoding: str, block_bytes: int, rows: list[int], *, profile: Profile
) -> list[str]:
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
    profile : Profile
        How the file is read.
    """
    found: list[str] = []
    wanted = np.array(rows, dtype=np.int64)
    passed = 0 if profile.has_header else 1  # rows before the block; a header is row 0
    for lines in line_blocks(text_blocks(delivery, path, encoding, block_bytes), profile):
        count = len(lines.filled)
        here = wanted[(wanted >= passed) & (wanted < passed + count)] - passed
        texts: pa.StringArray = lines.texts(here)
        found.extend(texts.to_pylist())
        passed += count
    return found
