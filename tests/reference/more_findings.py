"""The findings of R109, R201 to R204 and of the rules per person (SPEC 6.2, 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reference.account_rules import (
    Checks,
    adverse_check_overridden,
    chained,
    listed_impostor,
    opened_under_fraud_alert,
    person_check_failed,
)
from reference.identity import identify
from reference.notices import persons_rows
from reference.person_rules import bursts, by_person, inquiry_without_account, one_number_several_names
from reference.rules import finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from reference.cells import Row
    from reference.keys import Book
    from reference.lineage import Account, Code
    from reference.notices import Notice

MALFORMED = frozenset({"bad_check", "bad_date", "bad_form"})
CHAINED_TO = frozenset({"R101", "R102", "R107"})


@dataclass
class World:
    """What a night's rules look at."""

    book: Book
    night: date
    accounts: list[Account]
    by_code: dict[Code, Account]
    notices: dict[str, list[Notice]]
    issuances: dict[str, list[Row]]
    group: Callable[[str], str]


def more_findings(world: World, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings of the rules that look beyond one account and one notice."""
    violating = {
        (one["provider_code"], one["account_code"])
        for one in found
        if one["rule_id"] in CHAINED_TO and one["verdict"] == "violation"
    }
    more = [one for account in world.accounts for one in _of_account(world, account)]
    reached = {code: account for code, account in world.by_code.items() if code in violating}
    more.extend(
        finding(account, "R109", "lead")
        for account in world.accounts
        if chained(account, world.by_code, reached, world.group)
    )
    more.extend(_of_checks(world))
    more.extend(_of_persons(world))
    more.extend(_of_inquiries(world))
    return more


def _of_account(world: World, account: Account) -> Iterator[dict[str, Any]]:
    if account.row.get("id_type") == "10" and account.identity.status in MALFORMED:
        yield finding(account, "R301", "lead")


def _of_checks(world: World) -> Iterator[dict[str, Any]]:
    """Yield R201 to R204; the first three are not for C1."""
    checks = Checks.of(world.book)
    impostors = persons_rows(world.book, "impostors")
    alerts = persons_rows(world.book, "fraud_alerts")
    for account in world.accounts:
        verdicts = {"R204": opened_under_fraud_alert(account, alerts)}
        if account.moment is not None and not account.is_c1:
            rows = checks.counting(account)
            verdicts["R201"] = adverse_check_overridden(account, rows)
            verdicts["R202"] = person_check_failed(rows)
            verdicts["R203"] = listed_impostor(account, impostors)
        for rule_id, verdict in verdicts.items():
            if verdict is not None:
                yield finding(account, rule_id, verdict)


def _of_persons(world: World) -> Iterator[dict[str, Any]]:
    """Yield R302 and R402."""
    events = persons_rows(world.book, "invalid_cards")
    for number, accounts in by_person(world.accounts).items():
        if one_number_several_names(accounts, events.get(number, []), world.group):
            for account in accounts:
                yield finding(account, "R302", "lead")
        notices, issuances = world.notices.get(number, []), world.issuances.get(number, [])
        for account, notice, related in bursts(accounts, notices, issuances, world.group):
            yield finding(account, "R402", "lead", notice, related)


def _of_inquiries(world: World) -> Iterator[dict[str, Any]]:
    """Yield R401."""
    persons = by_person(world.accounts)
    for inquiry in world.book.rows("inquiries"):
        number = identify(inquiry.get("id_number")).id_norm
        notices = world.notices.get(number, [])
        notice = inquiry_without_account(inquiry, notices, persons.get(number, []), world.group, world.night)
        if notice is None:
            continue
        yield {
            "provider_code": inquiry.get("provider_code"),
            "account_code": None,
            "subject": f"inquiry:{inquiry.get('inquiry_id')}",
            "rule_id": "R401",
            "verdict": "lead",
            "notice_source": notice.source,
            "notice_id": notice.notice_id,
            "relation": None,
            "moment_from": inquiry.get("inquired_at").start,
            "moment_to": inquiry.get("inquired_at").end,
            "reported_from": notice.reported.start,
            "reported_to": notice.reported.end,
        }
