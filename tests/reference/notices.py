"""Notices, twins, withdrawals and collected (SPEC 5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from reference.identity import identify
from reference.intervals import Interval, certainly_after, certainly_before

if TYPE_CHECKING:
    from reference.cells import Row
    from reference.keys import Book

TWIN_DISTANCE = timedelta(days=30)
SUPERSEDING = frozenset({"replaced", "renewed", "damaged", "name_changed", "item_error"})
CANCELLING = frozenset({"cancelled_death", "cancelled_other"})


@dataclass(eq=False)
class Notice:
    """One notice. ``reported`` is its own; the fields below ``shared`` are those of both twins."""

    source: str
    notice_id: str
    id_norm: str
    kind: str  # lost, superseded, cancelled
    event: str
    reported: Interval
    own_withdrawn: Interval | None
    # shared
    lost: Interval | None
    noticed: date | None
    noticed_valid_to: set[date]
    noticed_unreadable: bool
    withdrawn_unreadable: bool
    earlier_reported: Interval
    visible_from: datetime  # its own; twins do not share it
    visible_to: datetime | None  # None: any time after
    withdrawn: Interval | None = None  # the effective withdrawal
    collected: Interval | None = None
    twin: Notice | None = field(default=None, repr=False)


def persons_rows(book: Book, feed: str) -> dict[str, list[Row]]:
    """Return the standing rows of a feed by id_norm; bad_form is never matched (SPEC 4)."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in book.rows(feed):
        identity = identify(row.get("id_number"))
        if identity.matchable:
            found[identity.id_norm].append(row)
    return found


def _notice(row: Row, kind: str) -> Notice:
    is_report = row.feed == "loss_reports"
    reported: Interval = row.get("reported_at" if is_report else "effective_at")
    valid_to = row.get("card_valid_to")
    visible, entered = row.get("visible_at"), row.get("entered_at")
    begins: datetime = (visible or entered or reported).start
    return Notice(
        source=row.feed,
        notice_id=row.get("report_no" if is_report else "event_id"),
        id_norm=identify(row.get("id_number")).id_norm,
        kind=kind,
        event="reported_lost" if is_report else row.get("event"),
        reported=reported,
        own_withdrawn=row.get("withdrawn_at"),
        lost=row.get("lost_at"),
        noticed=row.get("card_valid_from"),
        noticed_valid_to=set() if valid_to is None else {valid_to},
        noticed_unreadable="card_valid_from" in row.unreadable,
        withdrawn_unreadable="withdrawn_at" in row.unreadable,
        earlier_reported=reported,
        visible_from=begins,
        visible_to=None if visible is None else visible.end,
    )


def _event_notices(rows: list[Row], notes: list[str]) -> list[Notice]:
    """The notices of one person's invalid_cards rows."""
    withdrawals: dict[str, list[Interval]] = defaultdict(list)
    known = {row.get("event_id"): row.get("event") for row in rows if row.get("event") != "withdrawn"}
    for row in rows:
        if row.get("event") != "withdrawn":
            continue
        named = row.get("withdraws_event_id")
        if named in known:
            withdrawals[named].append(row.get("effective_at"))
        else:
            notes.append(f"withdrawal_names_nothing: {row.get('event_id')}")
    notices: list[Notice] = []
    for row in rows:
        event, event_id = row.get("event"), row.get("event_id")
        withdrawn = min(withdrawals[event_id]) if event_id in withdrawals else None
        if event == "reported_lost":
            notice = _notice(row, "lost")
            notice.own_withdrawn = withdrawn  # the earliest by (from, to)
            notices.append(notice)
        elif event in SUPERSEDING and row.get("card_valid_from") is None:
            notes.append(f"superseded_without_card: {event_id}")
        elif event in SUPERSEDING | CANCELLING and withdrawn is None:  # a withdrawal annuls it
            kind = "superseded" if event in SUPERSEDING else "cancelled"
            notices.append(_notice(row, kind))
    return notices


def _may_be_twins(a: Notice, b: Notice) -> bool:
    same_card = a.noticed is None or b.noticed is None or a.noticed == b.noticed
    return same_card and abs(a.reported.start - b.reported.start) <= TWIN_DISTANCE


def _pair_twins(reports: list[Notice], events: list[Notice]) -> None:
    """Each has at most one twin, pairs taken by smallest distance, then by keys."""
    pairs = [(report, event) for report in reports for event in events if _may_be_twins(report, event)]
    pairs.sort(
        key=lambda pair: (abs(pair[0].reported.start - pair[1].reported.start), pair[0].notice_id, pair[1].notice_id)
    )
    for report, event in pairs:
        if report.twin is None and event.twin is None:
            report.twin, event.twin = event, report


def _share(a: Notice, b: Notice) -> None:
    """Give both twins what either knows (SPEC 5 "Twins", SPEC 12)."""
    lost = a.lost if a.lost is not None else b.lost
    earlier = min(a.reported, b.reported)
    unreadable = a.withdrawn_unreadable or b.withdrawn_unreadable
    valid_to = a.noticed_valid_to | b.noticed_valid_to
    noticed = a.noticed if a.noticed is not None else b.noticed
    for notice in (a, b):
        notice.lost = lost
        notice.earlier_reported = earlier
        notice.withdrawn_unreadable = unreadable
        notice.noticed_valid_to = valid_to
        notice.noticed = noticed


def collected_of(notice: Notice, issuances: list[Row]) -> Interval | None:
    """Return when the person had the next card in hand; None is unknown."""
    since = (notice.lost if notice.lost is not None else notice.earlier_reported).day
    found: list[Interval] = []
    for row in issuances:
        collected = row.get("collected_at")
        if collected is None:
            continue
        if row.get("card_valid_from") >= since or certainly_after(collected, notice.earlier_reported):
            found.append(collected)
    return min(found) if found else None


def _own_effective_withdrawal(notice: Notice) -> Interval | None:
    """SPEC 5: none where it is certainly after collected or certainly before its own notice's reported."""
    withdrawn = notice.own_withdrawn
    if withdrawn is None or certainly_before(withdrawn, notice.reported):
        return None
    if notice.collected is not None and certainly_after(withdrawn, notice.collected):
        return None
    return withdrawn


def build_notices(book: Book, issuances: dict[str, list[Row]]) -> tuple[dict[str, list[Notice]], list[str]]:
    """Return every person's notices, complete, and the notes on ignored events."""
    notes: list[str] = []
    notices: dict[str, list[Notice]] = defaultdict(list)
    for id_norm, rows in persons_rows(book, "loss_reports").items():
        notices[id_norm].extend(_notice(row, "lost") for row in rows)
    for id_norm, rows in persons_rows(book, "invalid_cards").items():
        notices[id_norm].extend(_event_notices(rows, notes))
    for id_norm, own in notices.items():
        lost = [notice for notice in own if notice.kind == "lost"]
        reports = [notice for notice in lost if notice.source == "loss_reports"]
        _pair_twins(reports, [notice for notice in lost if notice.source == "invalid_cards"])
        for notice in reports:
            if notice.twin is not None:
                _share(notice, notice.twin)
        for notice in lost:
            notice.collected = collected_of(notice, issuances.get(id_norm, []))
        for notice in lost:
            both = [notice] if notice.twin is None else [notice, notice.twin]
            effective = [found for found in map(_own_effective_withdrawal, both) if found is not None]
            notice.withdrawn = min(effective) if effective else None
        own.sort(key=lambda notice: (notice.source, notice.notice_id))
    return notices, sorted(notes)
