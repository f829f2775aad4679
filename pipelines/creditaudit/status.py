"""Where a book stands, for who runs it: the last night, who holds it, what waits and what is late.

Nothing here writes, waits or decides. The lock is not tried, for a night that began at that instant would be refused:
the kernel's list of locks is read instead.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from creditaudit.as_of import open_book as open_to_read
from creditaudit.book.files import listed
from creditaudit.book.inbox import read_entry
from creditaudit.book.layout import night_of, open_book
from creditaudit.cases.clocks import overdue_sql
from creditaudit.cases.known import OPEN
from creditaudit.engines import quoted
from creditaudit.errors import UnjudgedFileError
from creditaudit.feeds import EXPECTED, FEEDS
from creditaudit.intake.control import read_control
from creditaudit.intake.labels import masked
from creditaudit.intake.landing import CONTROL_SUFFIX, ReportFile, survey
from creditaudit.intake.order import delivered_nights, settled_nights
from creditaudit.intake.profile import profiles_of
from creditaudit.masking import without_numbers
from creditaudit.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pyarrow as pa

    from creditaudit.book.layout import Book
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.settings import Settings

_LOCKS = Path("/proc/locks")


def status_of(path: Path, landing: Path | None = None, config: Path | None = None) -> dict[str, Any]:
    """Return where a book stands, as plain JSON values.

    Parameters
    ----------
    path : Path
        The book.
    landing : Path or None
        Where deliveries come; None: what waits there is not known.
    config : Path or None
        As for a night: says which feeds are expected.

    Returns
    -------
    dict
        ``nights``: how many are sealed; ``last``: the last one, or None. ``held_by``: process id of the run that holds
        the book, None where none is seen; ``unfinished``: nights that are being written, or whose run was killed.
        ``pending``: delivered nights that wait; ``missing``: expected feeds that a pending night has no file of; both
        None without a landing. ``inbox``: decisions that no night has taken, by kind. ``degraded``: what the last night
        lacked, feed to reasons. ``cases``: open ones by state. ``past_due``: open ones that are late, as the
        page and ``queue --overdue`` count them, per institution.

    Raises
    ------
    CreditAuditError
        There is no such book or landing, or the configuration cannot be read.
    """
    book = open_book(path)
    last = book.last
    settings = load_settings(path, config, FEEDS)
    settled = settled_nights(book)
    pending = None if landing is None else [n for n in delivered_nights(landing) if n not in settled]
    missing = None
    if landing is not None and pending is not None:
        lacking = {n.isoformat(): _lacking(_delivered(landing, n, settings), settings) for n in pending}
        missing = {night: feeds for night, feeds in lacking.items() if feeds}
    return {
        "book": str(path),
        "nights": len(book.sealed),
        "last": last.isoformat() if last else None,
        "held_by": holder(book),
        "unfinished": _unfinished(book),
        "pending": None if pending is None else [n.isoformat() for n in pending],
        "missing": missing,
        "inbox": _waiting(book),
        "degraded": book.manifests[last]["summary"]["stale"] if last else {},
        **_cases(path, last),
    }


def awaited(book: Path, landing: Path, night: date, config: Path | None = None) -> list[str]:
    """Return what a night still waits for, one thing a line; empty: all that is expected has come, whole.

    A control file is delivered last: a file without one may still be written to. SPEC asks for none, so a night is run
    without them too; this is for who schedules it.

    Parameters
    ----------
    book, landing : Path
    night : date
    config : Path or None
        As for a night: says which feeds are expected, and which profiles read which files.

    Returns
    -------
    list of str
        Expected feeds without a file, then files without a control file or with one that cannot be read (not those of
        ``reports/``, whose control files are not read), in the order of the feeds. Names are masked as in every table.

    Raises
    ------
    CreditAuditError
        There is no such book or landing, or the configuration cannot be read.
    """
    settings = load_settings(open_book(book).root, config, FEEDS)
    delivered_nights(landing)  # a landing that is not there is no delivery that is late
    found = _delivered(landing, night, settings)
    files = [file for file in found if not isinstance(file, ReportFile)]
    lines = [f"{feed}: no file" for feed in _lacking(found, settings)]
    for file in files:
        told = f"{file.feed}: {masked(file.name)}"
        if not os.path.lexists(file.path.with_name(file.path.name + CONTROL_SUFFIX)):
            lines.append(f"{told} has no {CONTROL_SUFFIX}")
            continue
        try:
            read_control(file.path)
        except UnjudgedFileError as error:
            lines.append(f"{told}: {error.reason}")
    return lines


def _delivered(landing: Path, night: date, settings: Settings) -> tuple[DeliveredFile, ...]:
    return survey(landing / night.isoformat(), profiles=profiles_of(settings.sources)).files


def _lacking(files: Iterable[DeliveredFile], settings: Settings) -> list[str]:
    """Return the expected feeds that no delivered file is of; a credit report is a file of each of its feeds."""
    came = {file.feed for file in files}
    return [f for f in FEEDS if settings.is_expected(f, by_default=f in EXPECTED) and f not in came]


def holder(book: Book, locks: Path = _LOCKS) -> int | None:
    """Return the process that holds the book, or None: none that is seen from here.

    A process of another container or machine is not seen; the nights that it writes are.
    """
    try:
        found = (book.root / ".lock").stat()
        lines = locks.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in lines:  # "1: FLOCK ADVISORY WRITE 1234 fe:00:5678 0 EOF"; one that waits has "->" after the number
        words = line.split()
        if words[1] == "FLOCK" and words[5] == wanted:
            return int(words[4])
    return None


def _unfinished(book: Book) -> list[str]:
    """Return the nights that are prepared under a name of their own; rules and links are prepared beside them."""
    names = [path.name for path in listed(book.nights)] if book.nights.is_dir() else []
    dates = (name.removeprefix(".").removesuffix(".partial") for name in names if name.endswith(".partial"))
    return [one for one in dates if night_of(one) is not None]


def _waiting(book: Book) -> dict[str, int]:
    taken = {name for manifest in book.manifests.values() for name in manifest["inbox"]}
    waiting: dict[str, int] = {}
    for path in listed(book.inbox) if book.inbox.is_dir() else []:
        if path.suffix == ".json" and not path.name.startswith(".") and path.name not in taken:
            kind = read_entry(path).kind
            waiting[kind] = waiting.get(kind, 0) + 1
    return dict(sorted(waiting.items()))


def _cases(path: Path, last: date | None) -> dict[str, Any]:
    if last is None:
        return {"cases": {}, "past_due": {}}
    late = overdue_sql("state", "due_on", "NULL", f"DATE {quoted(last.isoformat())}")
    with closing(open_to_read(path).as_of(last).connect()) as published:
        rows = published.sql(
            f"SELECT state, provider_code, {late} IS NOT NULL AS is_late"
            " FROM (SELECT *, max(episode) OVER (PARTITION BY case_id) AS newest FROM cases)"
            f" WHERE episode = newest AND state IN ({', '.join(map(quoted, OPEN))})"
        ).to_arrow_table()
    return {"cases": _counts(rows["state"]), "past_due": _counts(rows.filter(rows["is_late"])["provider_code"])}


def _counts(values: pa.ChunkedArray) -> Mapping[str, int]:
    counted: Counter[str] = Counter()  # two codes that are hidden read the same
    for one in pc.value_counts(values.combine_chunks()).to_pylist():
        counted[without_numbers(str(one["values"]))] += int(one["counts"])
    return dict(sorted(counted.items()))


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """Return :func:`status_of` in words, one thing a line."""
    lines = [f"book {found['book']}: {found['nights']} sealed nights, the last is {found['last'] or 'none'}"]
    if found["held_by"] is not None:
        lines.append(f"held by process {found['held_by']}, writing {', '.join(found['unfinished']) or 'nothing yet'}")
    elif found["unfinished"]:
        lines.append(
            f"no process that is seen from here holds it, and {', '.join(found['unfinished'])} is unfinished: another"
            " machine or container writes it, or a run was killed (the next one begins anew)"
        )
    else:
        lines.append("nobody holds it")
    if found["pending"] is not None:
        lines.append(f"nights that wait: {', '.join(found['pending']) or 'none'}")
        lines += [f"night {night} has no file of {', '.join(feeds)}" for night, feeds in found["missing"].items()]
    if found["inbox"]:
        lines.append("decisions that wait: " + ", ".join(f"{n} {kind}" for kind, n in found["inbox"].items()))
    lines += [f"the last night is degraded: {feed}: {'; '.join(why)}" for feed, why in found["degraded"].items()]
    lines.append("open cases: " + (", ".join(f"{n} {state}" for state, n in found["cases"].items()) or "none"))
    lines += [f"past their due date at {code}: {n}" for code, n in found["past_due"].items()]
    return lines
