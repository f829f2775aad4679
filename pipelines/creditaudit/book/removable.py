"""The files of sealed nights from which something can be removed: typed rows, rows in force, raw texts (SPEC 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.book.files import sha256_of
from creditaudit.book.tombstones import KEPT, REMOVABLE, Content, last_word
from creditaudit.errors import BookBrokenError, Where

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book


@dataclass(frozen=True, slots=True)
class Removable:
    """A file that is there, and that a tombstone may name.

    Parameters
    ----------
    night : date
        The night that it belongs to.
    name : str
        Path in that night's folder.
    content : Content
        Its bytes: as sealed, or as the last tombstone left them.
    """

    night: date
    name: str
    content: Content

    @property
    def key(self) -> tuple[date, str]:
        """What names the file in a book."""
        return self.night, self.name

    def path(self, book: Book) -> Path:
        """Where it lies."""
        return book.folder(self.night) / self.name

    @property
    def _place(self) -> tuple[str, ...]:
        """Parts of the path; rows kept of an older night are read as what they were there."""
        parts = tuple(self.name.split("/"))
        while parts[0] == KEPT:
            parts = parts[2:]
        return parts

    @property
    def table(self) -> str:
        """The feed, or the table of the state."""
        return self._place[1].removesuffix(".parquet")

    @property
    def is_state(self) -> bool:
        """Whether it holds rows in force, or changes of them."""
        return self._place[0] == "state"

    @property
    def is_typed(self) -> bool:
        """Whether it holds typed rows as delivered."""
        return self._place[0] == "intake"


def removable(book: Book) -> list[Removable]:
    """Return every such file of the sealed nights, by night and path."""
    said = last_word(book)
    found = []
    for night in book.sealed:
        for entry in book.manifests[night]["files"]:
            name = entry["path"]
            if name.split("/")[0] in REMOVABLE:
                word = said.get((night, name))
                content = Content(entry["bytes"], entry["sha256"]) if word is None else word.new
                if content is not None:
                    found.append(Removable(night, name, content))
    return found


def check_sealed(book: Book, file: Removable) -> None:
    """Refuse to remove from a file that is not the one that was sealed: the traces of a change must not be lost."""
    path = file.path(book)
    if sha256_of(path) != file.content.sha256:
        raise BookBrokenError(
            "a file cannot be removed",
            why="it is not the one that was sealed",
            next_step="run `creditaudit verify`, and restore the night from a backup",
            where=Where(str(path)),
        )
