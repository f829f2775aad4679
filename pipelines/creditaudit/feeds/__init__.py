"""What is delivered: one :class:`TableSpec` per feed."""

from __future__ import annotations

from creditaudit.feeds.credit import (
    ACCOUNT_RENAMES,
    ACCOUNTS,
    FRAUD_ALERTS,
    INQUIRIES,
    OBJECTIONS,
    OPENINGS,
    RESULTS_BY_KIND,
    SOFT_ACCOUNT_COLUMNS,
    VERIFICATIONS,
)
from creditaudit.feeds.model import ID_COLUMNS, INSTANT, PROVENANCE, Column, Kind, TableSpec, typed_fields
from creditaudit.feeds.registry import IMPOSTORS, INVALID_CARDS, ISSUANCES, LOSS_REPORTS

# In the order in which they are received and listed.
FEEDS: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        ACCOUNTS,
        OPENINGS,
        VERIFICATIONS,
        INVALID_CARDS,
        LOSS_REPORTS,
        ISSUANCES,
        IMPOSTORS,
        INQUIRIES,
        OBJECTIONS,
        FRAUD_ALERTS,
        ACCOUNT_RENAMES,
    )
}

# A refused file of one of these refuses the night (SPEC 3.4).
REGISTRIES = ("invalid_cards", "loss_reports", "issuances")

# Expected every night unless the configuration says otherwise (SPEC 3.1).
EXPECTED = ("accounts", "invalid_cards", "loss_reports")

__all__ = [
    "ACCOUNTS",
    "ACCOUNT_RENAMES",
    "EXPECTED",
    "FEEDS",
    "FRAUD_ALERTS",
    "ID_COLUMNS",
    "IMPOSTORS",
    "INQUIRIES",
    "INSTANT",
    "INVALID_CARDS",
    "ISSUANCES",
    "LOSS_REPORTS",
    "OBJECTIONS",
    "OPENINGS",
    "PROVENANCE",
    "REGISTRIES",
    "RESULTS_BY_KIND",
    "SOFT_ACCOUNT_COLUMNS",
    "VERIFICATIONS",
    "Column",
    "Kind",
    "TableSpec",
    "typed_fields",
]
