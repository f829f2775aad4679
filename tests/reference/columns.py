"""The columns of the eleven feeds, copied from the table of SPEC 3.2."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, whether a value must be there, its type and its codes, if it has a list."""

    name: str
    required: bool
    kind: str  # text, date, instant, int, code
    codes: frozenset[str]


def _column(text: str) -> Column:
    """Read ``name* kind`` or ``name* a|b|c``; ``*`` means required, no kind means text."""
    name, _, kind = text.strip().partition(" ")
    required = name.endswith("*")
    name = name.rstrip("*")
    kind = kind.strip()
    if kind in {"date", "instant", "int"}:
        return Column(name, required, kind, frozenset())
    if kind:
        return Column(name, required, "code", frozenset(kind.split("|")))
    return Column(name, required, "text", frozenset())


def _columns(text: str) -> tuple[Column, ...]:
    return tuple(_column(part) for part in text.split(",") if part.strip())


ACCOUNT_TYPES = "D1|R1|R2|R3|R4|C1|deposit|wealth|securities"
CHECK_KINDS = "network_check|invalid_card_check|face_match|fingerprint_match|in_person"
RESULTS = "match_photo|match_no_photo|name_mismatch|number_unknown|valid|reported_lost|invalid|pass|fail|error"
EVENTS = "reported_lost|withdrawn|replaced|renewed|damaged|name_changed|item_error|cancelled_death|cancelled_other"
INQUIRY_REASONS = "loan_approval|card_approval|guarantee|post_loan|other"

FEEDS: dict[str, tuple[Column, ...]] = {
    "accounts": _columns(
        "provider_code*, account_code*, report_date* date, report_reason, name, id_type*, id_number*, "
        f"account_type* {ACCOUNT_TYPES}, business_code, opened_at* instant, agreement_at instant, region_code, "
        "currency, amount int, balance int, overdue_amount int, status, closed_on date, original_provider_code, "
        "original_account_code, settlement_provider_code, settlement_account_code"
    ),
    "openings": _columns(
        "provider_code*, account_code*, session_id, document_kind permanent|temporary|other, card_valid_from date, "
        "card_valid_to date, card_issuer, channel counter|machine|online|agent|mail, operator_id, phone, "
        "handler_id_number, exception_code urgent_need, exception_followed_up_on date"
    ),
    "verifications": _columns(
        "provider_code*, check_id*, session_id, account_code, checked_at* instant, "
        f"check_kind* {CHECK_KINDS}, result* {RESULTS}"
    ),
    "invalid_cards": _columns(
        "event_id*, id_number*, name, card_valid_from date, card_valid_to date, card_issuer, "
        f"event* {EVENTS}, effective_at* instant, entered_at instant, visible_at instant, withdraws_event_id"
    ),
    "loss_reports": _columns(
        "report_no*, id_number*, name, card_valid_from date, card_valid_to date, lost_at instant, "
        "reported_at* instant, entered_at instant, visible_at instant, channel, withdrawn_at instant"
    ),
    "issuances": _columns(
        "id_number*, card_valid_from* date, card_valid_to date, kind* permanent|temporary, reason, collected_at instant"
    ),
    "impostors": _columns("person_ref*, id_number*, finding_on* date, term_ends_on date, revoked_on date"),
    "inquiries": _columns(
        f"provider_code*, inquiry_id*, id_number*, name, inquired_at* instant, reason* {INQUIRY_REASONS}"
    ),
    "objections": _columns(
        "objection_no*, id_number*, provider_code*, account_code, received_on* date, evidence_kind, evidence_ref"
    ),
    "fraud_alerts": _columns("alert_id*, id_number*, effective_from* date, effective_to date"),
    "account_renames": _columns(
        "provider_code*, old_account_code*, new_provider_code, new_account_code*, effective_on* date"
    ),
}

# SPEC 3.2: "Results per check kind"; any other pair is bad_code.
RESULTS_OF_KIND: dict[str, frozenset[str]] = {
    "network_check": frozenset({"match_photo", "match_no_photo", "name_mismatch", "number_unknown", "error"}),
    "invalid_card_check": frozenset({"valid", "reported_lost", "invalid", "error"}),
    "face_match": frozenset({"pass", "fail", "error"}),
    "fingerprint_match": frozenset({"pass", "fail", "error"}),
    "in_person": frozenset({"pass", "fail", "error"}),
}

# SPEC 3.3: the account columns that come in another report of the same thing, in this order.
REPORTING_COLUMNS = (
    "report_reason",
    "currency",
    "amount",
    "balance",
    "overdue_amount",
    "status",
    "closed_on",
)

# SPEC 3.4: the columns in which a date may lie anywhere.
ANY_DATE_COLUMNS = frozenset(
    {
        "card_valid_to",
        "term_ends_on",
        "effective_from",
        "effective_to",
        "effective_on",
        "exception_followed_up_on",
    }
)

REGISTRIES = frozenset({"loss_reports", "invalid_cards", "issuances"})

# SPEC 3.1: the feeds whose absence degrades a night, by default.
EXPECTED_FEEDS = ("accounts", "invalid_cards", "loss_reports")
