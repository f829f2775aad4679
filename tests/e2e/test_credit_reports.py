"""A folder of credit reports as a delivery: judged, labelled without a number, read once, quarantined and repaired."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from credit_reports import DEBT, LOAN, NUMBER, account, envelope, report

FIRST, SECOND = (date(2026, 11, 20) + timedelta(days=n) for n in range(2))
LOSS = {"report_no": "L1", "id_number": NUMBER, "card_valid_from": "2010-01-01", "reported_at": "2016-01-10 10:00:00"}
OPENING = {"provider_code": LOAN["PD01AI02"], "account_code": LOAN["PD01AI03"], "card_valid_from": "2010-01-01"}
QUIET = {"event_id": "E9", "id_number": "110101199003070011", "event": "damaged", "effective_at": "2024-01-01"}


@pytest.fixture
def place(place):
    for night in (FIRST, SECOND):
        place.deliver(night, "loss_reports", [LOSS])
        place.deliver(night, "invalid_cards", [QUIET])
    place.deliver(FIRST, "openings", [OPENING])
    content = envelope(report(account(LOAN), account(DEBT), account({**LOAN, "PD01AD01": "Z9"})).encode())
    place.drop(FIRST, "reports", content, name=f"{NUMBER}.xml")
    place.drop(FIRST, "reports", envelope(b"", result="AAA001"), name="other.xml")
    return place


def test_a_folder_of_reports_is_a_delivery(place):
    outcome = place.night(FIRST)
    assert not outcome.is_degraded
    assert [(r["account_code"], r["rule_id"]) for r in place.rows(FIRST, "findings") if r["rule_id"] == "R101"] == [
        (LOAN["PD01AI03"], "R101")
    ]
    rows = {(r["feed"], r["file"]): r for r in place.rows(FIRST, "coverage") if r["file"].startswith("reports/")}
    assert len(rows) == 4
    (own,) = [r for (feed, name), r in rows.items() if feed == "accounts" and name.startswith("reports/*~")]
    assert (own["kind"], own["provider_code"], own["delivered"], own["quarantined"]) == ("delta", None, 3, 1)
    warnings = outcome.summary["warnings"]
    assert "accounts: 1 accounts of 1 credit reports have a stand-in for their mark" in warnings
    assert "reports/other.xml: no report: result code AAA001" in warnings
    manifest = (place.folder(FIRST) / "manifest.json").read_text()
    assert NUMBER not in manifest
    assert {"folder": "2026-11-20", "file": "reports/other.xml"}.items() <= next(
        i for i in json.loads(manifest)["inputs"] if i["file"] == "reports/other.xml"
    ).items()


def test_a_report_is_read_once_and_a_late_one_the_next_night(place):
    place.night(FIRST)
    place.drop(FIRST, "reports", envelope(report(account({**LOAN, "PD01AI03": "LATE"})).encode()), name="late.xml")
    place.deliver(SECOND, "openings", [OPENING])
    outcome = place.night(SECOND)
    assert outcome.summary["late_files"] == [
        "2026-11-20/accounts/reports/late.xml",
        "2026-11-20/fraud_alerts/reports/late.xml",
    ]


def test_a_row_of_a_report_can_be_repaired(place):
    place.night(FIRST)
    out = place.root / "out.csv"
    where = ("--book", str(place.book))
    place.say("quarantine", "export", *where, "--night", "2026-11-20", "--feed", "accounts", "--out", str(out))
    out.write_text(out.read_text(encoding="utf-8-sig").replace("Z9", "D1"), encoding="utf-8")
    said = place.say("quarantine", "readmit", *where, str(out), "--by", "Li", "--reason", "asked the bureau")
    assert said.code == 0, said.err


def test_the_configuration_may_name_the_form(place):
    text = place.config.read_text()
    place.config.write_text(f'{text}\n[sources.bureau]\nformat = "pbc2-report-xml"\n')
    assert not place.night(FIRST).is_degraded
    place.config.write_text(f'{text}\n[sources.bureau]\nformat = "pbc2-report-xml"\ndelimiter = ";"\n')
    assert place.say(*place.asked("--night", "2026-11-21")).code == 2
