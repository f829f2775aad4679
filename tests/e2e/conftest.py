"""Three small nights for four recipients: new cases, an unchanged night, a change and a rename."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from e2e.secrets import NAMES, PHONES
from e2e.telltale import HOLDER, deliver_refused, deliver_telltales
from e2e.telltale import SECOND as NEXT
from place import Place, Spoken
from reference.small import ACCOUNT, ISSUANCE, NIGHT, NUMBER, OPENING, REPORT

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND, THIRD = NIGHT, NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
OTHER_NUMBER = "440305199001015556"
LONG_CODE = "1234567890123456"

INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
B01,甲银行,bank,440300,,2000-01-01,
B02,乙银行,bank,310000,,2000-01-01,
"""
RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
all,pboc_liaison,,,3+4,utf-8-sig,zh,
south,pboc_liaison,,4403,,gb18030,,
b01,institution,B01,,1+1,utf-8-sig,en,
b02,institution,B02,,3+4,gb18030,zh,
"""

# Opened a second after the report with the lost card: an R101 violation each.
FLAGGED = [
    {**ACCOUNT, "region_code": ""},
    {**ACCOUNT, "account_code": "A2", "region_code": "310000"},
    {**ACCOUNT, "provider_code": "B02", "account_code": "=A3", "region_code": ""},
    {**ACCOUNT, "provider_code": "B02", "account_code": LONG_CODE, "region_code": "440305"},
]
# Opened with a newer card; and, without a known card, after the next card was collected (R103 alone).
CLEARED = {**ACCOUNT, "account_code": "N1", "opened_at": "2024-03-01"}
QUIET = {**ACCOUNT, "account_code": "Q1", "id_number": OTHER_NUMBER, "opened_at": "2024-03-01"}
REPORTS = [REPORT, {**REPORT, "report_no": "L2", "id_number": OTHER_NUMBER}]
ISSUANCES = [ISSUANCE, {**ISSUANCE, "id_number": OTHER_NUMBER}]


def _deliver(place: Place) -> None:
    shown = [{**OPENING, "provider_code": a["provider_code"], "account_code": a["account_code"]} for a in FLAGGED]
    newer = {**OPENING, "account_code": "N1", "card_valid_from": "2024-01-12"}
    bad = {**ACCOUNT, "account_code": "BAD", "opened_at": "2024-13-01"}
    for night in (FIRST, SECOND, THIRD):
        accounts = [*FLAGGED, CLEARED, QUIET, bad]
        if night == THIRD:
            accounts[0] = {**accounts[0], "opened_at": "2024-01-10 10:00:02", "report_date": "2026-11-20"}
        path = place.deliver(night, "accounts", accounts)
        place.deliver(night, "openings", [*shown, newer])
        place.deliver(night, "loss_reports", REPORTS)
        place.deliver(night, "invalid_cards", [{"event_id": "", "id_number": "", "event": "", "effective_at": ""}])
        place.deliver(night, "issuances", ISSUANCES)
        control = {"rows": len(accounts), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "kind": "full"}
        control |= {"provider_code": None, "region_code": "44", "business_codes": ["11", "81"]}
        control |= {"covers_from": "2020-01-01", "covers_to": night.isoformat()}
        path.with_name("f.csv.ctl").write_text(json.dumps(control), encoding="utf-8")
    rename = {"provider_code": "B01", "old_account_code": "A2", "new_account_code": "A2-NEW"}
    place.deliver(THIRD, "account_renames", [{**rename, "effective_on": THIRD.isoformat()}])


@pytest.fixture(scope="session")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The sealed book; read, never changed."""
    root = tmp_path_factory.mktemp("published")
    reference: Path = root / "reference"
    reference.mkdir()
    (reference / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (reference / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    place = Place(root).made(reference)
    _deliver(place)
    for night in (FIRST, SECOND, THIRD):
        place.night(night)
    assert NUMBER != OTHER_NUMBER
    return place


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[Spoken]]:
    """Two nights over tell-tale deliveries, failed runs between them, and all that was said."""
    place = Place(tmp_path_factory.mktemp("leaks")).made()
    recipients = (place.book / "reference" / "recipients.csv").read_text(encoding="utf-8")
    own = "own,institution,B01,,1+1,gb18030,en,\n"
    (place.book / "reference" / "recipients.csv").write_text(recipients + own, encoding="utf-8")
    log = ("--run-log", str(place.root / "run.log"))
    said: list[Spoken] = []
    for night in (NIGHT, NEXT):
        deliver_telltales(place, night)
        deliver_refused(place, night)
        bad = place.drop(night, "loss_reports", f"{HOLDER},{NAMES[0]}\n".encode(), name=f"{PHONES[0]}.csv")
        said.append(place.say(*place.asked("--night", night.isoformat(), *log)))
        said.append(place.say("--log-format", "json", *place.asked("--night", night.isoformat())))
        bad.unlink()
        said.append(place.say("--log-format", "json", *place.asked("--night", night.isoformat(), *log)))
    said.append(place.say("verify", "--book", str(place.book)))
    assert [one.code for one in said] == [3, 3, 5, 3, 3, 5, 0], [one.err for one in said]
    return place, said
