"""Where a night's data stand exactly on a boundary of SPEC 5 to 7, or one step beyond it.

A random delivery shows nothing about a boundary that it never meets, so the boundaries are named and counted. Each
has two neighbouring distances, in seconds or days, on which the page decides differently.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from reference.account_rules import Checks, last_of, same_day_next_month
from reference.duties import matches
from reference.fault import ADVERSE, years_before
from reference.identity import identify
from reference.institutions import day_of
from reference.lineage import build_accounts, original_of
from reference.notices import build_notices, persons_rows
from reference.relation import relation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reference.cells import Row
    from reference.fault import FullChecks
    from reference.judge import ReferenceBook
    from reference.lineage import Account, Code
    from reference.notices import Notice

Edge = tuple[str, int]

# Name to the two distances: the last on this side, the first on the other.
EDGES: dict[str, tuple[int, int]] = {
    "6.1 after: moment.from - reported.to": (0, 1),
    "6.1 before: reported.from - moment.to": (0, 1),
    "6.1 standing: withdrawn.from - moment.to": (0, 1),
    "6.1 not standing: moment.from - withdrawn.to": (0, 1),
    "R102 before collected: collected.from - moment.to": (0, 1),
    "R102, R103 after collected: moment.from - collected.to": (0, 1),
    "R102 lead: moment.from - (reported.to + 90 days)": (0, 1),
    "R102 covered: date of reported.from - covers_from": (0, -1),
    "R102 covered: date of moment - covers_to": (0, 1),
    "R105 after lost: moment.from - lost.to": (0, 1),
    "R105 before lost: lost.from - moment.to": (0, 1),
    "R106: moment.from - (reported.from - 7 days)": (0, -1),
    "R107 other: card_valid_from - date of reported": (0, 1),
    "R108: card_valid_to - date of moment": (0, -1),
    "5 twins: distance - 30 days": (0, 1),
    "5 temporary: card_valid_to - card - 100 days": (0, 1),
    "5 card_later_than_moment: shown - date of moment": (0, 1),
    "5 noticed missing: date of reported - shown": (90, 91),
    "5 noticed missing: shown - date of reported": (0, 1),
    "5 withdrawn before reported: reported.from - withdrawn.to": (0, 1),
    "5 withdrawn after collected: withdrawn.from - collected.to": (0, 1),
    "4 renames: effective_on - night": (0, 1),
    "4 counts: checked_at.from - moment.to": (0, 1),
    "7.3 soon after: checked_at.from - moment.to": (86_400, 86_401),
    "7.3 exception: followed_up_on - date of moment": (0, -1),
    "7.3 exception: followed_up_on - same day of the next month": (0, 1),
    "7.3 exception in February of a month of 31 days": (0, 1),
    "7.3 kept five years: closed_on - (night - 5 years)": (0, -1),
    "7.3 covered: date of moment - covers_from": (0, -1),
    "7.3 covered: date of moment - covers_to": (0, 1),
    "7.2 duty: date of moment - in_force_from": (0, -1),
    "7.2 duty: date of moment - in_force_to": (0, 1),
    "7.2 duty: date of moment - documented_to": (0, 1),
    "7.1 could have known: moment.from - visible.to": (0, 1),
    "7.1 could not: visible.from - moment.to": (0, 1),
    "R109 bought: opened_at.from of the C1 - moment.to": (0, 1),
    "R203: date of moment - finding_on": (0, -1),
    "R203: date of moment - term_ends_on": (0, 1),
    "R203: date of moment - revoked_on": (-1, 0),
    "R204: date of moment - effective_from": (0, 1),
    "R204: date of moment - effective_to": (0, 1),
    "R401 night: night - date of inquired_at": (90, 91),
    "R401 account before: inquired_at.from - moment.to": (0, 1),
    "R401 account after: moment.from - (inquired_at.to + 90 days)": (0, 1),
    "R402: moment.from - (reported.to + 30 days)": (0, 1),
}


def _seconds(later: datetime, earlier: datetime) -> int:
    return int((later - earlier).total_seconds())


def edges_met(reference: ReferenceBook, night: date) -> set[Edge]:
    """Return every named boundary with the distances of it that the book holds on a night."""
    book = reference.book
    issuances = persons_rows(book, "issuances")
    notices, _ = build_notices(book, issuances)
    accounts, by_code, _ = build_accounts(book, night)
    persons = {name: persons_rows(book, name) for name in ("impostors", "fraud_alerts", "inquiries")}
    checks = Checks.of(book)
    met: set[Edge] = {
        ("4 renames: effective_on - night", (row.get("effective_on") - night).days)
        for row in book.rows("account_renames")
    }
    for number, own in notices.items():
        met |= set(_of_notices(own, issuances.get(number, [])))
    for account in accounts:
        if account.moment is None:
            continue
        met |= set(_of_account(account, checks, night, persons["impostors"], reference.full_checks))
        met |= set(_of_scopes(reference, account))
        number = account.identity.id_norm
        if account.by_number:
            for notice in notices.get(number, []):
                met |= set(_of_pair(reference, account, notice, issuances.get(number, [])))
            met |= set(_of_person(account, persons, number, night))
    met |= set(_of_bought(accounts, by_code))
    return {edge for edge in met if edge[1] in EDGES[edge[0]]}


def _of_bought(accounts: list[Account], by_code: dict[Code, Account]) -> Iterator[Edge]:
    """Yield how long after an account of the person a debt without its original was bought."""
    bought = [one for one in accounts if one.is_c1 and one.by_number and original_of(one, by_code) is None]
    for debt in bought:
        for other in accounts:
            if other.moment is not None and other.identity.id_norm == debt.identity.id_norm:
                distance = _seconds(debt.row.get("opened_at").start, other.moment.end)
                yield "R109 bought: opened_at.from of the C1 - moment.to", distance


def _of_notices(own: list[Notice], issuances: list[Row]) -> Iterator[Edge]:
    lost = [notice for notice in own if notice.kind == "lost"]
    for one in lost:
        for other in lost:
            if (one.source, other.source) == ("loss_reports", "invalid_cards"):
                distance = abs(_seconds(one.reported.start, other.reported.start))
                yield "5 twins: distance - 30 days", distance - 30 * 86_400
        withdrawn = one.own_withdrawn
        if withdrawn is not None:
            yield (
                "5 withdrawn before reported: reported.from - withdrawn.to",
                _seconds(one.reported.start, withdrawn.end),
            )
            if one.collected is not None:
                distance = _seconds(withdrawn.start, one.collected.end)
                yield "5 withdrawn after collected: withdrawn.from - collected.to", distance
        for end in one.noticed_valid_to if one.noticed is not None else ():
            yield "5 temporary: card_valid_to - card - 100 days", (end - one.noticed).days - 100  # type: ignore[operator]
    for one in own:
        if one.event == "cancelled_other":
            for row in issuances:
                distance = (row.get("card_valid_from") - one.reported.day).days
                yield "R107 other: card_valid_from - date of reported", distance


def _of_pair(reference: ReferenceBook, account: Account, notice: Notice, issuances: list[Row]) -> Iterator[Edge]:
    moment, reported = account.moment, notice.reported
    assert moment is not None
    yield "7.1 could not: visible.from - moment.to", _seconds(notice.visible_from, moment.end)
    if notice.visible_to is not None:
        yield "7.1 could have known: moment.from - visible.to", _seconds(moment.start, notice.visible_to)
    if notice.kind != "lost":
        return
    related = relation(account, notice, issuances)
    yield "6.1 after: moment.from - reported.to", _seconds(moment.start, reported.end)
    yield "6.1 before: reported.from - moment.to", _seconds(reported.start, moment.end)
    if notice.withdrawn is not None:
        yield "6.1 standing: withdrawn.from - moment.to", _seconds(notice.withdrawn.start, moment.end)
        yield "6.1 not standing: moment.from - withdrawn.to", _seconds(moment.start, notice.withdrawn.end)
    if related != "newer":
        yield "R402: moment.from - (reported.to + 30 days)", _seconds(moment.start, reported.end + timedelta(days=30))
    if notice.lost is not None and related != "newer":
        yield "R105 after lost: moment.from - lost.to", _seconds(moment.start, notice.lost.end)
        yield "R105 before lost: lost.from - moment.to", _seconds(notice.lost.start, moment.end)
    if notice.lost is None and related in {"same", "presumed_same"}:
        distance = _seconds(moment.start, reported.start - timedelta(days=7))
        yield "R106: moment.from - (reported.from - 7 days)", distance
    if related == "unknown":
        yield from _of_unknown_card(reference, account, notice)
    shown = account.opening.get("card_valid_from") if account.opening is not None else None
    if shown is not None and notice.noticed is None:
        yield "5 noticed missing: date of reported - shown", (notice.earlier_reported.day - shown).days
        yield "5 noticed missing: shown - date of reported", (shown - notice.earlier_reported.day).days


def _of_unknown_card(reference: ReferenceBook, account: Account, notice: Notice) -> Iterator[Edge]:
    moment = account.moment
    assert moment is not None
    if notice.collected is not None:
        yield "R102 before collected: collected.from - moment.to", _seconds(notice.collected.start, moment.end)
        yield "R102, R103 after collected: moment.from - collected.to", _seconds(moment.start, notice.collected.end)
        return
    distance = _seconds(moment.start, notice.reported.end + timedelta(days=90))
    yield "R102 lead: moment.from - (reported.to + 90 days)", distance
    for first, last in reference.full_issuances:
        yield "R102 covered: date of reported.from - covers_from", (notice.reported.day - first).days
        yield "R102 covered: date of moment - covers_to", (moment.day - last).days


def _of_account(
    account: Account, checks: Checks, night: date, impostors: dict[str, list[Row]], full_checks: list[FullChecks]
) -> Iterator[Edge]:
    moment, opening = account.moment, account.opening
    assert moment is not None
    for row in checks.of_account(account):
        distance = _seconds(row.get("checked_at").start, moment.end)
        yield "4 counts: checked_at.from - moment.to", distance
        if row.get("check_kind") == "invalid_card_check":
            yield "7.3 soon after: checked_at.from - moment.to", distance
    card_check = last_of(checks.counting(account), "invalid_card_check")
    closed = account.row.get("closed_on")
    if closed is not None and card_check is None and any(file.covers(account) for file in full_checks):
        yield "7.3 kept five years: closed_on - (night - 5 years)", (closed - years_before(night, 5)).days
    if opening is None:
        return
    if opening.get("card_valid_to") is not None:
        yield "R108: card_valid_to - date of moment", (opening.get("card_valid_to") - moment.day).days
    if opening.get("card_valid_from") is not None:
        yield "5 card_later_than_moment: shown - date of moment", (opening.get("card_valid_from") - moment.day).days
    if card_check is not None and card_check.get("result") in ADVERSE:
        yield from _of_exception(opening, moment.day)
    yield from _of_handler(opening, moment.day, impostors)


def _of_handler(opening: Row, day: date, impostors: dict[str, list[Row]]) -> Iterator[Edge]:
    handler = opening.get("handler_id_number")
    for row in impostors.get(identify(handler).id_norm, []) if handler is not None else ():
        for name in ("finding_on", "term_ends_on", "revoked_on"):
            if row.get(name) is not None:
                yield f"R203: date of moment - {name}", (day - row.get(name)).days


def _of_exception(opening: Row, day: date) -> Iterator[Edge]:
    followed = opening.get("exception_followed_up_on")
    if opening.get("exception_code") != "urgent_need" or followed is None:
        return
    month = same_day_next_month(day)
    yield "7.3 exception: followed_up_on - date of moment", (followed - day).days
    yield "7.3 exception: followed_up_on - same day of the next month", (followed - month).days
    if (day.month, day.day) == (1, 31):
        yield "7.3 exception in February of a month of 31 days", (followed - month).days


def _of_scopes(reference: ReferenceBook, account: Account) -> Iterator[Edge]:
    """Yield how far a full file reaches, and how long a duty row holds that else would match."""
    moment = account.moment
    assert moment is not None
    for file in reference.full_checks:
        if file.provider_code == account.provider_code:
            yield "7.3 covered: date of moment - covers_from", (moment.day - file.first).days
            yield "7.3 covered: date of moment - covers_to", (moment.day - file.last).days
    asked = reference.duties.asked(account)
    for row in reference.duties.rows:
        if matches(row, asked):
            for name in ("in_force_from", "in_force_to", "documented_to"):
                day = day_of(row[name])
                if day is not None:
                    yield f"7.2 duty: date of moment - {name}", (asked.day - day).days


def _of_person(account: Account, persons: dict[str, dict[str, list[Row]]], number: str, night: date) -> Iterator[Edge]:
    moment = account.moment
    assert moment is not None
    for row in persons["fraud_alerts"].get(number, []):
        yield "R204: date of moment - effective_from", (moment.day - row.get("effective_from")).days
        if row.get("effective_to") is not None:
            yield "R204: date of moment - effective_to", (moment.day - row.get("effective_to")).days
    for row in persons["inquiries"].get(number, []):
        asked = row.get("inquired_at")
        yield "R401 night: night - date of inquired_at", (night - asked.day).days
        yield "R401 account before: inquired_at.from - moment.to", _seconds(asked.start, moment.end)
        distance = _seconds(moment.start, asked.end + timedelta(days=90))
        yield "R401 account after: moment.from - (inquired_at.to + 90 days)", distance
