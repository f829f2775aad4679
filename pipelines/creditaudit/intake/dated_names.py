"""Two nights delivered in one folder: what the names of the files tell of it (SPEC 2, 3.1).

A name is not believed: the folder says which night a file is for, and the keys and dates of the rows say which of them
stands (SPEC 3.3). But a feed folder with files that differ in nothing but a date in their names deserves a look.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from creditaudit.intake.landing import DeliveredFile

_DATED = re.compile(r"(?<![0-9])(20[0-9]{2})([-_.]?)([0-9]{2})\2([0-9]{2})(?![0-9])", re.ASCII)


def several_dates(files: Iterable[DeliveredFile]) -> tuple[str, ...]:
    """Return one sentence for each set of files of a feed whose names differ in nothing but a date."""
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in files:
        days = [day for found in _DATED.finditer(file.name) if (day := _day(found)) is not None]
        if days:
            named[file.feed, _DATED.sub("*", file.name)].update(days)
    return tuple(
        f"{feed}/{name} came for several dates in one folder: {', '.join(sorted(days))}; rows of one key are ordered by"
        " their dates, and where these do not tell they are quarantined as conflict"
        for (feed, name), days in sorted(named.items())
        if len(days) > 1
    )


def _day(found: re.Match[str]) -> str | None:
    try:
        return date(int(found[1]), int(found[3]), int(found[4])).isoformat()
    except ValueError:
        return None
