"""What a person should look at in a table of duties: it can be used, and may still not say what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from creditaudit.feeds import ACCOUNTS, OPENINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

_FIELDS = ("provider_code", "institution_kind", "region_code", "business_code", "account_type", "channel")
_LISTS = {
    "account_type": ACCOUNTS.by_name["account_type"].codes,
    "channel": OPENINGS.by_name["channel"].codes,
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to look at.

    Parameters
    ----------
    kind : str
        ``no_source``, ``unknown_word``, ``undocumented``, ``tie``, ``contradiction`` or ``gap``.
    duties : tuple of str
        The duty_id of each row that it is about.
    words : str
        What is wrong.
    """

    kind: str
    duties: tuple[str, ...]
    words: str


def doubts_of(duties: pa.Table) -> tuple[Doubt, ...]:
    """Return everything doubtful in a table of duties, single rows first, in file order.

    Parameters
    ----------
    duties : pyarrow.Table
        As ``book.reference.read`` gives it.
    """
    rows = [{**row, **{f: None if row[f] == "*" else row[f] for f in _FIELDS}} for row in duties.to_pylist()]
    return (*_single(rows), *_ties(rows), *_gaps(rows))


def _single(rows: Sequence[dict[str, Any]]) -> Iterator[Doubt]:
    for row in rows:
        about = (row["duty_id"],)
        if row["source"] is None:
            yield Doubt("no_source", about, "no source: nobody can check what it says")
        for name, words in _LISTS.items():
            if row[name] is not None and row[name] not in words:
                yield Doubt(
                    "unknown_word", about, f"{name} {row[name]} is none of {', '.join(words)}: it never matches"
                )
        documented, first = row["documented_to"], row["in_force_from"]
        if documented is not None and first is not None and documented < first:
            yield Doubt(
                "undocumented", about, f"documented to {documented}, before it begins on {first}: always unknown"
            )


def _ties(rows: Sequence[dict[str, Any]]) -> Iterator[Doubt]:
    """Yield pairs that can hold for one account and day, and that nothing but duty_id puts in an order.

    Two provider codes are never equally near to one account, and region prefixes of one length that both match are
    equal; so both must be equal in a tie. Rows that begin on one day overlap on that day.
    """
    for one, other in combinations(rows, 2):
        same = all(one[n] == other[n] for n in ("check_kind", "provider_code", "region_code", "in_force_from"))
        stated = [sum(row[f] is not None for f in _FIELDS) for row in (one, other)]
        apart = any(one[f] is not None and other[f] is not None and one[f] != other[f] for f in _FIELDS)
        if not same or stated[0] != stated[1] or apart:
            continue
        about = (one["duty_id"], other["duty_id"])
        winner = min(about)
        if one["status"] != other["status"]:
            words = f"the one says {one['status']}, the other {other['status']}, for the same accounts and days"
            yield Doubt("contradiction", about, f"{words}; {winner} wins by its duty_id alone")
        else:
            yield Doubt("tie", about, f"both can hold for one account and day; {winner} wins by its duty_id alone")


def _gaps(rows: Sequence[dict[str, Any]]) -> Iterator[Doubt]:
    """Yield the days between rows of one cell on which none of them is in force."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["check_kind"], *(row[f] for f in _FIELDS)), []).append(row)
    for members in cells.values():
        ordered = sorted(members, key=lambda r: (r["in_force_from"] or date.min, r["duty_id"]))
        reached = ordered[0]
        for before, row in pairwise(ordered):
            reached = max(reached, before, key=lambda r: r["in_force_to"] or date.max)
            end, start = reached["in_force_to"], row["in_force_from"]
            if end is not None and start is not None and start > end + timedelta(days=1):
                days = f"{end + timedelta(days=1)} to {start - timedelta(days=1)}"
                yield Doubt("gap", (reached["duty_id"], row["duty_id"]), f"no row of this cell is in force from {days}")
