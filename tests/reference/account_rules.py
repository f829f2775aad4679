"""Rules R109 and R201 to R204: per account (SPEC 6.2)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from reference.identity import identify
from reference.intervals import certainly_before

if TYPE_CHECKING:
    from collections.abc import Callable

    from reference.cells import Row
    from reference.keys import Book
    from reference.lineage import Account, Code

RANK = {"violation": 2, "undecidable": 1, "lead": 0}


def _order(row: Row) -> tuple[object, ...]:
    """SPEC 4 and 12: later = greater by (checked_at.from, checked_at.to, check_id)."""
    return (*row.get("checked_at"), row.get("check_id"))


@dataclass
class Checks:
    """The verifications of a book, found by account and by session."""

    by_account: dict[Code, list[Row]]
    by_session: dict[Code, list[Row]]

    @classmethod
    def of(cls, book: Book) -> Checks:
        checks = cls({}, {})
        for row in book.rows("verifications"):
            provider = row.get("provider_code")
            if row.get("account_code") is not None:
                checks.by_account.setdefault((provider, row.get("account_code")), []).append(row)
            if row.get("session_id") is not None:
                checks.by_session.setdefault((provider, row.get("session_id")), []).append(row)
        return checks

    def counting(self, account: Account) -> list[Row]:
        """Return the account's verifications that count: checked_at.from <= moment.to."""
        moment = account.moment
        if moment is None:
            return []
        return [row for row in self.of_account(account) if row.get("checked_at").start <= moment.end]

    def of_account(self, account: Account) -> list[Row]:
        """Return the verifications that belong to the account (for C1: to its original), in order of time."""
        basis = account.basis
        if basis is None:
            return []
        found = {id(row): row for code in basis.codes for row in self.by_account.get(code, [])}
        opening = basis.own_opening
        if opening is not None and opening.get("session_id") is not None:
            session = (opening.get("provider_code"), opening.get("session_id"))
            found |= {id(row): row for row in self.by_session.get(session, [])}
        return sorted(found.values(), key=_order)


def last_of(rows: list[Row], *kinds: str) -> Row | None:
    """The last of the kinds together, ``error`` skipped unless there is no other."""
    of_kind = [row for row in rows if row.get("check_kind") in kinds]
    told = [row for row in of_kind if row.get("result") != "error"]
    last = told or of_kind
    return last[-1] if last else None


def same_day_next_month(day: date) -> date:
    """Return the same day of the next month, or its last day (SPEC 7.3)."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def excepted(account: Account) -> bool:
    """SPEC 7.3: an urgent need, followed up within a month."""
    opening, moment = account.opening, account.moment
    if opening is None or moment is None or opening.get("exception_code") != "urgent_need":
        return False
    followed = opening.get("exception_followed_up_on")
    return followed is not None and moment.day <= followed <= same_day_next_month(moment.day)


def adverse_check_overridden(account: Account, rows: list[Row]) -> str | None:
    """R201."""
    card_check = last_of(rows, "invalid_card_check")
    if card_check is not None and card_check.get("result") in {"reported_lost", "invalid"} and not excepted(account):
        return "violation"
    network = last_of(rows, "network_check")
    return "lead" if network is not None and network.get("result") in {"name_mismatch", "number_unknown"} else None


def person_check_failed(rows: list[Row]) -> str | None:
    """R202; SPEC 12: the last is over both kinds together."""
    last = last_of(rows, "face_match", "fingerprint_match")
    if last is None or last.get("result") != "fail":
        return None
    for row in rows:
        if row.get("check_kind") == "in_person" and row.get("result") == "pass" and _order(row) > _order(last):
            return None
    return "violation"


def listed_impostor(account: Account, impostors: dict[str, list[Row]]) -> str | None:
    """R203."""
    handler = account.opening.get("handler_id_number") if account.opening is not None else None
    if handler is None or account.moment is None or not identify(handler).matchable:
        return None
    day = account.moment.day
    for row in impostors.get(identify(handler).id_norm, []):
        term_ends, revoked = row.get("term_ends_on"), row.get("revoked_on")
        in_term = row.get("finding_on") <= day and (term_ends is None or day <= term_ends)
        if in_term and (revoked is None or day < revoked):
            return "violation"
    return None


def opened_under_fraud_alert(account: Account, alerts: dict[str, list[Row]]) -> str | None:
    """R204: one finding, the stronger."""
    if account.moment is None or not account.by_number:
        return None
    day = account.moment.day
    verdicts = []
    for row in alerts.get(account.identity.id_norm, []):
        first, last = row.get("effective_from"), row.get("effective_to")
        if first < day and (last is None or day <= last):
            verdicts.append("violation")
        elif first == day:
            verdicts.append("undecidable")
    return max(verdicts, key=lambda verdict: RANK[verdict]) if verdicts else None


def _links(account: Account, by_code: dict[Code, Account]) -> list[Account]:
    """The accounts that an account names: its settlement account and, for C1, its original (SPEC 12: of section 4)."""
    settlement = (account.row.get("settlement_provider_code"), account.row.get("settlement_account_code"))
    found = [by_code.get(settlement) if None not in settlement else None]
    if account.is_c1:
        found.append(account.basis)
    return [named for named in found if named is not None]


def chained(
    account: Account,
    by_code: dict[Code, Account],
    violating: dict[Code, Account],
    group: Callable[[str], str],
) -> bool:
    """R109: the account reaches another account that has an R101, R102 or R107 violation."""
    reached: list[Account] = [account]
    for step in reached:  # grows while it is walked
        for named in _links(step, by_code):
            if named not in reached:
                if (named.provider_code, named.account_code) in violating:
                    return True
                reached.append(named)
    seller = account.row.get("original_provider_code")
    if not account.is_c1 or seller is None or not account.by_number or account.basis is not None:
        return False
    for other in violating.values():
        if other is account or other.identity.id_norm != account.identity.id_norm or other.moment is None:
            continue
        same_group = group(other.provider_code) == group(seller)
        if same_group and certainly_before(other.moment, account.row.get("opened_at")):
            return True
    return False
