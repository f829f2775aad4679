"""Facts for the priority of few cases among many accounts cost what the few cost (SPEC 7.4, 13): rows are counted."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.audit.readable import JUDGED
from creditaudit.book.case_state import CASE_FACTS
from creditaudit.scoring.facts import gather_facts
from creditaudit.tables import LAST_CHECKS
from unit.kit import day_number, demo_keys, seconds, stand

if TYPE_CHECKING:
    import pytest

    from creditaudit.engines import Engine

MANY, FOUND = 500, (7, 8)
MOMENT, REPORTED = seconds("2024-04-01 10:00:00"), seconds("2024-03-10 09:00:00")


def of_each(**cells: Any) -> list[dict[str, Any]]:
    """Return one row per account, A0 to A499 of B01."""
    return [{"provider_code": "B01", "account_code": f"A{n}", **cells} for n in range(MANY)]


def judged(engine: Engine) -> None:
    """Load what a night that judges everyone has: every person with an account, a notice, an opening and a check."""
    when = {"moment_from": MOMENT, "moment_to": MOMENT, "moment_day": day_number("2024-04-01")}
    accounts = of_each(id_status="ok", id_type="10", account_type="D1", group_code="G01", region_code="110000", **when)
    lost = {"kind": "lost", "notice_source": "loss_reports", "withdrawn_unreadable": False}
    at = {"reported_from": REPORTED, "reported_to": REPORTED}
    given = {
        "judged_accounts": [{**row, "id_norm": f"P{n}"} for n, row in enumerate(accounts)],
        "notices": [{"id_norm": f"P{n}", "notice_id": f"L{n}", **lost, **at} for n in range(MANY)],
        "judged_openings": of_each(channel="counter"),
        "last_checks": of_each(card_check_id="K1", card_check_result="valid"),
    }
    for name, schema in {**JUDGED, "last_checks": LAST_CHECKS}.items():
        engine.load(name, pa.Table.from_pylist(given.get(name, []), schema=schema))
    money = {"business_code": "11", "currency": "CNY", "amount": 1000, "overdue_amount": 0}
    dates = {"report_date": date(2024, 5, 1), "opened_from": MOMENT}
    engine.load("judged_rows", pa.Table.from_pylist(of_each(**money, **dates)))
    parties = {"session_provider": "B01", "operator_id": "O1", "phone": "1", "handler_id_norm": "H"}
    engine.load("opening_parties", pa.Table.from_pylist(of_each(**parties)))
    engine.load("addressed_regions", pa.table({"provider_code": ["B01"], "region_code": ["110000"]}))
    engine.load("carried_subjects", pa.table({"provider_code": ["B99"], "subject": ["account:Z"]}))
    stand(engine)


def test_tables_are_as_long_as_what_was_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(engine)
    said = {"rule_id": "R101", "verdict": "violation", "notice_source": "loss_reports", "relation": "same"}
    rows = [
        {"provider_code": "B01", "account_code": f"A{n}", "subject": f"account:A{n}", "notice_id": f"L{n}", **said}
        for n in FOUND
    ]
    engine.load("findings", pa.Table.from_pylist(rows))
    made, as_ever = {}, engine.table

    def counting(name: str, select: str) -> int:
        made[name] = as_ever(name, select)
        return made[name]

    monkeypatch.setattr(engine, "table", counting)
    places = pa.table({"rule_id": ["R101"], "verdict": ["violation"], "place": [1]})
    assert gather_facts(engine, demo_keys(), places) == len(FOUND)
    assert {name: count for name, count in made.items() if count > len(FOUND)} == {}
    facts = engine.fetch("SELECT * FROM facts_tonight ORDER BY subject")
    assert set(CASE_FACTS.schema.names) - set(facts.column_names) == {"night"}
    told = [{name: row[name] for name in ("subject", "days_from_loss", "phase", "checks")} for row in facts.to_pylist()]
    assert told == [{"subject": f"account:A{n}", "days_from_loss": 22, "phase": 1, "checks": 0} for n in FOUND]
