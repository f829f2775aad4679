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

# What a rule returns.
RULE_COLUMNS = ("provider_code", "account_code", "notice_source", "notice_id", "verdict")
VERDICTS = ("violation", "undecidable", "lead")

# The columns of tables.py do not say which may be NULL; these may.
_NULLABLE: Mapping[str, frozenset[str]] = {
    "judged_accounts": frozenset(
        {
            *("id_norm", "region_code", "business_code", "moment_from", "moment_to", "moment_day", "no_moment"),
            *("document_kind", "shown_on", "shown_to"),
        }
    ),
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
}

# What names one row: a ROW_NUMBER is total when its PARTITION BY and ORDER BY hold all of these.
ROW_KEYS: dict[str, tuple[str, ...]] = {
    "judged_accounts": ("provider_code", "account_code"),
    "notices": ("notice_source", "notice_id"),
    "issued_cards": ("id_norm", "valid_from", "kind"),
    "card_facts": ("id_norm", "valid_from"),
    "pairs": ("provider_code", "account_code", "notice_source", "notice_id"),
}
