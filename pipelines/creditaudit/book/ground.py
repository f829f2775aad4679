"""Whether a file system can hold a book: what the book's promises rest on is tried, not believed (SPEC 9).

A night becomes visible by one rename of a folder, ``latest`` moves by the rename of a link over another, and a decision
or a shortened file comes by the rename of a file over another. Where one of these is refused (some network, FAT and
user-space file systems), a killed run could leave half a night in sight.
"""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from creditaudit.book.files import storage, sync
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROBE = ".probe.partial"
# What says that the disk is full, failing or closed to us, and nothing about its kind.
_PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


def check_ground(nights: Path) -> None:
    """Try in ``nights/`` whether renames replace, links are kept and folders can be flushed; leaves nothing there.

    Parameters
    ----------
    nights : Path
        Folder of the sealed nights; the caller holds the book, or makes it.

    Raises
    ------
    UsageError
        The file system cannot hold a book; what it cannot do is named.
    StorageError
        It is full, failing, or may not be written.
    """
    probe = nights / _PROBE
    with storage(nights):
        shutil.rmtree(probe, ignore_errors=True)
        probe.mkdir()
    try:
        _try(probe)
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _try(probe: Path) -> None:
    old, new = probe / "old", probe / "new"
    with _needed(probe, "replace a file by renaming another over it"):
        for path, text in ((old, "old"), (new, "new")):
            path.write_text(text, encoding="ascii")
        new.replace(old)
        if new.exists() or old.read_text(encoding="ascii") != "new":
            raise OSError(errno.EOPNOTSUPP, "the file was copied, not renamed")
    with _needed(probe, "rename a folder that holds files"):
        (probe / "night").mkdir()
        old.rename(probe / "night" / "file")
        (probe / "night").rename(probe / "sealed")
        if (probe / "night").exists() or not (probe / "sealed" / "file").is_file():
            raise OSError(errno.EOPNOTSUPP, "the folder was copied, not renamed")
    with _needed(probe, "replace a symbolic link by renaming another over it"):
        for path, target in ((old, "night"), (new, "sealed")):
            path.symlink_to(target)
        new.replace(old)
        if new.is_symlink() or str(old.readlink()) != "sealed":
            raise OSError(errno.EOPNOTSUPP, "the link was copied, not renamed")
    sync(probe)


@contextmanager
def _needed(probe: Path, what: str) -> Iterator[None]:
    with storage(probe):
        try:
            yield
        except OSError as error:
            if error.errno in _PASSING:
                raise
            raise UsageError(
                "the book cannot be kept here",
                why=f"its file system does not {what} ({error.strerror or type(error).__name__})",
                next_step="keep the book on a local POSIX file system; publish copies of it elsewhere",
                where=Where(str(probe.parents[1])),
            ) from error
