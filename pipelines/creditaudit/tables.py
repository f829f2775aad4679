"""The tables that we make, between rooms and in the book: column, type, unit, meaning of NULL.

Inside the judgment, instants are pairs of BIGINT seconds since 1970-01-01 00:00:00 (Asia/Shanghai wall clock)
and dates are INTEGER days since 1970-01-01: integers compare and add the same way in every engine. What is
published has TIMESTAMP and DATE (SPEC 9).
"""

from __future__ import annotations

import pyarrow as pa

_T, _S, _D, _B, _I = pa.string(), pa.int64(), pa.int32(), pa.bool_(), pa.int64()
_TS, _DATE = pa.timestamp("us"), pa.date32()


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


# One row per account lineage that may give a finding or a clearance (SPEC 4, Lineage and Moment).
JUDGED_ACCOUNTS = _schema(
    ("provider_code", _T),  # the lineage's newest codes: what is published
    ("account_code", _T),
    ("id_norm", _T),
    ("id_status", _T),
    ("id_type", _T),  # 10 = identified by the citizen number
    ("account_type", _T),
    ("region_code", _T),  # as delivered; NULL: not given
    ("business_code", _T),
    ("moment_from", _S),  # NULL: no moment, see no_moment
    ("moment_to", _S),
    ("moment_day", _D),  # day of the moment
    ("no_moment", _T),  # transferred_debt, agreement_unknown; NULL: there is a moment
    ("document_kind", _T),  # of the opening that judges; NULL: no opening, or not given
    ("shown_on", _D),  # card_valid_from of the opening that judges; NULL: none, or document_kind is other
    ("shown_to", _D),  # its card_valid_to
    ("group_code", _T),  # top ancestor of the provider on the night's date (SPEC 3.2, Group)
    ("name_key", _T),  # what tells names apart; NULL: unknown. A person's own: never evidence
    ("original", _T),  # C1: PROVIDER/ACCOUNT that the debt comes from; NULL: no C1, or none is named
)

# One row per judged account whose lineage (for C1: its original's) has an opening that judges it.
JUDGED_OPENINGS = _schema(
    ("provider_code", _T),  # of the judged account
    ("account_code", _T),
    ("channel", _T),
    ("session_provider", _T),  # who delivered the opening
    ("session_id", _T),  # NULL: not given
    ("handler_id_norm", _T),  # who acted for the holder; NULL: nobody named
    ("handler_id_status", _T),
    ("exception_code", _T),  # urgent_need; NULL: none
    ("exception_followed_up_on", _D),
)

# One row per check of a judged account that has a moment and is not C1, and that began at most a day after the moment.
ACCOUNT_CHECKS = _schema(
    ("provider_code", _T),  # of the judged account
    ("account_code", _T),
    ("check_provider", _T),  # who delivered the check
    ("check_id", _T),
    ("check_kind", _T),
    ("result", _T),
    ("checked_from", _S),
    ("checked_to", _S),
    ("moment_to", _S),  # of the account: a check that begins later does not count
)

# One row per judged account that has a moment and is not C1, also without any check (SPEC 4, 7.3, 12).
LAST_CHECKS = _schema(
    ("provider_code", _T),
    ("account_code", _T),
    ("card_check_id", _T),  # the last invalid_card_check that counts; NULL: none does
    ("card_check_result", _T),
    ("card_check_from", _S),
    ("card_check_to", _S),
    ("network_check_id", _T),  # the last network_check that counts
    ("network_check_result", _T),
    ("network_check_from", _S),
    ("network_check_to", _S),
    ("person_check_id", _T),  # the last of face_match and fingerprint_match together
    ("person_check_kind", _T),
    ("person_check_result", _T),
    ("person_check_from", _S),
    ("person_check_to", _S),
    ("passed_in_person_later", _B),  # an in_person pass that counts comes after that one
    ("card_checked_soon_after", _B),  # an invalid_card_check begins within 86,400 s after the moment
    ("is_excepted", _B),  # urgent need, followed up within a month of the moment
)

# One row per impostor finding on a handler of a judged account.
LISTED_IMPOSTORS = _schema(
    ("id_norm", _T),
    ("entry", _I),  # 1 is the smallest of the number, by the three days
    ("finding_on", _D),
    ("term_ends_on", _D),  # NULL: no end
    ("revoked_on", _D),  # NULL: stands
)

# One row per fraud alert of a person with judged accounts.
PERSON_ALERTS = _schema(
    ("id_norm", _T),
    ("alert_id", _T),
    ("effective_from", _D),
    ("effective_to", _D),  # NULL: no end
)

# One row per inquiry on a person who has a lost notice.
JUDGED_INQUIRIES = _schema(
    ("provider_code", _T),
    ("inquiry_id", _T),
    ("id_norm", _T),
    ("id_status", _T),
    ("group_code", _T),  # of the provider, on the night's date
    ("reason", _T),
    ("inquired_from", _S),
    ("inquired_to", _S),
    ("inquired_on", _D),  # day of the inquiry
    ("night_on", _D),  # tonight: what no account has answered by now
)

# One row per link of a judged account to the one that it names: its settlement account and, for C1, its original.
ACCOUNT_LINKS = _schema(("from_provider", _T), ("from_code", _T), ("to_provider", _T), ("to_code", _T))

# One row per C1 of the citizen number that names who granted the debt, and whose original is not in the book.
LONE_DEBTS = _schema(
    ("provider_code", _T),
    ("account_code", _T),
    ("id_norm", _T),
    ("original_group", _T),  # group of original_provider_code
    ("opened_from", _S),  # the C1's own
)

# Accounts with an R101, R102 or R107 violation (SPEC 6.2, R109).
VIOLATING_ACCOUNTS = _schema(("provider_code", _T), ("account_code", _T))

# One row per account that R109 names.
CHAINED_ACCOUNTS = _schema(
    ("provider_code", _T),
    ("account_code", _T),
    ("chain", _T),  # B01/A1>B02/A2: from the account itself to the violating one
    ("chain_by", _T),  # person_and_group: no link leads there; NULL: the links do
)

# One row per notice (SPEC 5). Twins have already shared what they share.
NOTICES = _schema(
    ("id_norm", _T),
    ("notice_source", _T),  # loss_reports, invalid_cards
    ("notice_id", _T),
    ("kind", _T),  # lost, superseded, cancelled
    ("event", _T),  # the registry's event; NULL for loss_reports
    ("noticed_on", _D),  # card_valid_from; NULL: not given
    ("noticed_to", _D),
    ("noticed_unreadable", _B),  # card_valid_from was delivered but could not be read, and no twin gives it
    ("lost_from", _S),  # NULL: unknown
    ("lost_to", _S),
    ("reported_from", _S),  # the notice's own
    ("reported_to", _S),
    ("shared_reported_from", _S),  # the earlier of the twins': for relation and collected
    ("shared_reported_to", _S),
    ("entered_from", _S),
    ("entered_to", _S),
    ("visible_from", _S),
    ("visible_to", _S),  # NULL: no upper bound
    ("withdrawn_from", _S),  # the effective withdrawal; NULL: none
    ("withdrawn_to", _S),
    ("withdrawn_unreadable", _B),  # withdrawn_at was delivered but could not be read
    ("collected_from", _S),  # when the next card was collected; NULL: unknown
    ("collected_to", _S),
    ("collected_unreadable", _B),  # some collected_at of the person could not be read
)

# One row per issued card in force (SPEC 3.2 issuances).
ISSUED_CARDS = _schema(
    ("id_norm", _T),
    ("kind", _T),  # permanent, temporary
    ("valid_from", _D),
    ("collected_from", _S),  # NULL: not known
    ("collected_to", _S),
)

# One row per full issuances file in the book that speaks for all regions (region_code null).
ISSUANCE_COVERAGE = _schema(("covers_from", _D), ("covers_to", _D))

FINDINGS = _schema(
    ("night", _DATE),
    ("provider_code", _T),
    ("account_code", _T),
    ("subject", _T),
    ("person_token", _T),
    ("rule_id", _T),
    ("verdict", _T),
    ("notice_source", _T),
    ("notice_id", _T),
    ("relation", _T),
    ("moment_from", _TS),
    ("moment_to", _TS),
    ("reported_from", _TS),
    ("reported_to", _TS),
    ("evidence", _T),
    ("fingerprint", _T),
)
FINDINGS_ORDER = ("provider_code", "account_code", "subject", "rule_id", "notice_source", "notice_id")

CLEARANCES = _schema(
    ("night", _DATE),
    ("provider_code", _T),
    ("account_code", _T),
    ("notice_source", _T),
    ("notice_id", _T),
    ("reason", _T),
)

CASES = _schema(
    ("night", _DATE),
    ("case_id", _T),
    ("episode", pa.int32()),
    ("follows", _T),
    ("provider_code", _T),
    ("account_code", _T),
    ("subject", _T),
    ("person_token", _T),
    ("tier", _T),
    ("verdict", _T),
    ("state", _T),
    ("knowable", _T),
    ("duty", _T),
    ("duty_source", _T),
    ("performed", _T),
    ("fault", _T),
    ("priority", pa.float64()),
    ("reasons", _T),
    ("sampled", _B),
    ("first_seen", _DATE),
    ("last_changed", _DATE),
    ("due_on", _DATE),
    ("due_provisional", _B),
    ("holds_the_ball", _T),
    ("next_step", _T),
    ("ask_for", _T),
    ("blind_spots", _T),
    ("stale_inputs", _T),
)

CASE_EVENTS = _schema(
    ("night", _DATE),
    ("case_id", _T),
    ("episode", pa.int32()),
    ("event", _T),
    ("from_state", _T),
    ("to_state", _T),
    ("proof", _T),
    ("by", _T),
)

QUARANTINE = _schema(
    ("night", _DATE),
    ("feed", _T),
    ("file", _T),
    ("row", _I),  # 1-based data row
    ("line", _I),  # 1-based line
    ("disposition", _T),  # row_quarantined, cell_dropped
    ("reasons", _T),
)

COVERAGE = _schema(
    ("night", _DATE),
    ("feed", _T),
    ("file", _T),
    ("sha256", _T),
    ("encoding", _T),  # NULL: refused before one was found
    ("kind", _T),
    ("provider_code", _T),
    ("region_code", _T),
    ("business_codes", _T),
    ("covers_from", _DATE),
    ("covers_to", _DATE),
    ("delivered", _I),  # the three counts are NULL for a refused file
    ("accepted", _I),
    ("quarantined", _I),
)

# What stands per institution and quarter of moment; measures are named in cases/institutions.py. The house's alone:
# figures under five are hidden outside it (SPEC 8.5).
INSTITUTIONS = _schema(
    ("night", _DATE),
    ("provider_code", _T),
    ("quarter", _T),  # 2026Q4; NULL: without a moment
    ("measure", _T),
    ("value", _I),  # above 0
)

PUBLISHED: dict[str, pa.Schema] = {
    "findings": FINDINGS,
    "cases": CASES,
    "case_events": CASE_EVENTS,
    "clearances": CLEARANCES,
    "quarantine": QUARANTINE,
    "coverage": COVERAGE,
    "institutions": INSTITUTIONS,
}
