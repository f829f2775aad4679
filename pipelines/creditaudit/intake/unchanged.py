"""Whether the delivered files are still what was read, when all is done but the seal (SPEC 2, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.files import storage
from creditaudit.errors import RefusedError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from creditaudit.intake.receive import FileReport


def check_unchanged(reports: Iterable[FileReport]) -> None:
    """Refuse to seal a night whose files were written to since they were opened: what was added would never be read.

    A file that is gone by now was whole: what was read of it is what its hash names.

    Raises
    ------
    RefusedError
        Names the first such file.
    StorageError
        Whether a file changed cannot be asked.
    """
    for report in reports:
        path = report.file.path
        with storage(path):  # what the disk withholds may have changed
            try:
                state = path.lstat()
            except FileNotFoundError:
                continue
        if report.stamp not in {None, (state.st_size, state.st_mtime_ns)}:
            raise RefusedError(
                "a delivered file changed while the night was read",
                why="it was written to after it was opened",
                next_step="wait until the delivery is complete, then run the night again",
                where=Where(f"{report.file.feed}/{report.file.name}"),
            )
