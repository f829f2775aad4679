"""Which nights wait, and which files a night reads: its own, and what turned up late (SPEC 2)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import listed, storage
from creditaudit.book.inbox import decisions
from creditaudit.book.layout import Book, night_of
from creditaudit.errors import UnjudgedFileError, UsageError, Where
from creditaudit.intake.dated_names import several_dates
from creditaudit.intake.landing import PLAIN, DeliveredFile, in_order, labels_ever, open_regular, survey
from creditaudit.intake.recalls import recalls
from creditaudit.masking import numbers_hidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from creditaudit.intake.labels import Labels
    from creditaudit.intake.profile import Profile


@dataclass(frozen=True)
class Skipped:
    """A night that was decided not to be read."""

    night: date
    reason: str
    files: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the entry for the manifest."""
        return {"night": self.night.isoformat(), "reason": self.reason, "files": list(self.files)}


@dataclass(frozen=True)
class Delivery:
    """What a night reads.

    Parameters
    ----------
    files : tuple of DeliveredFile
        By feed order, then name; a late file is called ``<its night>/<name>``.
    late : tuple of str
        The late ones, as ``<night>/<feed>/<name>``.
    warnings : tuple of str
        What lies in the folder and is not read.
    """

    files: tuple[DeliveredFile, ...]
    late: tuple[str, ...]
    warnings: tuple[str, ...]


def delivered_nights(landing: Path) -> list[date]:
    """Return the nights that have a folder in the landing, in date order.

    Raises
    ------
    UsageError
        There is no landing, or a night's folder is a symbolic link.
    """
    if not landing.is_dir():
        raise UsageError(
            "there is no such landing",
            why="the directory does not exist",
            next_step="name the directory that holds one folder per night with --landing",
            where=Where(str(landing)),
        )
    found = {night_of(p.name): p for p in listed(landing) if p.is_dir()}
    link = next((p for night, p in found.items() if night is not None and p.is_symlink()), None)
    if link is not None:
        raise UsageError(
            "the landing has a night's folder that is a symbolic link",
            why="it may lead to anything that this user can read; links are never followed",
            next_step="put the folder itself in its place",
            where=Where(str(link)),
        )
    return sorted(n for n in found if n is not None)


def settled_nights(book: Book) -> set[date]:
    """Return the nights that are sealed or were skipped."""
    skipped = {date.fromisoformat(s["night"]) for m in book.manifests.values() for s in m["skipped"]}
    return set(book.sealed) | skipped


def check_order(
    book: Book,
    landing: Path,
    night: date,
    skips: Mapping[date, str],
    labels: Labels = PLAIN,
    *,
    profiles: tuple[Profile, ...] = (),
) -> tuple[Skipped, ...]:
    """Refuse a night that is not the next one; returns the nights that are skipped with it.

    Raises
    ------
    UsageError
        The night is before the last sealed one, was skipped, has no folder, or an earlier night waits.
    """
    delivered = delivered_nights(landing)
    settled = settled_nights(book)
    if book.last is not None and night < book.last:
        raise UsageError(
            f"night {night} cannot be sealed",
            why=f"night {book.last} is sealed already, and nights are sealed in date order",
            next_step=f"deliver the news in a later night's folder; {_passed_over([night])}",
        )
    if night in settled:
        raise UsageError(
            f"night {night} cannot be sealed",
            why="it was skipped",
            next_step="its files are read by the next night if they were delivered after it was skipped",
        )
    if night not in delivered:
        raise UsageError(
            f"night {night} cannot be read",
            why="the landing has no folder of that date",
            next_step="check the date, or make the folder if nothing was delivered",
            where=Where(str(landing / night.isoformat())),
        )
    waiting = [d for d in delivered if d < night and d not in settled]
    left = [d for d in waiting if d not in skips]
    if left:
        late = [d for d in left if book.last is not None and d < book.last]
        raise UsageError(
            f"night {night} cannot be sealed yet",
            why=f"earlier nights wait: {', '.join(d.isoformat() for d in left)}",
            next_step=f"night {book.last} is sealed, so {_passed_over(late)}"
            if late
            else "seal them first (--catch-up does it in order), or skip one with --skip NIGHT --reason TEXT",
        )
    for skip in skips:
        if skip not in waiting:
            raise UsageError(
                f"night {skip} cannot be skipped",
                why="it does not wait: it is not before this night, not delivered, or settled already",
                next_step="leave out this --skip",
            )
    return tuple(
        Skipped(d, numbers_hidden(skips[d]), _names(landing / d.isoformat(), labels, profiles)) for d in waiting
    )


def gather(
    book: Book, landing: Path, night: date, labels: Labels = PLAIN, *, profiles: tuple[Profile, ...] = ()
) -> Delivery:
    """Return the files of a night: its folder's, and those that turned up in folders of settled nights.

    A file that tonight or an earlier night recalls never came: what lies in its place with other bytes has turned up.
    """
    own = survey(landing / night.isoformat(), labels, profiles)
    recalled = recalls(book, decisions(book, night).sound).every
    entries = [entry for manifest in book.manifests.values() for entry in manifest["inputs"]]
    read = {(one["folder"], one["feed"], one["file"]) for one in entries if one["sha256"] not in recalled}
    emptied = {(one["folder"], one["feed"], one["file"]) for one in entries if one["sha256"] in recalled}
    # Of every night that the book has, and asked for every file of each of their folders: put together once.
    told = read | {
        (s["night"], *name.split("/", 1)) for m in book.manifests.values() for s in m["skipped"] for name in s["files"]
    }
    late: list[DeliveredFile] = []
    for settled in sorted(settled_nights(book)):
        folder = settled.isoformat()
        for file in survey(landing / folder, labels, profiles).files:
            known_as = {(folder, file.feed, name) for name in labels_ever(file, labels)}
            if known_as.isdisjoint(told) and not (known_as & emptied and _sha256(file.path) in recalled):
                late.append(replace(file, name=f"{folder}/{file.name}"))
    files = in_order([*own.files, *late])
    return Delivery(
        tuple(files),
        tuple(f"{file.name.split('/')[0]}/{file.feed}/{file.name.split('/', 1)[1]}" for file in late),
        (*own.warnings, *several_dates(own.files)),
    )


def _sha256(path: Path) -> str | None:
    """Return the SHA-256 of a delivered file; None: it cannot be read, and whoever reads it says so."""
    try:
        descriptor = open_regular(path)
    except UnjudgedFileError:
        return None
    with storage(path), os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _passed_over(late: Sequence[date]) -> str:
    """Say what becomes of folders that came after a later night was sealed."""
    skips = " ".join(f"--skip {day}" for day in late)
    return (
        f"run the next night with {skips} --reason TEXT; to have the files read, move them into the folder of that"
        " night first"
    )


def _names(folder: Path, labels: Labels, profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    return tuple(f"{f.feed}/{f.name}" for f in survey(folder, labels, profiles).files)
