"""A report file that is written part by part: of a big night no recipient's rows are held whole (SPEC 10.1, 10.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import write_bytes
from creditaudit.reports.editions import disputed
from creditaudit.reports.sheets import SheetColumn, csvw, header, lines

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.reports.recipients import Recipient

# What a file holds back before it is written on: many recipients get a few rows of each block.
_HELD = 1 << 16


class SheetFile:
    """A CSV file of a recipient and the metadata beside it.

    Parameters
    ----------
    folder : Path
        The recipient's, new tonight.
    name : str
    columns : tuple of SheetColumn
    recipient : Recipient
        How it reads.
    """

    def __init__(self, folder: Path, name: str, columns: tuple[SheetColumn, ...], recipient: Recipient) -> None:
        self._folder, self._name, self._columns, self._recipient = folder, name, columns, recipient
        self._held = header(columns, encoding=recipient.encoding, language=recipient.language)
        self._digest = hashlib.sha256()
        self._rows = 0
        self._is_begun = False
        self._disputed: dict[str, dict[str, Any]] = {}

    def add(self, cells: pa.Table) -> None:
        """Add rows, dressed, in final order."""
        self._held += lines(cells, self._columns, encoding=self._recipient.encoding)
        self._rows += cells.num_rows
        if self._recipient.encoding == "gb18030":
            for one in disputed(cells, [c.name for c in self._columns]):
                before = self._disputed.get(one["column"], {})
                counts = {name: n + before.get(name, 0) for name, n in one.items() if name != "column"}
                self._disputed[one["column"]] = {"column": one["column"], **counts}
        if len(self._held) > _HELD:
            self._write()

    def finished(self) -> dict[str, Any]:
        """Write what is left, and the metadata; returns what the manifest says of the file."""
        if self._held:
            self._write()
        recipient = self._recipient
        meta = csvw(self._name, self._columns, encoding=recipient.encoding, language=recipient.language)
        write_bytes(self._folder / f"{self._name}-metadata.json", meta)
        said = {"file": self._name, "rows": self._rows, "sha256": self._digest.hexdigest()}
        found = [self._disputed[c.name] for c in self._columns if c.name in self._disputed]
        return {**said, "disputed_characters": found} if found else said

    def _write(self) -> None:
        write_bytes(self._folder / self._name, self._held, goes_on=self._is_begun)
        self._is_begun = True
        self._digest.update(self._held)
        self._held = b""
