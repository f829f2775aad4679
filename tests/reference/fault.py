"""The fault lane, decided per finding (SPEC 7.1 to 7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from reference.account_rules import excepted, last_of

if TYPE_CHECKING:
    from reference.account_rules import Checks
    from reference.cells import Row
    from reference.duties import Duties, Duty
    from reference.lineage import Account
    from reference.notices import Notice

FAULT_RULES = frozenset({"R101", "R102", "R104", "R105", "R107", "R108", "R201", "R202"})
ADVERSE = frozenset({"reported_lost", "invalid"})
SOON_AFTER = timedelta(seconds=86_400)
# SPEC 7.3: identification records are kept ten years where the account closed from this day on, five before.
TEN_YEARS_FROM = date(2025, 1, 1)
NOT_APPLICABLE = "not_applicable"


class Decided(NamedTuple):
    """What the fault lane says of one finding."""

    knowable: str
    duty: str
    duty_source: str | None
    performed: str
    fault: str
    duty_id: str | None = None
    covered: bool = False
    grid_row: int = 0  # 1-based row of the grid of SPEC 7.3; 0: not in the lane


OUTSIDE = Decided(NOT_APPLICABLE, NOT_APPLICABLE, None, NOT_APPLICABLE, NOT_APPLICABLE)


@dataclass
class FullChecks:
    """One full verifications file that states its whole scope, and the quarantined rows that tear holes into it."""

    provider_code: str | None
    regions: str | None
    businesses: list[str] | None
    first: date
    last: date
    holes: list[Row]

    def covers(self, account: Account) -> bool:
        """SPEC 7.3, "Covered"; SPEC 12: of the newest provider, and the account's own region and business only."""
        if account.moment is None or self.provider_code != account.provider_code:
            return False
        region, business = account.row.get("region_code"), account.row.get("business_code")
        if self.regions is not None and (region is None or not region.startswith(self.regions)):
            return False
        if self.businesses is not None and business not in self.businesses:
            return False
        return self.first <= account.moment.day <= self.last and not any(_holed(row, account) for row in self.holes)


def _holed(row: Row, account: Account) -> bool:
    if not row.values:  # it could not be split
        return True
    if row.get("account_code") in {code for _, code in account.codes}:
        return True
    opening = account.opening
    session = opening.get("session_id") if opening is not None else None
    return session is not None and row.get("session_id") == session


def years_before(day: date, years: int) -> date:
    """Return the same day some years earlier; 29 Feb becomes 28 Feb."""
    if (day.month, day.day) == (2, 29):
        return date(day.year - years, 2, 28)
    return day.replace(year=day.year - years)


def must_be_kept(closed_on: date | None, night: date) -> bool:
    """SPEC 7.3: records must still be kept."""
    if closed_on is None:
        return True
    return closed_on >= years_before(night, 10 if closed_on >= TEN_YEARS_FROM else 5)


def knowable(account: Account, notice: Notice | None, card_check: Row | None) -> str:
    """SPEC 7.1: the first that applies."""
    if notice is None or account.moment is None:
        return NOT_APPLICABLE
    if card_check is not None and card_check.get("result") in ADVERSE:
        return "knew"
    if notice.kind == "cancelled":
        return "undecidable"
    if notice.visible_to is not None and notice.visible_to < account.moment.start:
        return "could_have_known"
    return "could_not_have_known" if notice.visible_from > account.moment.end else "undecidable"


def performed(account: Account, checks: Checks, card_check: Row | None, covered: bool, night: date) -> str:
    """SPEC 7.3, "Performed": always for invalid_card_check."""
    if card_check is not None:
        result = card_check.get("result")
        if result in ADVERSE:
            return "excepted" if excepted(account) else "warned"
        return "passed" if result == "valid" else "errored"
    moment = account.moment
    if moment is None:
        return "unknown"
    for row in checks.of_account(account):
        begins = row.get("checked_at").start
        if row.get("check_kind") == "invalid_card_check" and moment.end < begins <= moment.end + SOON_AFTER:
            return "unknown"
    if not covered:
        return "unknown"
    return "missing" if must_be_kept(account.row.get("closed_on"), night) else "beyond_retention"


def check_kind_of(rule_id: str, verdict: str, person_check: Row | None) -> str:
    """SPEC 7.2: whose duty is asked."""
    if rule_id == "R108":
        return "in_person"
    if rule_id == "R201" and verdict == "lead":
        return "network_check"
    if rule_id == "R202" and person_check is not None:
        return str(person_check.get("check_kind"))
    return "invalid_card_check"


def grid(rule_id: str, verdict: str, known: str, duty: str, done: str, *, covered: bool) -> tuple[int, str]:
    """Return the first row of SPEC 7.3 that matches, counted from 1, and its fault."""
    weak = rule_id == "R102" or verdict in {"undecidable", "lead"}
    due = duty == "in_force"
    could = known == "could_have_known" and due
    rows = (
        (rule_id == "R105", "no_fault_indicated"),
        (rule_id == "R202" and covered, "fault_indicated"),
        (rule_id == "R202", "needs_evidence"),
        (rule_id == "R201" and verdict == "lead", "needs_evidence"),
        (rule_id == "R108" and due, "fault_indicated"),
        (rule_id == "R108" and duty == "not_in_force", "no_fault_indicated"),
        (rule_id == "R108" and duty == "unknown", "needs_evidence"),
        (done == "warned", "fault_indicated"),
        (done == "excepted", "no_fault_indicated"),
        (known == "could_not_have_known", "no_fault_indicated"),
        (duty == "not_in_force", "no_fault_indicated"),
        (duty == "unknown", "needs_evidence"),
        (known == "undecidable", "needs_evidence"),
        (weak and due, "needs_evidence"),
        (could and done in {"missing", "errored"}, "fault_indicated"),
        (could and done == "beyond_retention", "fault_unproven"),
        (True, "needs_evidence"),
    )
    return next((number, fault) for number, (holds, fault) in enumerate(rows, start=1) if holds)


@dataclass
class FaultLane:
    """What the lane looks at on one night."""

    night: date
    checks: Checks
    duties: Duties
    full_checks: list[FullChecks]

    def decide(self, one: dict[str, Any], account: Account, notice: Notice | None) -> Decided:
        """Decide one finding."""
        if one["rule_id"] not in FAULT_RULES or account.is_c1 or account.moment is None:
            return OUTSIDE
        rows = self.checks.counting(account)
        card_check = last_of(rows, "invalid_card_check")
        kind = check_kind_of(one["rule_id"], one["verdict"], last_of(rows, "face_match", "fingerprint_match"))
        covered = any(file.covers(account) for file in self.full_checks)
        known = knowable(account, notice, card_check)
        duty: Duty = self.duties.of(account, kind)
        done = performed(account, self.checks, card_check, covered, self.night)
        number, fault = grid(one["rule_id"], one["verdict"], known, duty.duty, done, covered=covered)
        return Decided(known, duty.duty, duty.source, done, fault, duty.duty_id, covered, number)
