"""Rules R302, R401 and R402: over all accounts of one person (SPEC 6.3)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

from reference.identity import known_name
from reference.relation import after_and_standing, relation

if TYPE_CHECKING:
    from collections.abc import Callable

    from reference.cells import Row
    from reference.lineage import Account
    from reference.notices import Notice

APPROVALS = frozenset({"loan_approval", "card_approval"})
ANSWER_DAYS = timedelta(days=90)
BURST_DAYS = timedelta(days=30)
BURST_ACCOUNTS = 3


def by_person(accounts: list[Account]) -> dict[str, list[Account]]:
    """Return the accounts that are matched by number, by id_norm."""
    found: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        if account.by_number:
            found[account.identity.id_norm].append(account)
    return found


def _by_report(notice: Notice) -> tuple[object, ...]:
    return (notice.reported.start, notice.source, notice.notice_id)


def one_number_several_names(accounts: list[Account], events: list[Row], group: Callable[[str], str]) -> bool:
    """R302, for the accounts of one person."""
    renamed = {known_name(row.get("name")) for row in events if row.get("event") == "name_changed"}
    names = {known_name(account.row.get("name")) for account in accounts} - {None}
    different = len(names - renamed) + (1 if names & renamed else 0)
    return different >= 2 and len({group(account.provider_code) for account in accounts}) >= 2


def inquiry_without_account(
    inquiry: Row, notices: list[Notice], accounts: list[Account], group: Callable[[str], str], night: date
) -> Notice | None:
    """R401: returns the notice that is named."""
    inquired = inquiry.get("inquired_at")
    if inquiry.get("reason") not in APPROVALS or night <= inquired.day + ANSWER_DAYS:
        return None
    for account in accounts:
        if (
            account.is_c1
            or account.moment is None
            or group(account.provider_code) != group(inquiry.get("provider_code"))
        ):
            continue
        if account.moment.end >= inquired.start and account.moment.start <= inquired.end + ANSWER_DAYS:
            return None
    standing = [n for n in notices if n.kind == "lost" and after_and_standing(inquired, n) == "violation"]
    return min(standing, key=_by_report) if standing else None


def bursts(
    accounts: list[Account], notices: list[Notice], issuances: list[Row], group: Callable[[str], str]
) -> list[tuple[Account, Notice, str]]:
    """R402: each account with the earliest notice for which it qualifies, and its relation."""
    found: dict[Account, tuple[Account, Notice, str]] = {}
    for notice in sorted((n for n in notices if n.kind == "lost"), key=_by_report):
        qualified = []
        for account in accounts:
            if account.is_c1 or account.moment is None:
                continue
            if account.moment.start > notice.reported.end + BURST_DAYS:
                continue
            related = relation(account, notice, issuances)
            if related != "newer" and after_and_standing(account.moment, notice) == "violation":
                qualified.append((account, notice, related))
        groups = {group(account.provider_code) for account, _, _ in qualified}
        if len(qualified) >= BURST_ACCOUNTS and len(groups) >= 2:
            for one in qualified:
                found.setdefault(one[0], one)
    return list(found.values())
