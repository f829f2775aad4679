"""From a case to the delivered lines and inbox entries that it rests on, and back (SPEC 9)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from credit_reports import LOAN, STATE, envelope, report
from credit_reports import account as xml_account
from creditaudit.audit.rulebook import shipped_rules
from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from creditaudit.errors import UsageError
from creditaudit.trace import ROLES, TRACE, Source, trace
from place import Place
from unit.responding import NEXT, NIGHT, SECRETS, Answered, cases

if TYPE_CHECKING:
    import pyarrow as pa

DAY = date(2026, 11, 20)
LOSER, OTHER = "11010519491231002X", "440305199001015556"
Line = tuple[str, str, int | None]  # role, feed, line


def account(code: str, provider: str = "B01", **cells: str) -> dict[str, str]:
    base = {"provider_code": provider, "account_code": code, "report_date": "2026-11-19", "id_type": "10"}
    return {**base, "id_number": LOSER, "account_type": "D1", "opened_at": "2026-10-20", **cells}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A renamed account, a chain to it, its debt sold, checks by code and session, twins, and somebody else's rows."""
    place = Place(tmp_path_factory.mktemp("trace")).made()
    accounts = [
        account("OLD"),
        account("CHAIN", opened_at="2020-01-01", settlement_provider_code="B01", settlement_account_code="OLD"),
        account("SOLD", "B02", account_type="C1", original_provider_code="B01", original_account_code="OLD"),
        account("OTHERS", id_number=OTHER),
        account("EARLY", opened_at="2020-01-01"),
    ]
    place.deliver(DAY, "accounts", accounts)
    shown = {"provider_code": "B01", "session_id": "S1", "card_valid_from": "2015-01-01"}
    place.deliver(
        DAY, "openings", [{**shown, "account_code": "OTHERS", "session_id": "S2"}, {**shown, "account_code": "OLD"}]
    )
    check = {"provider_code": "B01", "checked_at": "2026-10-20", "check_kind": "invalid_card_check", "result": "valid"}
    checks = [
        {"check_id": "K1", "session_id": "S1"},
        {"check_id": "K2", "account_code": "OTHERS"},
        {"check_id": "K3", "account_code": "OLD"},
    ]
    place.deliver(DAY, "verifications", [{**check, "session_id": "", "account_code": "", **own} for own in checks])
    lost = {"card_valid_from": "2015-01-01", "reported_at": "2026-10-01"}
    place.deliver(
        DAY,
        "loss_reports",
        [
            {"report_no": "L0", "id_number": OTHER, **lost, "withdrawn_at": "2026-10-02"},
            {"report_no": "L1", "id_number": LOSER, **lost, "withdrawn_at": ""},
        ],
    )
    place.deliver(
        DAY,
        "invalid_cards",
        [
            {
                "event_id": "E1",
                "id_number": LOSER,
                "event": "reported_lost",
                "card_valid_from": "2015-01-01",
                "effective_at": "2026-10-02",
            }
        ],
    )
    place.deliver(DAY, "issuances", [{"id_number": LOSER, "card_valid_from": "2026-11-01", "kind": "permanent"}])
    place.deliver(
        DAY,
        "account_renames",
        [{"provider_code": "B01", "old_account_code": "OLD", "new_account_code": "NEW", "effective_on": "2026-11-01"}],
    )
    place.night(DAY)
    return place


def lines(traced: pa.Table, rule: str, notice: str | None = None) -> set[Line]:
    return {
        (row["role"], row["feed"], row["line"])
        for row in traced.to_pylist()
        if row["rule_id"] == rule and row["notice_id"] == notice
    }


def case_at(place: Place, code: str) -> str:
    [case] = [row["case_id"] for row in place.rows(DAY, "cases") if row["account_code"] == code]
    return str(case)


def test_a_finding_names_every_line_that_it_was_judged_from(house: Place) -> None:
    """Under both codes of the account, by its session and its code, with its twin: and nobody else's line."""
    found = trace(open_book(house.book), case_id=case_at(house, "NEW"))
    assert found.schema == TRACE
    assert set(found["role"].to_pylist()) <= set(ROLES)
    rests = {
        *(("account", "accounts", 2), ("opening", "openings", 3), ("notice", "loss_reports", 3)),
        *(("check", "verifications", 2), ("check", "verifications", 4), ("registry", "invalid_cards", 2)),
        *(("issuance", "issuances", 2), ("rename", "account_renames", 2)),
    }
    assert lines(found, "R101", "L1") == rests
    swapped = {
        ("notice", "loss_reports", 3): ("registry", "loss_reports", 3),
        ("registry", "invalid_cards", 2): ("notice", "invalid_cards", 2),
    }
    assert lines(found, "R101", "E1") == {swapped.get(line, line) for line in rests}
    own = (house.landing / DAY.isoformat() / "accounts" / "f.csv").read_bytes()
    named = {row["sha256"] for row in found.to_pylist() if row["feed"] == "accounts"}
    assert named == {hashlib.sha256(own).hexdigest()}


def test_chains_and_sold_debts_lead_to_the_account_behind_them(house: Place) -> None:
    chained = trace(open_book(house.book), case_id=case_at(house, "CHAIN"))
    assert lines(chained, "R109") == {("account", "accounts", 3), ("linked_account", "accounts", 2)}
    sold = trace(open_book(house.book), case_id=case_at(house, "SOLD"))
    assert {("account", "accounts", 4), ("linked_account", "accounts", 2), ("opening", "openings", 3)} <= lines(
        sold, "R101", "L1"
    )


def test_a_line_names_the_findings_that_rest_on_it(house: Place) -> None:
    """And only them: what is found from a line is what names the line from its case."""
    book = open_book(house.book)
    back = trace(book, source=Source("loss_reports/f.csv", 3))
    assert {(row["account_code"], row["rule_id"]) for row in back.to_pylist()} == {("NEW", "R101"), ("SOLD", "R101")}
    every = [trace(book, case_id=case).to_pylist() for case in {r["case_id"] for r in house.rows(DAY, "cases")}]
    own = [row for rows in every for row in rows if row["feed"] == "loss_reports" and row["line"] == 3]
    assert sorted(map(str, back.to_pylist())) == sorted(map(str, own))
    assert trace(book, source=Source("loss_reports/f.csv", 2)).num_rows == 0
    digest = hashlib.sha256((house.landing / DAY.isoformat() / "issuances" / "f.csv").read_bytes()).hexdigest()
    assert trace(book, source=Source(digest[:12])).equals(trace(book, source=Source("issuances/f.csv")))


def test_an_answer_is_named_with_its_entry(answered_cases: Answered) -> None:
    place = answered_cases.place
    [entry] = [path.name for path in (place.book / "inbox").iterdir()]
    found = trace(open_book(place.book), case_id=cases(place)["A1"]["case_id"]).to_pylist()
    assert {(row["night"], row["entry"]) for row in found if row["role"] == "answer"} == {(NEXT, entry)}
    assert {row["night"] for row in found if row["feed"]} == {NIGHT}


def test_the_command_says_the_same_in_every_format(answered_cases: Answered) -> None:
    place = answered_cases.place
    case_id = cases(place)["A1"]["case_id"]
    asked = ("trace", "--book", str(place.book), "--format")
    rows = json.loads(place.say(*asked, "json", case_id).out)
    read = list(csv.DictReader(io.StringIO(place.say(*asked, "csv", case_id).out)))
    assert [row["role"] for row in read] == [row["role"] for row in rows]
    told = place.say(*asked, "table", "--file", "loss_reports/f.csv", "--line", "3")
    assert told.code == 0
    assert cases(place)["A4"]["case_id"] in told.out
    assert "1 cases" in told.err
    assert not [secret for secret in SECRETS if secret in told.out + json.dumps(rows, ensure_ascii=False)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "exactly one"),
        ({"source": []}, "exactly one"),
        ({"case_id": "CA-0"}, "no such case"),
        ({"source": Source("lossreports.csv")}, "did you mean"),
        ({"source": Source("0123456789abcdef")}, "no sealed night read a file of that name or SHA-256"),
    ],
)
def test_what_cannot_be_traced_is_refused(house: Place, given: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        trace(open_book(house.book), **given)  # type: ignore[arg-type] - each is one of the two
    assert why in str(refused.value)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A credit report's account, a loss that was readmitted, and a rule whose text was approved: two nights."""
    place = Place(tmp_path_factory.mktemp("decided")).made()
    loan = {**LOAN, "PD01AR01": "2026-10-20"}
    for day in (DAY, DAY + timedelta(1)):
        place.drop(day, "reports", envelope(report(xml_account(loan, STATE), number=LOSER).encode()), name="p.xml")
    place.deliver(DAY, "accounts", [account("OWN", "B02")])
    place.deliver(DAY, "loss_reports", [{**LOST, "reported_at": "2026-13-45"}])
    place.night(DAY)
    line = {"night": DAY.isoformat(), "file": "f.csv", "row": 1, "cells": list(LOST.values())}
    body = {"feed": "loss_reports", "columns": list(LOST), "rows": [line]}
    book = open_book(place.book)
    put(book, "readmission", by="Li", reason="corrected", body=body, on=None)
    [folder] = [rule for rule in shipped_rules().iterdir() if rule.name.startswith("R102")]
    text = folder.joinpath("rule.sql").read_text(encoding="utf-8").replace("value: 7776000", "value: 86400")
    put(book, "rule_approval", by="Wang", reason="test", body={"folder": folder.name, "text": text}, on=None)
    place.deliver(DAY + timedelta(1), "accounts", [account("OWN", "B02", balance="2")])
    place.night(DAY + timedelta(1))
    return place


LOST = {"report_no": "L9", "id_number": LOSER, "card_valid_from": "2015-01-01", "reported_at": "2026-10-01"}


def _cases_of(place: Place) -> dict[str, list[dict[str, object]]]:
    book = open_book(place.book)
    rows = place.rows(DAY + timedelta(1), "cases")
    return {str(r["account_code"]): trace(book, case_id=str(r["case_id"])).to_pylist() for r in rows}


def test_a_readmitted_row_is_named_with_its_entry_and_back(decided: Place) -> None:
    kinds = {json.loads(p.read_bytes())["kind"]: p.name for p in (decided.book / "inbox").glob("*.json")}
    for rows in _cases_of(decided).values():
        [notice] = [row for row in rows if row["role"] == "notice"]
        assert (notice["feed"], notice["row"], notice["line"]) == ("loss_reports", 1, 1)
        assert notice["entry"] == kinds["readmission"]
        assert str(notice["entry"]).endswith(f"{notice['sha256']}.json")
        assert notice["night"] == DAY + timedelta(1)
    back = trace(open_book(decided.book), source=Source(str(notice["file"])))
    assert set(back["account_code"].to_pylist()) == set(_cases_of(decided))


def test_the_approval_of_the_text_that_judged_is_named(decided: Place) -> None:
    kinds = {json.loads(p.read_bytes())["kind"]: p.name for p in (decided.book / "inbox").glob("*.json")}
    for rows in _cases_of(decided).values():
        assert {row["rule_id"] for row in rows} == {"R102"}
        [text] = [row for row in rows if row["role"] == "rule_text"]
        assert (text["entry"], text["feed"], text["line"]) == (kinds["rule_approval"], None, None)


def test_a_credit_report_is_an_origin_like_any_file(decided: Place) -> None:
    rows = _cases_of(decided)[LOAN["PD01AI03"]]
    [own] = [row for row in rows if row["role"] == "account"]
    content = (decided.landing / DAY.isoformat() / "reports" / "p.xml").read_bytes()
    assert (own["feed"], own["file"], own["row"]) == ("accounts", "reports/p.xml", 1)
    assert own["sha256"] == hashlib.sha256(content).hexdigest()
    back = trace(open_book(decided.book), source=Source("accounts/reports/p.xml", own["line"]))
    assert set(back["account_code"].to_pylist()) >= {LOAN["PD01AI03"]}
