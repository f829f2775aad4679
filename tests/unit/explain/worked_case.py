"""One account whose fault every element decides; the guide to reviewing a case shows it, too."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from creditaudit.explain import Explanation, explain_account
from place import Place
from reference.small import ACCOUNT, OPENING, REPORT

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = date(2026, 11, 20)
DUTIES = (
    "duty_id,check_kind,provider_code,institution_kind,region_code,business_code,account_type,channel,"
    "in_force_from,in_force_to,documented_to,status,source\n"
    "D1,invalid_card_check,*,*,*,*,*,*,2020-01-01,,2030-01-01,{status},notice 1\n"
)
INSTITUTIONS = "provider_code,name,kind,region_code,parent_code,valid_from,valid_to\nB01,Bank,state_bank,11,,,\n"
SCOPE = {
    **{"kind": "full", "provider_code": "B01", "region_code": None, "business_codes": None},
    **{"covers_from": "2020-01-01", "covers_to": "2026-11-20"},
}
CHECK = {
    **{"provider_code": "B01", "check_id": "V1", "account_code": "A1", "checked_at": "2024-01-10 10:00:00"},
    **{"check_kind": "invalid_card_check", "result": "valid"},
}
OTHER_CHECK = {**CHECK, "check_id": "V0", "account_code": "ZZ"}
SEEN = {**REPORT, "visible_at": "2024-01-10 10:00:00"}


def explained(root: Path, *, status: str = "in_force", **feeds: list[dict[str, str]]) -> Explanation:
    """Judge one account that was opened with a lost card; the bank's whole log says that nobody checked it."""
    reference = root / "reference"
    reference.mkdir(parents=True)
    (reference / "duties.csv").write_text(DUTIES.format(status=status), encoding="utf-8")
    (reference / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    place = Place(root).made(reference)
    rows = {
        "accounts": [ACCOUNT],
        "openings": [OPENING],
        "loss_reports": [SEEN],
        "verifications": [OTHER_CHECK],
        **feeds,
    }
    for feed, delivered in rows.items():
        path = place.deliver(NIGHT, feed, delivered)
        if feed == "verifications":
            path.with_name(f"{path.name}.ctl").write_text(json.dumps(SCOPE), encoding="utf-8")
    place.night(NIGHT)
    return explain_account(place.book, "B01/A1", NIGHT)
