"""Rules R101 to R108 and the clearances (SPEC 6.1, and R108 of 6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from reference.intervals import Interval, certainly_after, certainly_before, undecided
from reference.relation import after, after_and_standing, shown_card, shown_too_late, standing
from reference.relation import relation as card_relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reference.cells import Row
    from reference.lineage import Account
    from reference.notices import Notice

LEAD_AFTER = timedelta(days=90)
SHORTLY_BEFORE = timedelta(days=7)


@dataclass
class Person:
    """What the rules of 6.1 look up about one id_norm."""

    notices: list[Notice]
    issuances: list[Row]

    @property
    def collected_unreadable(self) -> bool:
        """SPEC 12: means any issuance of the person."""
        return any("collected_at" in row.unreadable for row in self.issuances)


@dataclass
class Coverage:
    """The days on which full issuances files with region_code null are complete."""

    spans: list[tuple[date, date]]

    def holds(self, first: date, last: date) -> bool:
        return any(start <= first and end >= last for start, end in self.spans)


@dataclass
class Pair:
    """One account beside one notice of the same id_norm, with all that both have to do with each other."""

    account: Account
    moment: Interval
    notice: Notice
    relation: str
    person: Person
    coverage: Coverage

    @property
    def lost(self) -> bool:
        return self.notice.kind == "lost"

    @property
    def after(self) -> str:
        return after(self.moment, self.notice)

    @property
    def standing(self) -> str:
        return standing(self.moment, self.notice)

    @property
    def after_and_standing(self) -> str | None:
        return after_and_standing(self.moment, self.notice)


def lost_card_used(pair: Pair) -> str | None:
    """R101."""
    if not pair.lost or pair.relation not in {"same", "presumed_same"}:
        return None
    return pair.after_and_standing


def no_valid_card(pair: Pair) -> str | None:
    """R102."""
    verdict = pair.after_and_standing
    if not pair.lost or pair.relation != "unknown" or verdict is None:
        return None
    reported, collected = pair.notice.reported, pair.notice.collected
    if collected is None:
        # SPEC 12: the 90 days and coverage use the notice's own reported.
        if not pair.coverage.holds(reported.day, pair.moment.day):
            return "lead" if pair.moment.start > reported.end + LEAD_AFTER else "undecidable"
    elif certainly_after(pair.moment, collected):
        return None
    elif undecided(pair.moment, collected):
        return "undecidable"
    if verdict == "violation" and pair.person.collected_unreadable:
        return "undecidable"
    return verdict


def card_unknown_after_replacement(pair: Pair) -> str | None:
    """R103."""
    if not pair.lost or pair.relation != "unknown" or pair.after_and_standing != "violation":
        return None
    collected = pair.notice.collected
    return "lead" if collected is not None and certainly_after(pair.moment, collected) else None


def superseded_card_used(pair: Pair) -> str | None:
    """R104; standing is not asked."""
    superseded = pair.notice.kind == "superseded" and pair.relation == "same"
    if not superseded and not (pair.lost and pair.relation == "older"):
        return None
    return {"yes": "violation", "maybe": "undecidable"}.get(pair.after)


def opened_between_loss_and_report(pair: Pair) -> str | None:
    """R105."""
    lost = pair.notice.lost
    if not pair.lost or lost is None or pair.relation == "newer" or pair.after != "no":
        return None
    if certainly_before(pair.moment, lost):
        return None
    if pair.notice.withdrawn is not None:
        return "lead"
    return "violation" if certainly_after(pair.moment, lost) else "undecidable"


def opened_shortly_before_report(pair: Pair) -> str | None:
    """R106; SPEC 12: it does not ask standing."""
    if not pair.lost or pair.notice.lost is not None or pair.relation not in {"same", "presumed_same"}:
        return None
    if pair.after != "no" or pair.moment.start < pair.notice.reported.start - SHORTLY_BEFORE:
        return None
    return "lead"


def holder_cancelled(pair: Pair) -> str | None:
    """R107, whatever the relation."""
    if pair.notice.event == "cancelled_death":
        return {"yes": "violation", "maybe": "undecidable"}.get(pair.after)
    if pair.notice.event != "cancelled_other" or pair.after != "yes":
        return None
    # A later card shows that the number lives on; SPEC 12: an issuance of either kind clears.
    cards = [row.get("card_valid_from") for row in pair.person.issuances]
    shown = shown_card(pair.account)
    if shown is not None:
        cards.append(shown)
    return None if any(card > pair.notice.reported.day for card in cards) else "lead"


PAIR_RULES: dict[str, Callable[[Pair], str | None]] = {
    "R101": lost_card_used,
    "R102": no_valid_card,
    "R103": card_unknown_after_replacement,
    "R104": superseded_card_used,
    "R105": opened_between_loss_and_report,
    "R106": opened_shortly_before_report,
    "R107": holder_cancelled,
}

# SPEC 6.1: an account whose opening has document_kind ``other`` gets none of these.
NEED_A_CARD = frozenset({"R101", "R102", "R103", "R104", "R105", "R106"})


def expired_card_shown(account: Account) -> str | None:
    """R108: any id_type, not for C1, and not from a card that is later than the moment (SPEC 5)."""
    if account.is_c1 or account.moment is None or account.opening is None or account.shows_other:
        return None
    valid_to = account.opening.get("card_valid_to")
    if valid_to is None or shown_too_late(account):
        return None
    return "violation" if valid_to < account.moment.day else None


def finding(
    account: Account, rule_id: str, verdict: str, notice: Notice | None = None, relation: str | None = None
) -> dict[str, Any]:
    """Return one row of the findings table."""
    moment = account.moment
    return {
        "provider_code": account.provider_code,
        "account_code": account.account_code,
        "subject": f"account:{account.account_code}",
        "rule_id": rule_id,
        "verdict": verdict,
        "notice_source": notice.source if notice is not None else None,
        "notice_id": notice.notice_id if notice is not None else None,
        "relation": relation,
        "moment_from": moment.start if moment is not None else None,
        "moment_to": moment.end if moment is not None else None,
        "reported_from": notice.reported.start if notice is not None else None,
        "reported_to": notice.reported.end if notice is not None else None,
    }


def _clearance(account: Account, notice: Notice, reason: str) -> dict[str, Any]:
    return {
        "provider_code": account.provider_code,
        "account_code": account.account_code,
        "notice_source": notice.source,
        "notice_id": notice.notice_id,
        "reason": reason,
    }


def _pairs(account: Account, person: Person, coverage: Coverage) -> Iterator[Pair]:
    if account.moment is None:
        return
    for notice in person.notices:
        related = card_relation(account, notice, person.issuances)
        yield Pair(account, account.moment, notice, related, person, coverage)


def judge_account(
    account: Account, person: Person, coverage: Coverage
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return one account's findings and clearances; ``person`` is empty where it is not matched by number."""
    findings: list[dict[str, Any]] = []
    clearances: list[dict[str, Any]] = []
    for pair in _pairs(account, person, coverage):
        for rule_id, rule in PAIR_RULES.items():
            if account.shows_other and rule_id in NEED_A_CARD:
                continue
            verdict = rule(pair)
            if verdict is not None:
                findings.append(finding(account, rule_id, verdict, pair.notice, pair.relation))
        if pair.relation == "newer" and pair.notice.kind != "cancelled":
            clearances.append(_clearance(account, pair.notice, "newer_card_shown"))
    verdict = expired_card_shown(account)
    if verdict is not None:
        findings.append(finding(account, "R108", verdict))
    # Not judged, which is no clearing: one row per lost or superseded notice.
    reason = "no_card_shown" if account.shows_other else account.unjudged
    if reason is not None:
        clearances.extend(
            _clearance(account, notice, reason) for notice in person.notices if notice.kind != "cancelled"
        )
    return findings, clearances
