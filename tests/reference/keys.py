"""Keys and order: stale, duplicate, conflict, and the book of standing rows (SPEC 3.3)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

from reference.columns import FEEDS, REPORTING_COLUMNS
from reference.identity import identify
from reference.intervals import certainly_after, certainly_before, whole_day

if TYPE_CHECKING:
    from reference.cells import Row

Key = tuple[Any, ...]

_KEY_COLUMNS = {
    "accounts": ("provider_code", "account_code"),
    "openings": ("provider_code", "account_code"),
    "verifications": ("provider_code", "check_id"),
    "invalid_cards": ("event_id",),
    "loss_reports": ("report_no",),
    "issuances": ("id_number", "card_valid_from", "kind"),
    "impostors": ("person_ref",),
    "inquiries": ("provider_code", "inquiry_id"),
    "fraud_alerts": ("alert_id",),
    "objections": ("objection_no",),
    "account_renames": ("provider_code", "old_account_code"),
}

# The deciding columns in the order in which they are asked.
_DECIDING = {
    "accounts": ("report_date",),
    "loss_reports": ("entered_at",),
    "invalid_cards": ("entered_at", "effective_at"),
}


def key_of(row: Row) -> Key:
    """Return the row's key; issuances have id_norm in place of id_number."""
    cells = [row.get(name) for name in _KEY_COLUMNS[row.feed]]
    if row.feed == "issuances":
        cells[0] = identify(cells[0]).id_norm
    return tuple(cells)


def order(a: Row, b: Row) -> int:
    """-1 where a is certainly before b by the deciding columns, 1 certainly after, 0 undecided."""
    for column in _DECIDING.get(a.feed, ()):
        left, right = a.get(column), b.get(column)
        if left is None or right is None:
            continue
        if isinstance(left, date):
            left, right = whole_day(left), whole_day(right)
        if certainly_before(left, right):
            return -1
        if certainly_after(left, right):
            return 1
    return 0


def _reduce_identical(rows: list[Row]) -> list[Row]:
    """(b) Of identical rows the first by (file name, row) is kept (SPEC 12)."""
    kept: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda found: (found.file, found.row)):
        same = row.comparable()
        if same in kept:
            row.reasons = ["duplicate"]
        else:
            kept[same] = row
    return list(kept.values())


def _reporting_rank(row: Row) -> tuple[tuple[bool, Any], ...]:
    """Missing is smallest; otherwise by the value itself (int, date or text by code point)."""
    cells = [row.get(column) for column in REPORTING_COLUMNS]
    return tuple((cell is not None, cell if cell is not None else 0) for cell in cells)


def _reduce_reporting(rows: list[Row]) -> list[Row]:
    """Before (c): account rows that differ only in the reporting columns are reduced to the greatest."""
    names = [column.name for column in FEEDS["accounts"]]
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        rest = tuple(cell for name, cell in zip(names, row.comparable(), strict=True) if name not in REPORTING_COLUMNS)
        groups[rest].append(row)
    kept: list[Row] = []
    for group in groups.values():
        greatest = max(group, key=_reporting_rank)
        for row in group:
            if row is not greatest:
                row.reasons = ["duplicate"]
        kept.append(greatest)
    return kept


def _decide(rows: list[Row]) -> Row | None:
    """(c) The row that is certainly after each other wins, the others are stale; else all conflict."""
    if len(rows) == 1:
        return rows[0]
    for row in rows:
        if all(order(row, other) == 1 for other in rows if other is not row):
            for other in rows:
                if other is not row:
                    other.reasons = ["stale"]
            return row
    for row in rows:
        row.reasons = ["conflict"]
    return None


class Book:
    """The standing row of every key, and of openings also the first accepted one."""

    def __init__(self) -> None:
        self.standing: dict[str, dict[Key, Row]] = {feed: {} for feed in FEEDS}
        self.first_openings: dict[Key, Row] = {}

    def take(self, feed: str, rows: list[Row]) -> None:
        """Take one night's rows of a feed, those that passed the cell checks, in the order of SPEC 3.3."""
        standing = self.standing[feed]
        by_key: dict[Key, list[Row]] = defaultdict(list)
        for row in rows:
            by_key[key_of(row)].append(row)
        for key, same_key in by_key.items():
            before = standing.get(key)
            remaining: list[Row] = []
            for row in same_key:
                if before is not None and order(row, before) == -1:
                    row.reasons = ["stale"]
                else:
                    remaining.append(row)
            remaining = _reduce_identical(remaining)
            if feed == "accounts":
                remaining = _reduce_reporting(remaining)
            winner = _decide(remaining) if remaining else None
            if winner is not None:
                standing[key] = winner
                if feed == "openings":
                    self.first_openings.setdefault(key, winner)

    def rows(self, feed: str) -> list[Row]:
        """Return the standing rows of a feed."""
        return list(self.standing[feed].values())
