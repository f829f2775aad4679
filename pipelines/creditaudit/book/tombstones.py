"""Removal, the one change of a sealed night: what a sealed tombstone names goes, and nothing else (SPEC 9).

A tombstone stands in the manifest of the night that took the decision (``removals``). It names every file that goes or
is written anew with fewer rows, with its bytes before and after. The rows that stay are sealed with the tombstone, in
``kept/<night>/<path>`` of the same night: so the files can be changed after that night is sealed, at any later time and
by any later version of the program, and every step of it leaves the old or the new bytes.

A tombstone of an erasure names entries of the inbox, too, that hold rows of the person and that a sealed night took.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import sha256_of, storage, sync
from creditaudit.book.layout import MANIFEST, Book, night_of
from creditaudit.errors import BookBrokenError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KEPT = "kept"
PRUNE, ERASE = "prune", "erase"
# The only folders of a night from which something can be removed: typed rows, and the quarantine's raw text.
REMOVABLE = ("intake", "state", "quarantine", KEPT)
_WORKSHOP = ".removal.partial"
_ENTRY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{64}\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of a file: how many, and their SHA-256."""

    size: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the entry for the manifest."""
        return {"bytes": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class RemovedFile:
    """One file of a sealed night that a tombstone names.

    Parameters
    ----------
    night : date
        The night that it belongs to.
    path : str
        In that night's folder.
    rows, rows_kept : int
        Rows before and after.
    emptied : int
        Cells that were emptied in the rows that stay.
    old : Content
    new : Content or None
        None: the file goes as a whole.
    sealed_in : date
        The night that holds the tombstone, and the rows that stay.
    """

    night: date
    path: str
    rows: int
    rows_kept: int
    old: Content
    new: Content | None
    sealed_in: date
    emptied: int = 0

    @property
    def key(self) -> tuple[date, str]:
        """What names the file in a book."""
        return self.night, self.path

    @property
    def kept_path(self) -> str:
        """Where the rows that stay lie, in the night that holds the tombstone."""
        return f"{KEPT}/{self.night.isoformat()}/{self.path}"

    def as_dict(self) -> dict[str, Any]:
        """Return the entry for the manifest."""
        return {
            "night": self.night.isoformat(),
            "path": self.path,
            "rows": self.rows,
            "rows_kept": self.rows_kept,
            **({"emptied": self.emptied} if self.emptied else {}),
            "old": self.old.as_dict(),
            "new": None if self.new is None else self.new.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What one decision removed.

    Parameters
    ----------
    sealed_in : date
        The night that holds it.
    kind : str
        ``prune`` or ``erase``.
    entry : str
        The decision in the inbox; of several erasures of one night all, joined by ``;``.
    by, reason : str
        Who decided, and why; joined likewise.
    decided_on, before : date
        When; nights before ``before`` gave up their rows.
    files : tuple of RemovedFile
        By night and path.
    inbox : tuple of (str, Content)
        Entries of the inbox that go, by name.
    persons : int
        How many persons were erased.
    """

    sealed_in: date
    kind: str
    entry: str
    by: str
    reason: str
    decided_on: date
    before: date
    files: tuple[RemovedFile, ...]
    inbox: tuple[tuple[str, Content], ...] = ()
    persons: int = 0

    def __str__(self) -> str:
        rows = sum(f.rows - f.rows_kept for f in self.files)
        if self.kind == ERASE:
            cells, noun = sum(f.emptied for f in self.files), "person" if self.persons == 1 else "persons"
            return (
                f"{self.persons} {noun} erased by decision of {self.by} on {self.decided_on} ({self.reason}):"
                f" {len(self.files)} files of nights before {self.before} lose {rows} rows, {cells} cells are emptied,"
                f" {len(self.inbox)} entries of the inbox go; tables, pages and reports that were sealed keep the"
                " tokens and masks that they have"
            )
        return (
            f"removed by decision of {self.by} on {self.decided_on} ({self.reason}): {len(self.files)} files of nights"
            f" before {self.before} go or lose rows, {rows} rows in all; what cases rest on stays"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the entry for the manifest."""
        return {
            "kind": self.kind,
            "entry": self.entry,
            "by": self.by,
            "reason": self.reason,
            "decided_on": self.decided_on.isoformat(),
            "before": self.before.isoformat(),
            "files": [f.as_dict() for f in self.files],
            **({"inbox": [{"file": name, **old.as_dict()} for name, old in self.inbox]} if self.inbox else {}),
            **({"persons": self.persons} if self.kind == ERASE else {}),
        }


def tombstones(book: Book) -> tuple[Tombstone, ...]:
    """Return the tombstones of all sealed nights, in the order in which they were sealed.

    Raises
    ------
    BookBrokenError
        One is not what a night writes.
    """
    found: list[Tombstone] = []
    for night, manifest in book.whole.manifests.items():
        found += of_manifest(night, manifest)
    return tuple(found)


def of_manifest(night: date, manifest: Mapping[str, Any]) -> tuple[Tombstone, ...]:
    """Return the tombstones that one night holds; a night of format 1 holds none."""
    try:
        return tuple(_read(night, entry) for entry in manifest.get("removals", ()))
    except (KeyError, TypeError, ValueError) as error:
        raise BookBrokenError(
            f"night {night.isoformat()} is broken at {MANIFEST}",
            why=f"it has a tombstone that cannot be read ({type(error).__name__})",
            next_step="restore this night from a backup; nothing after it can be trusted until then",
        ) from error


def _read(night: date, entry: Mapping[str, Any]) -> Tombstone:
    kind, name, by, reason = (_text(entry[part]) for part in ("kind", "entry", "by", "reason"))
    decided_on, before = date.fromisoformat(entry["decided_on"]), date.fromisoformat(entry["before"])
    files = tuple(_read_file(night, file) for file in entry["files"])
    inbox = tuple((_entry_name(file["file"]), _content(file)) for file in entry.get("inbox", ()))
    return Tombstone(night, kind, name, by, reason, decided_on, before, files, inbox, int(entry.get("persons", 0)))


def _entry_name(name: str) -> str:
    # As with paths: a forged manifest could remove any file of the machine.
    if not _ENTRY.fullmatch(name):
        raise ValueError
    return name


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_file(night: date, entry: Mapping[str, Any]) -> RemovedFile:
    place = PurePosixPath(entry["path"])
    of = night_of(entry["night"])
    # A path that leads elsewhere would let a forged manifest remove any file of the machine.
    if place.as_posix() != entry["path"] or ".." in place.parts or place.parts[0] not in REMOVABLE:
        raise ValueError
    if of is None or of >= night:
        raise ValueError
    old, new = _content(entry["old"]), None if entry["new"] is None else _content(entry["new"])
    emptied = int(entry.get("emptied", 0))
    return RemovedFile(of, entry["path"], int(entry["rows"]), int(entry["rows_kept"]), old, new, night, emptied)


def _content(entry: Mapping[str, Any]) -> Content:
    return Content(int(entry["bytes"]), str(entry["sha256"]))


def last_word(book: Book) -> dict[tuple[date, str], RemovedFile]:
    """Return the last tombstone's word on every file that one names."""
    return {file.key: file for stone in tombstones(book) for file in stone.files}


def states_removed(book: Book) -> dict[date, Tombstone]:
    """Return the nights whose changes to the rows in force are gone, with the tombstone that says so."""
    return {
        file.night: stone
        for stone in tombstones(book)
        for file in stone.files
        if file.new is None and file.path.startswith("state/")
    }


def finish(book: Book) -> int:
    """Make up for what is left to do of sealed tombstones; the caller holds the book. Returns how many files changed.

    Raises
    ------
    BookBrokenError
        A file is neither what it was nor what it must become.
    """
    done = 0
    for file in sorted(last_word(book).values(), key=lambda f: f.key):
        done += _finish_file(book, file)
    for path in entries_left(book.inbox, tombstones(book)):
        with storage(path):
            path.unlink()
        sync(path.parent)
        done += 1
    with storage(book.nights):
        shutil.rmtree(book.nights / _WORKSHOP, ignore_errors=True)
    return done


def entries_left(inbox: Path, stones: Iterable[Tombstone]) -> list[Path]:
    """Return the entries of the inbox that tombstones name and that are still there.

    An entry is what its name says, or no night reads it; so its bytes are not asked again.
    """
    named = sorted({name for stone in stones for name, _ in stone.inbox})
    return [path for name in named if (path := inbox / name).is_file()]


def unfinished(book: Book) -> int:
    """Count the files that sealed tombstones name and that are still what they were."""
    files = sum(not _is_done(book.folder(f.night) / f.path, f) for f in last_word(book).values())
    return files + len(entries_left(book.inbox, tombstones(book)))


def _is_done(path: Path, file: RemovedFile) -> bool:
    with storage(path):
        try:
            size = path.lstat().st_size
        except FileNotFoundError:
            return file.new is None
    if file.new is None or size != file.new.size:
        return False
    return size != file.old.size or sha256_of(path) == file.new.sha256


def _finish_file(book: Book, file: RemovedFile) -> bool:
    path = book.folder(file.night) / file.path
    if _is_done(path, file):
        if file.new is None:  # a run may have died between the file and its folder
            _drop_empty(path.parent, book.folder(file.night))
        return False
    if path.is_symlink() or not path.is_file() or sha256_of(path) != file.old.sha256:
        raise _broken(path, "a tombstone removes it, and it is neither what it was nor what it must become")
    if file.new is None:
        with storage(path):
            path.unlink()
        sync(path.parent)
        _drop_empty(path.parent, book.folder(file.night))
        return True
    source = book.folder(file.sealed_in) / file.kept_path
    if source.is_symlink() or not source.is_file() or sha256_of(source) != file.new.sha256:
        raise _broken(source, "it holds the rows that a tombstone keeps, and is not what was sealed")
    fresh = book.nights / _WORKSHOP / "fresh"
    with storage(fresh):
        fresh.parent.mkdir(exist_ok=True)
        fresh.unlink(missing_ok=True)
        try:
            os.link(source, fresh)  # the rows that stay are held once
        except OSError:
            shutil.copyfile(source, fresh)
    sync(fresh)
    with storage(path):
        fresh.replace(path)
    sync(path.parent)
    return True


def _drop_empty(folder: Path, night: Path) -> None:
    """Remove folders that have become empty, up to the night's own."""
    while folder != night:
        with storage(folder):
            if folder.is_dir():
                if any(folder.iterdir()):
                    return
                folder.rmdir()
        folder = folder.parent


def _broken(path: Path, why: str) -> BookBrokenError:
    return BookBrokenError(
        "a removal cannot be finished",
        why=why,
        next_step="run `creditaudit verify`, and restore the file from a backup",
        where=Where(str(path)),
    )
