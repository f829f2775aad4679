"""What rule texts may read: the tables, their columns, and which of them may be NULL.

The lint refuses any other table or column, and the casebook wants a case for each NULL that a rule can meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_T, _S, _D, _B, _N = pa.string(), pa.int64(), pa.int32(), pa.bool_(), pa.int32()


def _schema(nullable: Iterable[str], *columns: tuple[str, pa.DataType]) -> pa.Schema:
    may_be_null = frozenset(nullable)
    return pa.schema([pa.field(name, kind, nullable=name in may_be_null) for name, kind in columns])


# One row per (id_norm, valid_from); see sql/card_facts.sql.
CARD_FACTS = _schema(
    ("last_collected_to",),
    ("id_norm", _T),
    ("valid_from", _D),
    ("has_temporary", _N),  # 1: an issuance of that day is temporary
    ("has_uncollected", _N),  # 1: an issuance of that day has no readable collection
    ("last_collected_to", _S),  # NULL: none has
)

# One row per judged account with a moment and id_type 10, and notice of the same id_norm; see sql/pairs.sql.
PAIRS = _schema(
    (
        *("document_kind", "shown_on", "shown_to", "event", "noticed_on", "noticed_to", "lost_from", "lost_to"),
        *("visible_to", "withdrawn_from", "withdrawn_to", "collected_from", "collected_to"),
        "last_issued_on",
    ),
    ("provider_code", _T),
    ("account_code", _T),
    ("id_norm", _T),
    ("id_status", _T),
    ("account_type", _T),
    ("group_code", _T),  # of the provider
    ("document_kind", _T),  # NULL: no opening, or not given
    ("moment_from", _S),
    ("moment_to", _S),
    ("moment_day", _D),
    ("shown_on", _D),  # NULL: none, document_kind other, or later than the moment
    ("shown_to", _D),
    ("card_later_than_moment", _B),  # the opening names a card that begins after the moment
    ("notice_source", _T),
    ("notice_id", _T),
    ("kind", _T),
    ("event", _T),
    ("noticed_on", _D),
    ("noticed_to", _D),
    ("noticed_unreadable", _B),
    ("lost_from", _S),
    ("lost_to", _S),
    ("reported_from", _S),  # the notice's own
    ("reported_to", _S),
    ("reported_on", _D),  # day of reported
    ("visible_from", _S),
    ("visible_to", _S),
    ("withdrawn_from", _S),  # the effective withdrawal
    ("withdrawn_to", _S),
    ("withdrawn_unreadable", _B),
    ("collected_from", _S),
    ("collected_to", _S),
    ("collected_unreadable", _B),
    ("last_issued_on", _D),  # latest card_valid_from among the person's issuances; NULL: none
    ("collection_covered", _B),  # a full issuances file of all regions holds the days from reported to the moment
    ("relation", _T),  # same, presumed_same, newer, older, unknown
    ("is_after", _T),  # yes, maybe, no
    ("standing", _T),  # yes, maybe, no
)

# What pairs is made of: the same rows without what pairs.sql says of them; see sql/account_notices.sql.
_SAID_BY_PAIRS = ("last_issued_on", "collection_covered", "relation", "is_after", "standing")
ACCOUNT_NOTICES = pa.schema(
    [
        *(field for field in PAIRS if field.name not in _SAID_BY_PAIRS),
        pa.field("shared_reported_on", _D, nullable=False),  # of the earlier reported of twins
        pa.field("gone_from", _S, nullable=False),  # when the card was lost; not told: when that was reported
    ]
)

# One row per inquiry on a person and lost notice of that person; see sql/inquiry_pairs.sql.
INQUIRY_PAIRS = _schema(
    ("lost_from", "lost_to", "withdrawn_from", "withdrawn_to"),
    ("provider_code", _T),
    ("inquiry_id", _T),
    ("id_norm", _T),
    ("notice_source", _T),
    ("notice_id", _T),
    ("lost_from", _S),
    ("lost_to", _S),
    ("reported_from", _S),  # the notice's own
    ("withdrawn_from", _S),  # the effective withdrawal
    ("withdrawn_to", _S),
    ("is_after", _T),  # yes, maybe, no: the inquiry after the report
    ("standing", _T),  # yes, maybe, no: at the inquiry
)

# What the sift makes and judging reads: relation → schema.
JUDGED: Mapping[str, pa.Schema] = {
    "judged_accounts": tables.JUDGED_ACCOUNTS,
    "notices": tables.NOTICES,
    "issued_cards": tables.ISSUED_CARDS,
    "issuance_coverage": tables.ISSUANCE_COVERAGE,
    "judged_openings": tables.JUDGED_OPENINGS,
    "account_checks": tables.ACCOUNT_CHECKS,
    "listed_impostors": tables.LISTED_IMPOSTORS,
    "person_alerts": tables.PERSON_ALERTS,
    "judged_inquiries": tables.JUDGED_INQUIRIES,
    "account_links": tables.ACCOUNT_LINKS,
    "lone_debts": tables.LONE_DEBTS,
}

# What a rule returns first; behind these it may return `subject` and columns of its own for the evidence.
RULE_COLUMNS = ("provider_code", "account_code", "notice_source", "notice_id", "verdict")
SUBJECT = "subject"
VERDICTS = ("violation", "undecidable", "lead")

# The columns of tables.py do not say which may be NULL; these may.
_NULLABLE: Mapping[str, frozenset[str]] = {
    "judged_accounts": frozenset(
        {
            *("id_norm", "region_code", "business_code", "moment_from", "moment_to", "moment_day", "no_moment"),
            *("document_kind", "shown_on", "shown_to", "name_key", "original"),
        }
    ),
    "judged_openings": frozenset(
        {
            *("channel", "session_id", "handler_id_norm", "handler_id_status"),
            *("exception_code", "exception_followed_up_on"),
        }
    ),
    "account_checks": frozenset(),
    "last_checks": frozenset(
        {
            *("card_check_id", "card_check_result", "card_check_from", "card_check_to"),
            *("network_check_id", "network_check_result", "network_check_from", "network_check_to"),
            *("person_check_id", "person_check_kind", "person_check_result"),
            *("person_check_from", "person_check_to"),
        }
    ),
    "listed_impostors": frozenset({"term_ends_on", "revoked_on"}),
    "person_alerts": frozenset({"effective_to"}),
    "judged_inquiries": frozenset(),
    "chained_accounts": frozenset({"chain_by"}),
    "notices": frozenset(
        {
            *("event", "noticed_on", "noticed_to", "lost_from", "lost_to", "entered_from", "entered_to", "visible_to"),
            *("withdrawn_from", "withdrawn_to", "collected_from", "collected_to"),
        }
    ),
    "issued_cards": frozenset({"collected_from", "collected_to"}),
    "issuance_coverage": frozenset(),
}


def _nullable(schema: pa.Schema) -> dict[str, bool]:
    return {field.name: bool(field.nullable) for field in schema}


def _delivered(name: str, schema: pa.Schema) -> dict[str, bool]:
    return {column: column in _NULLABLE[name] for column in schema.names}


# table → column → may it be NULL
READABLE: dict[str, dict[str, bool]] = {
    "judged_accounts": _delivered("judged_accounts", tables.JUDGED_ACCOUNTS),
    "notices": _delivered("notices", tables.NOTICES),
    "issued_cards": _delivered("issued_cards", tables.ISSUED_CARDS),
    "issuance_coverage": _delivered("issuance_coverage", tables.ISSUANCE_COVERAGE),
    "card_facts": _nullable(CARD_FACTS),
    "pairs": _nullable(PAIRS),
    "judged_openings": _delivered("judged_openings", tables.JUDGED_OPENINGS),
    "account_checks": _delivered("account_checks", tables.ACCOUNT_CHECKS),
    "last_checks": _delivered("last_checks", tables.LAST_CHECKS),
    "listed_impostors": _delivered("listed_impostors", tables.LISTED_IMPOSTORS),
    "person_alerts": _delivered("person_alerts", tables.PERSON_ALERTS),
    "judged_inquiries": _delivered("judged_inquiries", tables.JUDGED_INQUIRIES),
    "inquiry_pairs": _nullable(INQUIRY_PAIRS),
    "chained_accounts": _delivered("chained_accounts", tables.CHAINED_ACCOUNTS),
}

# The same for the texts of the steps, of which one reads what no rule does.
STEP_READABLE = READABLE | {"account_notices": _nullable(ACCOUNT_NOTICES)}

# A person's own number or name, under whatever table it stands; no readable table has a phone. A rule may compare
# and group by these, and never returns them (SPEC 10.4).
PERSONAL = frozenset({"id_norm", "handler_id_norm", "name_key"})

# Tables with one row per finding's account, or account and notice: their columns may be evidence as they are.
EVIDENT = ("pairs", "judged_accounts", "last_checks", "judged_openings", "chained_accounts")

# What names one row: a ROW_NUMBER is total when its PARTITION BY and ORDER BY hold all of these.
ROW_KEYS: dict[str, tuple[str, ...]] = {
    "judged_accounts": ("provider_code", "account_code"),
    "notices": ("notice_source", "notice_id"),
    "issued_cards": ("id_norm", "valid_from", "kind"),
    "card_facts": ("id_norm", "valid_from"),
    "pairs": ("provider_code", "account_code", "notice_source", "notice_id"),
    "judged_openings": ("provider_code", "account_code"),
    "account_checks": ("provider_code", "account_code", "check_provider", "check_id"),
    "last_checks": ("provider_code", "account_code"),
    "listed_impostors": ("id_norm", "entry"),
    "person_alerts": ("alert_id",),
    "judged_inquiries": ("provider_code", "inquiry_id"),
    "inquiry_pairs": ("provider_code", "inquiry_id", "notice_source", "notice_id"),
    "chained_accounts": ("provider_code", "account_code"),
}
