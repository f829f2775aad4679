"""A new book: its folders, the shipped reference tables, and a configuration beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from creditaudit.book.files import place_bytes, storage
from creditaudit.book.ground import check_ground
from creditaudit.book.layout import Book, held
from creditaudit.book.reference import OPTIONAL, TABLES, write_shipped
from creditaudit.book.rights import private
from creditaudit.errors import CreditAuditError, UsageError, Where
from creditaudit.settings import CONFIG_NAME

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION = """\
# Configuration of creditaudit for the book beside this file. Unknown keys are refused.

[mandate]
# Who asked for this audit, and on what basis. It stands in every manifest; without it no night is sealed.
text = {mandate}

[engine]
# How much of this machine a night may use. Changes no result.
threads = 2
memory_limit = "1440MiB"

[contract]
# A file with a larger share of bad rows is refused as a whole (files under 50 rows never).
max_quarantine_share = 0.20

# A night without an expected feed is sealed as degraded (exit 5).
[feeds.accounts]
expected = true

[feeds.invalid_cards]
expected = true

[feeds.loss_reports]
expected = true
"""
DEFAULT_MANDATE = "No mandate has been recorded yet. 尚未登记授权依据。"


@private()
def init_book(root: Path, *, mandate: str | None, reference: Path | None) -> tuple[list[str], Path, bool]:
    """Make a book, or complete one; nothing that exists is changed.

    Parameters
    ----------
    root : Path
        Directory of the book.
    mandate : str or None
        Text for the configuration; None: a placeholder that says so.
    reference : Path or None
        Folder with reference tables to take instead of the shipped ones.

    Returns
    -------
    tuple
        Names of the reference tables written, the configuration file, whether it was written now.

    Raises
    ------
    UsageError
        The directory holds something else, ``reference`` has no table, or the file system cannot hold a book.
    """
    if _is_foreign(root) or (root.exists() and not root.is_dir()):
        raise UsageError(
            "no book was made",
            why="the path exists and is not a book",
            next_step="name an empty or new directory",
            where=Where(str(root)),
        )
    book = Book(root)
    if not book.reference.is_dir():  # a book that is there may have a writer just now
        _try_ground(book)
    with storage(root):
        for folder in (book.root, book.nights, book.reference, book.inbox):
            folder.mkdir(parents=True, exist_ok=True)
    taken = _take(book, reference) if reference is not None else []
    written = taken + write_shipped(book)
    config = root.absolute().parent / CONFIG_NAME
    is_new = not config.exists()
    if is_new:
        # A JSON string is a TOML string, but for DEL, which TOML wants escaped too.
        text = json.dumps(mandate or DEFAULT_MANDATE, ensure_ascii=False).replace("\x7f", "\\u007f")
        place_bytes(config, _CONFIGURATION.format(mandate=text).encode())
    return written, config, is_new


def _is_foreign(root: Path) -> bool:
    """Say whether a directory holds something that is no book, nor what is left of making one that was cut short."""
    if not root.is_dir() or (root / "reference").is_dir():
        return False
    nights = root / "nights"
    begun = {"nights", ".lock"}
    return any(path.name not in begun for path in root.iterdir()) or (
        nights.is_dir() and any(not path.name.startswith(".") for path in nights.iterdir())
    )


def _try_ground(book: Book) -> None:
    """Refuse a place where no book can lie, and leave nothing there."""
    was_there = book.root.is_dir()
    with storage(book.root):
        book.nights.mkdir(parents=True, exist_ok=True)
    try:
        with held(book):
            check_ground(book.nights)
        left = None
    except CreditAuditError as error:
        left = error
    with storage(book.root):  # nobody can hold a book that is none yet
        (book.root / ".lock").unlink(missing_ok=True)
        if left is not None:
            book.nights.rmdir()
            if not was_there:
                book.root.rmdir()
            raise left


def _take(book: Book, reference: Path) -> list[str]:
    found = [table for table in (*TABLES, *OPTIONAL) if (reference / f"{table}.csv").is_file()]
    if not found:
        raise UsageError(
            "no book was made",
            why=f"there is no reference table ({', '.join(TABLES)}) in the folder",
            next_step="name a folder with CSV files of these names",
            where=Where(str(reference)),
        )
    taken = [table for table in found if not (book.reference / f"{table}.csv").exists()]
    for table in taken:
        with storage(reference):
            place_bytes(book.reference / f"{table}.csv", (reference / f"{table}.csv").read_bytes())
    return taken
