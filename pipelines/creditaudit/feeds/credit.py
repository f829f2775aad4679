"""Feeds that institutions and the credit bureau deliver (SPEC 3.2; fields as documented in PBOC's layouts)."""

from __future__ import annotations

from creditaudit.feeds.model import Column, Kind, TableSpec

ACCOUNT_TYPES = ("D1", "R1", "R2", "R3", "R4", "C1", "deposit", "wealth", "securities")

# Account cells that a bank may get wrong without the row losing its worth, in the order of SPEC 3.3.
SOFT_ACCOUNT_COLUMNS = (
    "report_reason",
    "currency",
    "amount",
    "balance",
    "overdue_amount",
    "status",
    "closed_on",
)


def _provider() -> Column:
    return Column("provider_code", required=True, note="institution that reports")


ACCOUNTS = TableSpec(
    name="accounts",
    columns=(
        _provider(),
        Column("account_code", required=True, note="opaque, case-sensitive"),
        Column("report_date", Kind.DATE, required=True, note="day of the report; decides between rows of one key"),
        Column("report_reason", droppable=True),
        Column("name"),
        Column("id_type", required=True, note="10: identified by the citizen number; 0 and 7 are read as 10"),
        Column("id_number", required=True),
        Column("account_type", Kind.CODE, required=True, codes=ACCOUNT_TYPES),
        Column("business_code"),
        Column("opened_at", Kind.INSTANT, required=True),
        Column("agreement_at", Kind.INSTANT, note="R4: when the credit line was agreed; empty: not given"),
        Column("region_code", note="where opened; empty: the institution's own region is used"),
        Column("currency", droppable=True, note="ISO 4217 letters"),
        Column("amount", Kind.INT, droppable=True, note="whole currency units"),
        Column("balance", Kind.INT, droppable=True, note="whole currency units"),
        Column("overdue_amount", Kind.INT, droppable=True, note="whole currency units"),
        Column("status", droppable=True),
        Column("closed_on", Kind.DATE, droppable=True, note="empty: still open"),
        Column("original_provider_code", note="C1: who granted the debt"),
        Column("original_account_code"),
        Column("settlement_provider_code"),
        Column("settlement_account_code"),
    ),
    key=("provider_code", "account_code"),
    deciding=("report_date",),
    reducible=SOFT_ACCOUNT_COLUMNS,
    grain="one account of one institution as reported on one day",
    source="second-generation personal credit reporting, records 210 and 220",
)

OPENINGS = TableSpec(
    name="openings",
    columns=(
        _provider(),
        Column("account_code", required=True),
        Column("session_id"),
        Column("document_kind", Kind.CODE, codes=("permanent", "temporary", "other"), note="other: no ID card shown"),
        Column("card_valid_from", Kind.DATE, note="the card that was shown"),
        Column("card_valid_to", Kind.DATE, any_date=True, note="empty: not given, or long-term"),
        Column("card_issuer"),
        Column("channel", Kind.CODE, codes=("counter", "machine", "online", "agent", "mail")),
        Column("operator_id"),
        Column("phone"),
        Column("handler_id_number"),
        Column("exception_code", Kind.CODE, codes=("urgent_need",)),
        Column("exception_followed_up_on", Kind.DATE, any_date=True),
    ),
    key=("provider_code", "account_code"),
    grain="evidence of one account opening; the first accepted one judges",
    source="institutions' opening files; record 130 for the card",
)

VERIFICATIONS = TableSpec(
    name="verifications",
    columns=(
        _provider(),
        Column("check_id", required=True),
        Column("session_id"),
        Column("account_code"),
        Column("checked_at", Kind.INSTANT, required=True),
        Column(
            "check_kind",
            Kind.CODE,
            required=True,
            codes=("network_check", "invalid_card_check", "face_match", "fingerprint_match", "in_person"),
        ),
        Column(
            "result",
            Kind.CODE,
            required=True,
            codes=(
                "match_photo",
                "match_no_photo",
                "name_mismatch",
                "number_unknown",
                "valid",
                "reported_lost",
                "invalid",
                "pass",
                "fail",
                "error",
            ),
        ),
    ),
    key=("provider_code", "check_id"),
    grain="one identity check made by an institution",
    source="institutions' check logs (network check, invalid-card check, biometrics)",
)

# Any other pair of check_kind and result is bad_code (SPEC 3.2).
RESULTS_BY_KIND: dict[str, tuple[str, ...]] = {
    "network_check": ("match_photo", "match_no_photo", "name_mismatch", "number_unknown", "error"),
    "invalid_card_check": ("valid", "reported_lost", "invalid", "error"),
    "face_match": ("pass", "fail", "error"),
    "fingerprint_match": ("pass", "fail", "error"),
    "in_person": ("pass", "fail", "error"),
}

INQUIRIES = TableSpec(
    name="inquiries",
    columns=(
        _provider(),
        Column("inquiry_id", required=True),
        Column("id_number", required=True),
        Column("name"),
        Column("inquired_at", Kind.INSTANT, required=True),
        Column(
            "reason",
            Kind.CODE,
            required=True,
            codes=("loan_approval", "card_approval", "guarantee", "post_loan", "other"),
        ),
    ),
    key=("provider_code", "inquiry_id"),
    grain="one look into a person's credit report",
    source="credit report, inquiry records",
)

OBJECTIONS = TableSpec(
    name="objections",
    columns=(
        Column("objection_no", required=True),
        Column("id_number", required=True),
        _provider(),
        Column("account_code"),
        Column("received_on", Kind.DATE, required=True),
        Column("evidence_kind"),
        Column("evidence_ref"),
    ),
    key=("objection_no",),
    grain="one objection of a person against a record",
    source="regulation on the credit reporting industry, art. 25",
)

FRAUD_ALERTS = TableSpec(
    name="fraud_alerts",
    columns=(
        Column("alert_id", required=True),
        Column("id_number", required=True),
        Column("effective_from", Kind.DATE, required=True, any_date=True),
        Column("effective_to", Kind.DATE, any_date=True, note="empty: no end"),
    ),
    key=("alert_id",),
    grain="one fraud alert on a person's report",
    source="credit report, PA01D",
)

ACCOUNT_RENAMES = TableSpec(
    name="account_renames",
    columns=(
        _provider(),
        Column("old_account_code", required=True),
        Column("new_provider_code", note="empty: the same institution"),
        Column("new_account_code", required=True),
        Column("effective_on", Kind.DATE, required=True, any_date=True),
    ),
    key=("provider_code", "old_account_code"),
    grain="one change of an account's code",
    source="second-generation personal credit reporting, record 211",
)
