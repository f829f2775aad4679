"""On which delivered columns findings rest, by rule: what a correction may prove, and what a bank may take away.

The one table behind ``provider_changed`` (SPEC 8.1) and the proof of outcome 3 (SPEC 8.3).
"""

from __future__ import annotations

_WHO = ("id_number", "id_type")
_WHEN = ("account_type", "opened_at", "agreement_at", "original_provider_code", "original_account_code")

# Columns of an account's row on which a finding of each rule on an account rests.
RESTS_ON: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("R101", "R102", "R103", "R104", "R105", "R106", "R107", "R204", "R402"), (*_WHO, *_WHEN)),
    **dict.fromkeys(("R108", "R201", "R202", "R203"), _WHEN),
    "R109": (
        *("id_number", "account_type", "opened_at", "original_provider_code", "original_account_code"),
        *("settlement_provider_code", "settlement_account_code"),
    ),
    "R301": _WHO,
    "R302": (*_WHO, "account_type", "name"),
}

# The rules that read an account's own opened_at, also where an agreement or an original gives the moment.
OWN_DAY = frozenset({"R109"})

# Rules that an account without any opening may have and that ask which card was shown: the first opening, delivered
# later, gives them a value that was missing. A second one is beside the first, never instead of it.
RESTS_ON_OPENING: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("R102", "R103", "R105", "R107", "R402"), ("card_valid_from", "document_kind")
)

# Every column of an account that some finding rests on, to its typed columns. Balances, states and dates of report
# change every night, and take no finding away.
TYPED: dict[str, tuple[str, ...]] = {
    "id_type": ("id_type",),
    "id_number": ("id_norm", "id_status"),
    "name": ("name_norm", "name_known"),
    "account_type": ("account_type",),
    "opened_at": ("opened_from", "opened_to"),
    "agreement_at": ("agreement_from", "agreement_to"),
    "original_provider_code": ("original_provider_code",),
    "original_account_code": ("original_account_code",),
    "settlement_provider_code": ("settlement_provider_code",),
    "settlement_account_code": ("settlement_account_code",),
}
