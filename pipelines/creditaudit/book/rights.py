"""Who may read what of a book: files 0600 and folders 0700; reports for a group where the house says so (SPEC 10.4)."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from creditaudit.book.files import below, storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PASS = 0o010  # a group may go through a folder, and sees nothing of it
_READ_FOLDER, _READ_FILE = 0o050, 0o040
REPORTS = "reports"


@contextmanager
def private() -> Iterator[None]:
    """Let whatever is made meanwhile be its owner's alone, whatever umask the caller has."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def open_reports(root: Path, folder: Path, *, is_wanted: bool) -> None:
    """Let the group of a night's folder read its reports, and nothing else, where the house wants it.

    Parameters
    ----------
    root : Path
        The book.
    folder : Path
        The night's, before it is sealed; rights are no part of a seal.
    is_wanted : bool
        Otherwise nothing is done.
    """
    if not is_wanted:
        return
    reports = folder / REPORTS
    for path in (root, folder.parent, folder):
        _add(path, _PASS)
    for path in (reports, *below(reports)):
        _add(path, _READ_FOLDER if path.is_dir() else _READ_FILE)


def _add(path: Path, rights: int) -> None:
    with storage(path):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | rights)


def wider(root: Path, *, group_reads_reports: bool) -> list[str]:
    """Name what in a book others than its owner may read, write or enter, sorted; ``.`` is the book itself.

    Parameters
    ----------
    root : Path
    group_reads_reports : bool
        Whether the house lets a group read reports: that is not named.

    Returns
    -------
    list of str
        Paths in the book. Links are not followed; what is gone meanwhile is left out.
    """
    return sorted(_wider(root, group_reads_reports=group_reads_reports))


def _wider(root: Path, *, group_reads_reports: bool) -> Iterator[str]:
    for path in (root, *(p for p in below(root) if not p.is_symlink())):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue  # a night that runs cleans up behind itself
        name = path.relative_to(root)
        granted = _granted(name.parts, is_folder=stat.S_ISDIR(mode)) if group_reads_reports else 0
        if stat.S_IMODE(mode) & 0o077 & ~granted:
            yield name.as_posix()


def _granted(parts: tuple[str, ...], *, is_folder: bool) -> int:
    """Return what the group may do where it may read reports."""
    if not parts or (parts[0] == "nights" and len(parts) <= 2):  # noqa: PLR2004 - nights/<night>
        return _PASS
    if parts[0] == "nights" and parts[2] == REPORTS:
        return _READ_FOLDER if is_folder else _READ_FILE
    return 0
