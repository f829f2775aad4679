"""The one writer of a book, and what it makes up for before it writes (SPEC 9)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from creditaudit.book.files import storage
from creditaudit.book.ground import check_ground
from creditaudit.book.layout import Book, held, point_latest, remove_partials
from creditaudit.book.rights import private
from creditaudit.book.rules_in_force import copy_rules
from creditaudit.book.tombstones import finish

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def writing(book: Book) -> Iterator[Book]:
    """Hold the book, with nothing left over of a killed run and every sealed removal done; yields it as it then is.

    Raises
    ------
    BookHeldError
        Another run holds it.
    UsageError
        Its file system cannot hold a book, or a night has a format that this program does not know.
    """
    with private(), held(book):
        with storage(book.nights):
            book.nights.mkdir(exist_ok=True)
        remove_partials(book)
        check_ground(book.nights)
        ready = Book(book.root)
        finish(ready)
        if ready.last is not None:
            point_latest(ready, ready.last)  # a run that died right after its commit did not come to these
            copy_rules(ready, ready.last)
        yield ready
