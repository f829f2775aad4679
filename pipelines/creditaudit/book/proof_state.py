"""What the book remembers of proofs: full deliveries of accounts, proofs that wait for a second one, absences (8.3)."""

from __future__ import annotations

import pyarrow as pa

from creditaudit.book.state_model import Overlay, StateTable
from creditaudit.book.state_model import text_fields as _text

_NIGHT = pa.field("night", pa.date32())
_CASE = (*_text("case_id"), pa.field("episode", pa.int32()))

# Full accounts files that can prove something: accepted, of their own night, with a scope that their control states
# whole. One row per file; files of one night and scope are one delivery.
ACCOUNT_DELIVERIES = StateTable(
    "account_deliveries",
    pa.schema(
        [
            _NIGHT,
            *_text("file", "sha256"),
            *_text("scope"),  # creditaudit.book.scopes.scope_text
            pa.field("distinct_rows", pa.int64()),  # as delivered, without those that only repeat a key of that night
            pa.field("is_stated", pa.bool_()),  # the control gives rows and sha256 (that agree)
        ]
    ),
    ("night", "file"),
    Overlay.ALL,
)

# Decisions that a scope has become smaller: deliveries of nights before counts_from are no base any more.
SMALLER_BASES = StateTable(
    "smaller_bases",
    pa.schema([_NIGHT, *_text("scope"), pa.field("counts_from", pa.date32()), *_text("evidence_ref", "entry")]),
    ("night", "scope", "entry"),
    Overlay.ALL,
)

# Whether a delivery of a scope ever held an account: looked up once, then only for the nights since.
HELD_SCOPES = StateTable(
    "held_scopes",
    pa.schema(
        [
            _NIGHT,
            *_text("case_id", "scope"),
            *_text("codes"),  # PROVIDER/ACCOUNT of the lineage as it was asked for, joined by ;
            pa.field("held_on", pa.date32()),  # NULL: no delivery before this night held it
        ]
    ),
    ("case_id", "scope", "codes"),
    Overlay.LATEST,
)

# One row per proof of one night. Two of one kind verify a case; a row with is_void undoes those before it.
CASE_PROOFS = StateTable(
    "case_proofs",
    pa.schema(
        [
            _NIGHT,
            *_CASE,
            *_text("kind"),  # absence, number, values
            *_text("detail"),  # absence: scope; values: the columns with a new value, joined by ;
            *_text("sha256s", "files"),  # of the files that prove, sorted, joined by ;
            pa.field("is_void", pa.bool_()),
            pa.field("is_final", pa.bool_()),  # with this proof the case was verified
        ]
    ),
    ("night", "case_id", "episode", "kind", "detail"),
    Overlay.ALL,
)

# On which values the findings of a case rest, as of the last night on which it had some before the answer (outcome 3).
CASE_BASELINES = StateTable(
    "case_baselines",
    pa.schema(
        [
            _NIGHT,
            *_CASE,
            pa.field("taken_on", pa.date32()),  # of the answer
            pa.field("stood_on", pa.date32()),  # night whose values these are
            *_text("rests_on"),  # delivered columns on which the findings rest, sorted, joined by ;
            *_text("id_norm", "name_norm", "id_type", "account_type"),
            pa.field("opened_from", pa.timestamp("us")),
            pa.field("opened_to", pa.timestamp("us")),
            pa.field("agreement_from", pa.timestamp("us")),
            pa.field("agreement_to", pa.timestamp("us")),
            *_text("original_provider_code", "original_account_code"),
            *_text("settlement_provider_code", "settlement_account_code"),
        ]
    ),
    ("case_id", "episode"),
    Overlay.LATEST,
)

# Accounts chained to the account of a case whose correction is awaited: they stay listed after it is verified.
CASE_CHAINED = StateTable(
    "case_chained",
    pa.schema(
        [
            _NIGHT,
            *_text("case_id", "provider_code", "account_code"),
            *_text("next_provider", "next_code"),  # what it names; NULL: chained by person and group
        ]
    ),
    ("case_id", "provider_code", "account_code"),
    Overlay.LATEST,
)

# Accounts that are judged no more (SPEC 2): proven absent, and not delivered again since. Holds from the night after.
ABSENT_ACCOUNTS = StateTable(
    "absent_accounts",
    pa.schema([_NIGHT, *_text("provider_code", "account_code", "case_id"), pa.field("is_absent", pa.bool_())]),
    ("provider_code", "account_code"),
    Overlay.LATEST,
)

PROOF_TABLES = (
    ACCOUNT_DELIVERIES,
    SMALLER_BASES,
    HELD_SCOPES,
    CASE_PROOFS,
    CASE_BASELINES,
    CASE_CHAINED,
    ABSENT_ACCOUNTS,
)
