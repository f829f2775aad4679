"""Retention: which files of old nights may go, and which of their rows stay (SPEC 9).

What goes from the nights before a date: the typed rows as delivered (``intake/``), the raw text of the quarantine, and
the changes of ``state/`` that no night that stays needs. What stays: everything published or reported, every manifest,
and of the typed rows those of the persons and accounts of any case there ever was, in files written anew.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.files import sha256_of, storage, write_parquet
from creditaudit.book.inbox import REMOVAL, put
from creditaudit.book.keep import keepers
from creditaudit.book.layout import night_of
from creditaudit.book.removable import Removable, check_sealed, removable
from creditaudit.book.tombstones import ERASE, KEPT, PRUNE, Content, RemovedFile, Tombstone
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.book.row_sets import RowSet
    from creditaudit.engines import Engine


def ask_prune(
    book: Book,
    *,
    keep_days: int | None,
    keep_nights: int | None,
    by: str,
    reason: str,
    on: date | None,
    feeds: Sequence[str] = (),
) -> Entry | None:
    """Put the decision to prune into the inbox; the next night takes it.

    Parameters
    ----------
    book : Book
    keep_days : int or None
        Nights older than this many days before the last sealed night give up their rows.
    keep_nights : int or None
        All but this many last sealed nights do. Exactly one of the two is given.
    by, reason : str
        Who decided, and why.
    on : date or None
        When; see :func:`creditaudit.book.inbox.decided_day`.
    feeds : sequence of str
        The feeds that give up their rows; none: every table.

    Returns
    -------
    Entry or None
        None: no file of a night that old can go; nothing was recorded.

    Raises
    ------
    UsageError
        Nobody and no reason are named, not exactly one way of choosing, or the book has no sealed night.
    """
    if not by.strip() or not reason.strip():
        raise _not_recorded(
            "nobody is named" if not by.strip() else "no reason is given", "give --by NAME and --reason TEXT"
        )
    if (keep_days is None) == (keep_nights is None):
        raise _not_recorded("exactly one of --keep and --keep-nights is needed", "give for example --keep 400d")
    if (keep_days if keep_days is not None else keep_nights or 0) < 1:
        raise _not_recorded("at least one day or one night stays", "give a number from 1 on")
    if book.last is None:
        raise _not_recorded("the book has no sealed night", "run a night first")
    if keep_days is not None:
        before = book.last - timedelta(days=keep_days)
    else:
        before = book.sealed[max(0, len(book.sealed) - (keep_nights or 0))]
    unknown = sorted(set(feeds) - set(FEEDS))
    if unknown:
        raise _not_recorded(f"there is no feed {unknown[0]}", f"name one of {', '.join(FEEDS)}")
    if not _candidates(book, before, feeds or None):
        return None
    chosen = {"feeds": sorted(set(feeds))} if feeds else {}
    return put(
        book, REMOVAL, by=by, reason=reason, body={"removal": PRUNE, "before": before.isoformat(), **chosen}, on=on
    )


def refusal(book: Book, body: Any) -> str | None:
    """Say why a decision to remove cannot be taken; None where it can."""
    if not isinstance(body, dict) or body.keys() - {"feeds"} != {"removal", "before"} or body["removal"] != PRUNE:
        return "its body is not one of a removal"
    feeds = body.get("feeds", sorted(FEEDS))
    if not isinstance(feeds, list) or not feeds or not all(isinstance(f, str) and f in FEEDS for f in feeds):
        return "it names no feed"
    before = night_of(body["before"]) if isinstance(body["before"], str) else None
    if before is None:
        return "it does not say before which night"
    if book.last is None or before > book.last:
        return "it would leave no night with its rows"
    return None


def bury(
    engine: Engine, book: Book, folder: Path, entries: Sequence[Entry], *, night: date
) -> tuple[list[Tombstone], list[str]]:
    """Make tonight's tombstones, and write the rows that stay of the files that they name.

    Reads ``standing_<feed>`` of every feed, ``standing_quarantined_numbers``, and ``every_case``: tonight's too.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it; what earlier tombstones name is done.
    folder : Path
        Tonight's folder while it is written; ``kept/`` is made in it.
    entries : sequence of Entry
        What tonight takes of the inbox; other kinds are passed over.
    night : date
        Tonight.

    Returns
    -------
    tuple
        The tombstones, in the order of the entries; one sentence for each decision that is refused.

    Raises
    ------
    BookBrokenError
        A file that would go is not the one that was sealed.
    """
    stones: list[Tombstone] = []
    refused: list[str] = []
    named: set[tuple[date, str]] = set()
    for entry in entries:
        if entry.kind != REMOVAL or entry.body.get("removal") == ERASE:
            continue
        why = refusal(book, entry.body)
        if why is None and book.instead:  # the same file cannot become two things in one night
            why = "an erasure of the same night changes files that it would name; record it again"
        if why is not None:
            refused.append(f"inbox entry {entry.file_name}: {why}")
            continue
        before = date.fromisoformat(entry.body["before"])
        feeds = entry.body.get("feeds")
        going = [c for c in _candidates(book, before, feeds) if c.key not in named]
        for candidate in going:  # before any is read: a removal must not lose the traces of a change
            check_sealed(book, candidate)
        who = keepers(engine, [(c.table, c.path(book)) for c in going if c.is_typed])
        files = tuple(f for c in going if (f := _fate(book, folder, c, who, night)) is not None)
        named |= {f.key for f in files}
        stones.append(Tombstone(night, PRUNE, entry.file_name, entry.by, entry.reason, entry.decided_on, before, files))
    return stones, refused


def _candidates(book: Book, before: date, feeds: Collection[str] | None) -> list[Removable]:
    """Return the files of nights before ``before`` that may go, by night and path; ``feeds``: of these tables alone."""
    base = _first_state(book, before)
    return [
        file
        for file in removable(book)
        if file.night < before
        and not (file.name.startswith("state/") and file.night >= base)
        and (feeds is None or file.table in feeds)
    ]


def _first_state(book: Book, before: date) -> date:
    """Return the night of the complete state on which the first night that stays builds."""
    stays = next(n for n in book.sealed if n >= before)
    return max((n for n in book.sealed if n <= stays and book.manifests[n]["state"] == "complete"), default=stays)


def _fate(book: Book, folder: Path, file: Removable, who: RowSet, night: date) -> RemovedFile | None:
    """Say what becomes of one file, and write the rows that stay; None: all of them do."""
    path = file.path(book)
    with storage(path):
        opened = pq.ParquetFile(path)
    rows = opened.metadata.num_rows
    if file.is_state:
        return RemovedFile(file.night, file.name, rows, 0, file.content, None, night)
    masks = list(_masks(opened, file, who))
    kept = sum(int(mask.sum()) for mask in masks)
    # The quarantine keeps its file, if empty: readers look there for what was not accepted.
    if kept == rows and (kept or not file.is_typed):
        return None
    if not kept and file.is_typed:
        return RemovedFile(file.night, file.name, rows, 0, file.content, None, night)
    target = folder / KEPT / file.night.isoformat() / file.name
    write_parquet(target, opened.schema_arrow, _kept(opened, masks))
    new = Content(target.stat().st_size, sha256_of(target))
    return RemovedFile(file.night, file.name, rows, kept, file.content, new, night)


_BATCH = 65_536


def _masks(opened: pq.ParquetFile, file: Removable, who: RowSet) -> Iterator[np.ndarray]:
    names = ["night", "file", "row"]
    for batch in opened.iter_batches(_BATCH, columns=names):
        yield who.holds(file.table, pa.Table.from_batches([batch]), is_typed=file.is_typed)


def _kept(opened: pq.ParquetFile, masks: Sequence[np.ndarray]) -> Iterator[pa.RecordBatch]:
    for batch, mask in zip(opened.iter_batches(_BATCH), masks, strict=True):
        yield batch.filter(pa.array(mask))


def _not_recorded(why: str, next_step: str) -> UsageError:
    return UsageError("the removal was not recorded", why=why, next_step=next_step)
