"""Where things lie in a book, and who may write it (SPEC 9)."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import below, listed, storage, sync
from creditaudit.errors import BookBrokenError, BookHeldError, UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

MANIFEST = "manifest.json"
# What a manifest may say; see creditaudit.book.upgrade for what each number means. Older ones are read as they are.
FORMAT = 3
OLDEST_FORMAT = 1


@dataclass(frozen=True)
class Book:
    """A book as its last sealed night left it.

    Parameters
    ----------
    root : Path
        The directory; :func:`open_book` checks it.
    until : date or None
        As the book was after this night; None: as it is.
    instead : mapping of (date, str) to Path or None
        Files of sealed nights, by night and path, that a removal of tonight replaces: what is read in their place
        until it is done; None: nothing.
    recalled : frozenset of str
        Feeds whose rows in force a recall of the night that is being written changes: the engine has the keys that it
        speaks of as ``recalled_keys_<feed>``, and what is in force of them instead as ``restored_<feed>``.
    restated : mapping of str to pyarrow.Table
        Other tables of the state that such a recall changes, each with all its rows before tonight.
    read : dict
        Manifests that were read, by night. Looks at one book share it: a sealed night does not change.
    """

    root: Path
    until: date | None = None
    instead: Mapping[tuple[date, str], Path | None] = field(default_factory=dict, compare=False)
    recalled: frozenset[str] = frozenset()
    restated: Mapping[str, pa.Table] = field(default_factory=dict, compare=False)
    read: dict[date, dict[str, Any]] = field(default_factory=dict, compare=False, repr=False)

    def then(self, night: date | None) -> Book:
        """Return the book as it was after a night; None: as it is."""
        return Book(self.root, until=night, read=self.read)

    @property
    def nights(self) -> Path:
        """Folder of the sealed nights."""
        return self.root / "nights"

    @property
    def reference(self) -> Path:
        """Folder of the reference tables that the next night copies."""
        return self.root / "reference"

    @property
    def inbox(self) -> Path:
        """Folder of what people decided between nights."""
        return self.root / "inbox"

    @cached_property
    def sealed(self) -> tuple[date, ...]:
        """Sealed nights in date order."""
        if not self.nights.is_dir():
            return ()
        found = (night_of(p.name) for p in listed(self.nights) if p.is_dir())
        return tuple(sorted(n for n in found if n is not None and (self.until is None or n <= self.until)))

    @property
    def last(self) -> date | None:
        """The last sealed night; None in a book without one."""
        return self.sealed[-1] if self.sealed else None

    def folder(self, night: date) -> Path:
        """Folder of a sealed night."""
        return self.nights / night.isoformat()

    def partial(self, night: date) -> Path:
        """Folder in which a night is written before it is sealed."""
        return self.unfinished(night.isoformat())

    def unfinished(self, name: str) -> Path:
        """Where the writer prepares what a rename then puts in place; the next writer removes what is left there."""
        return self.nights / f".{name}.partial"

    def part(self, night: date, name: str) -> Path | None:
        """Where a file of a sealed night is read from; None: it goes."""
        return self.instead.get((night, name), self.folder(night) / name)

    def parts(self, night: date, name: str) -> list[Path]:
        """Return the files of a folder of a sealed night, by their names there; none where there is no folder."""
        found = (self.part(night, f"{name}/{path.name}") for path in listed(self.folder(night) / name))
        return [path for path in found if path is not None]

    @cached_property
    def manifests(self) -> dict[date, dict[str, Any]]:
        """Manifest of every sealed night, in date order."""
        for night in self.sealed:
            if night not in self.read:
                self.read[night] = read_manifest(self.folder(night))
        return {night: self.read[night] for night in self.sealed}

    @cached_property
    def whole(self) -> Book:
        """The same book as it is now: what was removed since a night is known only there."""
        return self if self.until is None else Book(self.root, read=self.read)


def night_of(name: str) -> date | None:
    """Return the date that a folder name is, or None."""
    try:
        night = date.fromisoformat(name)
    except ValueError:
        return None
    return night if night.isoformat() == name else None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a night's folder.

    Raises
    ------
    BookBrokenError
        It is missing or no JSON object.
    UsageError
        Its format is not one that this program knows.
    """
    content = manifest_content(folder)
    if not OLDEST_FORMAT <= content["format"] <= FORMAT:
        raise unknown_format(folder, content["format"])
    return content


def manifest_content(folder: Path) -> dict[str, Any]:
    """Read a manifest whatever its format; ``format`` is a whole number.

    Raises
    ------
    BookBrokenError
        It is missing or no JSON object.
    """
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = isinstance(content["format"], int) and not isinstance(content["format"], bool)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(path, type(error).__name__) from error
    if not known:
        raise _unreadable(path, "its format is no number")
    return content


def unknown_format(folder: Path, version: int) -> UsageError:
    """Return the refusal of a night that a newer program sealed, or none that is known."""
    if version > FORMAT:
        next_step = "use the program version that the manifest names, or a newer one"
    else:
        next_step = (
            "run `creditaudit verify` with the key, and restore the night from a backup if its seal does not fit"
        )
    return UsageError(
        "a sealed night cannot be read",
        why=f"it has book format {version}; this program reads {OLDEST_FORMAT} to {FORMAT}",
        next_step=next_step,
        where=Where(str(folder / MANIFEST)),
    )


def _unreadable(path: Path, why: str) -> BookBrokenError:
    return BookBrokenError(
        "a sealed night cannot be read",
        why=f"its manifest is missing or damaged ({why})",
        next_step="run `creditaudit verify`, and restore the night from a backup",
        where=Where(str(path)),
    )


def open_book(root: Path) -> Book:
    """Open a book for reading or writing.

    Raises
    ------
    UsageError
        There is no such directory, or it is something else than a book.
    """
    if not (root / "reference").is_dir():
        raise UsageError(
            "there is no such book",
            why="the directory is not a book: it has no reference/"
            if root.is_dir()
            else "the directory does not exist",
            next_step=f"run `creditaudit init {root}`, or name the right directory",
            where=Where(str(root)),
        )
    return Book(root)


@contextmanager
def held(book: Book) -> Iterator[None]:
    """Hold the book as its one writer; a killed writer frees it.

    Raises
    ------
    BookHeldError
        Another run holds it.
    """
    path = book.root / ".lock"
    with storage(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BookHeldError(
                "another run holds the book",
                why="a night is being written; readers are not disturbed",
                next_step="wait until it ends and run the same command again",
                where=Where(str(book.root)),
            ) from error
        except OSError as error:
            raise UsageError(
                "the book cannot be written here",
                why=f"its file system has no locks ({error.strerror}), so two writers would not see each other",
                next_step="keep the book on a local POSIX file system; publish copies of it elsewhere",
                where=Where(str(book.root)),
            ) from error
        yield
    finally:
        os.close(handle)


def remove_partials(book: Book) -> None:
    """Remove what a killed or refused run left behind; nothing sealed ever lies there."""
    for leftover in listed(book.nights):
        if not (leftover.name.startswith(".") and leftover.name.endswith(".partial")):
            continue
        with storage(leftover):
            shutil.rmtree(leftover) if leftover.is_dir() and not leftover.is_symlink() else leftover.unlink()


def commit(book: Book, night: date) -> None:
    """Make a finished night visible by one rename, then point ``latest`` at it."""
    folder = book.partial(night)
    for path in below(folder):
        sync(path)
    sync(folder)
    with storage(folder):
        folder.rename(book.folder(night))
    sync(book.nights)
    point_latest(book, night)


def point_latest(book: Book, night: date) -> None:
    """Point ``latest`` at a sealed night, in one step."""
    target = f"nights/{night.isoformat()}"
    link = book.root / "latest"
    with storage(link):
        if link.is_symlink() and str(link.readlink()) == target:
            return
        fresh = book.unfinished("latest")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    sync(book.root)
