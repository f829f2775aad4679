"""What the numbers of the book's format mean, and how a book of an older program is brought up to date (SPEC 9).

A sealed night is never changed, so a night of an older format stays as it is and is read as what it is. What can be
brought up to date lies outside the chain: folders, reference tables, ``latest``, the copy of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.book.files import storage
from creditaudit.book.layout import FORMAT, open_book
from creditaudit.book.reference import write_shipped
from creditaudit.book.rules_in_force import copy_rules
from creditaudit.book.tombstones import unfinished
from creditaudit.book.writer import writing

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

# Format to what a manifest of it does not say, and how that is read. One line for every format that ever was.
FORMATS: dict[int, str] = {
    1: "no removals: nothing was ever removed; state tables that came later are read as empty",
    2: "no corrections: no case was answered, none proven, and no account left out of judgment; tables that came later"
    " are read as empty",
    3: "as this program writes it",
}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade found and did.

    Parameters
    ----------
    formats : dict
        Format to the nights of it, as (first, last, how many).
    tables : tuple of str
        Reference tables that were written: the shipped ones.
    removed : int
        Files that a sealed tombstone named and that were still there.
    """

    formats: dict[int, tuple[date, date, int]]
    tables: tuple[str, ...]
    removed: int

    @property
    def is_current(self) -> bool:
        """Whether the next night continues the format of the last."""
        return not self.formats or max(self.formats) == FORMAT


def upgrade(root: Path) -> Upgraded:
    """Bring a book up to date with this program; what is up to date is not touched.

    Parameters
    ----------
    root : Path
        Directory of the book.

    Raises
    ------
    UsageError
        A night has a format that this program does not know.
    BookHeldError
        A run holds the book.
    """
    before = open_book(root)
    removed = unfinished(before)  # reads every manifest: an unknown format is refused before anything is touched
    with writing(before) as book:
        with storage(root):
            book.inbox.mkdir(exist_ok=True)
        tables = tuple(write_shipped(book))
        if book.last is not None:
            copy_rules(book, book.last)
    nights: dict[int, list[date]] = {}
    for night, manifest in book.manifests.items():
        nights.setdefault(manifest["format"], []).append(night)
    found = {version: (listed[0], listed[-1], len(listed)) for version, listed in sorted(nights.items())}
    return Upgraded(found, tables, removed)
