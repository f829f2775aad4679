"""Recalled files: delivered bytes that count no more, and whether a decision to recall can be taken (SPEC 9, Inbox).

The body of an entry of kind ``recall`` is ``{"sha256": …}``: of the file as delivered. Every delivery of these bytes up
to the night that takes the entry is recalled; later ones are refused as files.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.state import RECALLED_FILES
from creditaudit.book.state_files import state_files, state_rows
from creditaudit.book.tombstones import ERASE, tombstones
from creditaudit.errors import UsageError
from creditaudit.intake.landing import INBOX

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.intake.receive import FileReport

KIND = "recall"


# What a report says of a file that comes again after it was recalled.
_REFUSED: dict[str, Any] = {
    **dict.fromkeys(("delivered", "typed", "quarantined", "typed_part", "quarantine_part")),
    "refused": "the same bytes were recalled by decision; a corrected file has other bytes",
}


def _is_of_inbox(report: FileReport) -> bool:
    return report.file.name.startswith(f"{INBOX}/")


@dataclass(frozen=True, slots=True, order=True)
class Recalled:
    """One delivery that is recalled.

    Parameters
    ----------
    read_on : date
        The night that read it.
    feed, file : str
        Its label in every table.
    row : int
        The one row that is recalled: a corrected row of the inbox, whose first form was in a recalled file; 0: all.
    sha256 : str
        Of the file.
    """

    read_on: date
    feed: str
    file: str
    row: int
    sha256: str


@dataclass(frozen=True)
class Recalls:
    """What a night takes back.

    Parameters
    ----------
    files : tuple of Recalled
        Deliveries that tonight's decisions recall, in order.
    before : tuple of tuple
        Night that took the decision, and delivery: what was recalled before tonight.
    told : tuple of dict
        Tonight's decisions for manifest and page: entry, by, reason, decided_on, sha256, and the files' labels.
    refused : tuple of str
        Decisions that cannot be taken, one sentence each.
    """

    files: tuple[Recalled, ...] = ()
    before: tuple[tuple[date, Recalled], ...] = ()
    told: tuple[dict[str, Any], ...] = ()
    refused: tuple[str, ...] = ()
    by_entry: Mapping[str, str] = field(default_factory=dict)  # sha256 to entry

    @property
    def every(self) -> frozenset[str]:
        """Every SHA-256 that counts no more, tonight's too."""
        return frozenset(one.sha256 for one in self.files) | {one.sha256 for _, one in self.before}

    def refuse(self, reports: Sequence[FileReport]) -> list[FileReport]:
        """Refuse tonight's files whose bytes were recalled: nobody's mistake brings them back."""
        every = self.every
        return [
            replace(r, **_REFUSED) if r.refused is None and r.sha256 in every and not _is_of_inbox(r) else r
            for r in reports
        ]

    def rows(self, every: Collection[Recalled], night: date) -> pa.Table:
        """Return tonight's rows of the state's ``recalled_files`` for these deliveries, sorted by its key."""
        rows = [
            {
                "night": night,
                "feed": one.feed,
                "read_on": one.read_on,
                "file": one.file,
                "row": one.row,
                "sha256": one.sha256,
                "entry": self.by_entry[one.sha256],
            }
            for one in sorted(every)
        ]
        return pa.Table.from_pylist(rows, schema=RECALLED_FILES.schema)


def recalls(book: Book, entries: Sequence[Entry]) -> Recalls:
    """Check the recalls that wait once more, and say what tonight takes back.

    Parameters
    ----------
    book : Book
        As the last sealed night left it.
    entries : sequence of Entry
        What tonight takes of the inbox, in order; other kinds are passed over.
    """
    before = tuple(recalled_before(book))
    files: list[Recalled] = []
    told: list[dict[str, Any]] = []
    refused: list[str] = []
    by_entry: dict[str, str] = {}
    for entry in entries:
        if entry.kind != KIND:
            continue
        sha256 = entry.body["sha256"]
        known = {one.sha256 for _, one in before} | set(by_entry)
        why = refusal(book, sha256, known)
        if why is not None:
            refused.append(f"inbox entry {entry.file_name}: the recall of {sha256[:16]} is refused: {why}")
            continue
        found = deliveries(book, sha256)
        by_entry[sha256] = entry.file_name
        files += found
        told.append(
            {
                "entry": entry.file_name,
                "by": entry.by,
                "reason": entry.reason,
                "decided_on": entry.decided_on.isoformat(),
                "sha256": sha256,
                "files": [f"{one.read_on} {one.feed}/{one.file}" for one in found],
            }
        )
    return Recalls(tuple(files), before, tuple(told), tuple(refused), by_entry)


def deliveries(book: Book, sha256: str) -> list[Recalled]:
    """Return the deliveries of these bytes that sealed nights read and did not refuse, in order."""
    found = []
    for night, manifest in book.manifests.items():
        for one in manifest["inputs"]:
            if one["sha256"] == sha256 and one["refused"] is None:
                here = one["folder"] == night.isoformat()
                found.append(
                    Recalled(night, one["feed"], one["file"] if here else f"{one['folder']}/{one['file']}", 0, sha256)
                )
    return sorted(found)


def recalled_before(book: Book) -> list[tuple[date, Recalled]]:
    """Return what sealed nights recalled, each with the night that took the decision, in order."""
    rows = state_rows(book, RECALLED_FILES).to_pylist()
    return sorted((r["night"], Recalled(r["read_on"], r["feed"], r["file"], r["row"], r["sha256"])) for r in rows)


def refusal(book: Book, sha256: str, known: Collection[str]) -> str | None:
    """Say why a file cannot be recalled; None where it can.

    Parameters
    ----------
    book : Book
    sha256 : str
        Of the file, whole.
    known : collection of str
        What was recalled before.
    """
    if sha256 in known:
        return "it was recalled before"
    found = deliveries(book, sha256)
    if not found:
        tried = [
            f"{one['feed']}/{one['file']} in night {night}: {one['refused']}"
            for night, manifest in book.manifests.items()
            for one in manifest["inputs"]
            if one["sha256"] == sha256
        ]
        if tried:
            return f"nothing of it is in the book, for it was refused ({'; '.join(tried)})"
        return "no sealed night read a file with that SHA-256"
    if not any(one["delivered"] for m in book.manifests.values() for one in m["inputs"] if one["sha256"] == sha256):
        return "it has no row, and every delivery of nothing has the same bytes"
    before = recalled_before(book)
    for feed in sorted({one.feed for one in found}):
        first = first_night(feed, found, before)
        why = lost_ground(book, feed, first)
        if why is not None:
            return why
    return None


def first_night(feed: str, files: Sequence[Recalled], before: Sequence[tuple[date, Recalled]]) -> date:
    """Return the first night that must be folded anew: the state before it knows nothing of any recalled row."""
    first = min(one.read_on for one in files if one.feed == feed)
    while True:
        earlier = [one.read_on for taken_on, one in before if one.feed == feed and taken_on >= first > one.read_on]
        if not earlier:
            return first
        first = min(earlier)


def state_before(book: Book, night: date) -> Book | None:
    """Return the book as it was before a night; None: that is the first one."""
    earlier = [sealed for sealed in book.sealed if sealed < night]
    return replace(book, until=earlier[-1]) if earlier else None


def lost_ground(book: Book, feed: str, first: date) -> str | None:
    """Say why it cannot be told any more what would be in force of a feed without the rows of a night; None: it can.

    What was removed by decision is looked for in the feed's typed rows and quarantine from that night on, and in the
    rows in force before it.
    """
    gone = {f"quarantine/{feed}.parquet", f"intake/{feed}"}
    for stone in tombstones(book):
        # Of an erased person no row is left in any file: there is nothing to fold anew.
        for file in stone.files if stone.kind != ERASE else ():
            if file.night >= first and {file.path, file.path.rpartition("/")[0]} & gone:
                return (
                    f"what would be in force of {feed} without it cannot be told any more: rows of night {file.night}"
                    f" were removed by decision of {stone.by} ({stone.reason}), sealed in night {stone.sealed_in}"
                )
    then = state_before(book, first)
    try:
        if then is not None:
            state_files(then, feed)
    except UsageError as error:
        return f"what would be in force of {feed} without it cannot be told any more: {error.why}"
    return None


def told(book: Book, name: str | None = None) -> list[str]:
    """Return one sentence for each delivery that a sealed night recalled.

    Parameters
    ----------
    book : Book
    name : str, optional
        Only of this file: its label with or without its feed, or the first digits of its SHA-256.
    """
    lines = []
    for night, manifest in book.manifests.items():
        for one in manifest.get("recalls", ()):
            for file in one["files"]:
                place = file.partition(" ")[2]
                if name in {None, place, place.partition("/")[2]} or one["sha256"].startswith(name or ""):
                    lines.append(
                        f"night {night}: {place} of night {file.partition(' ')[0]} is recalled by decision of"
                        f" {one['by']} on {one['decided_on']} ({one['reason']}); SHA-256 {one['sha256']}"
                    )
    return lines
