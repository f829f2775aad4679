"""What a sheet says of the fault lane: kept with the case, told element by element (SPEC 7.3)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.fault.sheet_facts import sheet_facts_changed, tell_elements
from creditaudit.tables import JUDGED_ACCOUNTS, LAST_CHECKS
from unit.kit import NIGHT, remembered

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
DECIDED: Row = {
    **{"provider_code": "B01", "subject": "account:A1", "rule_id": "R101", "verdict": "violation"},
    **{"notice_source": "loss_reports", "notice_id": "L1", "covered": True, "knowable": "could_have_known"},
    **{"duty": "unknown", "performed": "missing", "fault": "needs_evidence", "grid_row": "12", "covered_by": "log.csv"},
    **{"visible_basis": "visible_at", "visible_from": 10, "visible_to": 20, "exception": "not_claimed"},
}
FAULT_COLUMNS = (*("provider_code", "subject"), *SHEET_FACTS.schema.names[3:22])


def stand(engine: Engine, *kept: Row) -> None:
    rows = [{"night": NIGHT, **row} for row in kept]
    engine.load("standing_sheet_facts", pa.Table.from_pylist(rows, schema=SHEET_FACTS.schema))


def told(engine: Engine, *subjects: str) -> tuple[list[Row], list[Row]]:
    cases = [{"case_id": f"C{n}", "provider_code": "B01", "subject": s} for n, s in enumerate(subjects)]
    schema = pa.schema([(name, pa.string()) for name in ("case_id", "provider_code", "subject")])
    engine.load("sheet_cases", pa.Table.from_pylist(cases, schema=schema))
    tell_elements(engine)
    elements = engine.fetch("SELECT * FROM sheet_elements ORDER BY case_id, place").to_pylist()
    return elements, engine.fetch("SELECT * FROM sheet_flips ORDER BY case_id, place").to_pylist()


def test_elements_are_proven_refuted_or_missing_with_their_row(engine: Engine) -> None:
    stand(engine, DECIDED)
    elements, _ = told(engine, "account:A1")
    assert [(e["name"], e["status"], e["value"]) for e in elements] == [
        ("duty", "missing", "unknown"),
        ("knowable", "proven", "could_have_known"),
        ("performed", "refuted", "missing"),
        ("exception", "refuted", "not_claimed"),
        ("verdict", "proven", "violation"),
    ]
    sources = {e["name"]: {s["name"]: s["value"] for s in e["source"]} for e in elements}
    assert sources["duty"] == {}
    assert sources["performed"] == {"covered_by": "log.csv"}
    assert sources["knowable"]["notice_id"] == "L1"
    assert sources["knowable"]["visible_to"] == "20"


def test_what_would_change_it_names_what_is_missing_first(engine: Engine) -> None:
    """The grid: with a duty in force and no check, fault is indicated; without a duty it is not."""
    stand(engine, DECIDED)
    _, flips = told(engine, "account:A1")
    first = [({c["name"]: c["value"] for c in f["changes"]}, f["fault"], f["is_open"]) for f in flips[:2]]
    assert first == [
        ({"duty": "in_force"}, "fault_indicated", True),
        ({"duty": "not_in_force"}, "no_fault_indicated", True),
    ]
    assert [f["is_open"] for f in flips] == sorted((f["is_open"] for f in flips), reverse=True)


def test_a_case_outside_the_lane_or_without_findings_has_no_element(engine: Engine) -> None:
    stand(engine, {"provider_code": "B01", "subject": "account:A1"})
    assert told(engine, "account:A1", "account:A2") == ([], [])


@pytest.fixture
def judged(engine: Engine) -> Engine:
    """One account with a finding, and one without."""
    text = pa.string()
    schema = pa.schema([(f.name, f.type) for f in SHEET_FACTS.schema if f.name in FAULT_COLUMNS])
    rows = [{**DECIDED, "account_code": "A1"}]
    engine.load("finding_faults", pa.Table.from_pylist(rows, schema=schema))
    names = ("provider_code", "subject", "rule_id", "verdict", "notice_source", "notice_id")
    engine.load(
        "case_faults",
        pa.Table.from_pylist(
            [{n: DECIDED[n] for n in names}, {"provider_code": "B01", "subject": "inquiry:Q"}],
            schema=pa.schema([(n, text) for n in names]),
        ),
    )
    account = {"provider_code": "B01", "account_code": "A1", "moment_from": 5, "moment_to": 6, "shown_on": 3}
    engine.load("judged_accounts", pa.Table.from_pylist([account], schema=JUDGED_ACCOUNTS))
    check = {"provider_code": "B01", "account_code": "A1", "card_check_id": "V1", "card_check_result": "valid"}
    engine.load("last_checks", pa.Table.from_pylist([check], schema=LAST_CHECKS))
    stand(engine)
    return engine


def changed(engine: Engine, night: date) -> list[dict[str, Any]]:
    """Rows as the book keeps them."""
    return remembered(SHEET_FACTS, sheet_facts_changed(engine, night))


def test_only_what_is_news_is_kept(judged: Engine) -> None:
    first = changed(judged, date(2026, 11, 20))
    account, inquiry = first
    assert (account["subject"], account["fault"], account["card_check_id"]) == ("account:A1", "needs_evidence", "V1")
    assert (account["moment_from"], account["shown_on"]) == (5, 3)
    assert (inquiry["subject"], inquiry["rule_id"]) == ("inquiry:Q", None)
    stand(judged, *first)
    assert changed(judged, date(2026, 11, 21)) == []
    stand(judged, {**account, "grid_row": "13"}, inquiry)
    assert [row["subject"] for row in changed(judged, date(2026, 11, 21))] == ["account:A1"]
