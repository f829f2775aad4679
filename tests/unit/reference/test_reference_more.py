"""The rules of the reference that look beyond one account and one notice (SPEC 6.2, 6.3)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from reference.small import ACCOUNT, EVENT, NUMBER, OPENING, REPORT, Cells, Nights, said

if TYPE_CHECKING:
    from pathlib import Path

INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
B01,a,state_bank,,G1,2000-01-01,
B02,b,state_bank,,G1,2000-01-01,2020-01-01
B02,b,state_bank,,G2,2020-01-02,
B03,c,state_bank,,B04,2000-01-01,9999-12-31
B04,d,state_bank,,B03,2000-01-01,
"""


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "institutions.csv").write_text(INSTITUTIONS)
    return Nights(tmp_path)


def check(kind: str, result: str, at: str, **cells: str) -> Cells:
    return {
        "provider_code": "B01",
        "check_id": f"V{at}{kind}",
        "account_code": "A1",
        "checked_at": at,
        "check_kind": kind,
        "result": result,
        **cells,
    }


def test_groups(nights: Nights) -> None:
    group = nights.book.institutions.group
    assert group("B01", date(2026, 11, 20)) == "G1"  # a parent without a row is a top ancestor
    assert group("B02", date(2019, 1, 1)) == "G1"
    assert group("B02", date(2026, 11, 20)) == "G2"
    assert group("B03", date(2026, 11, 20)) == "B04"  # the last before the repeat
    assert group("B09", date(2026, 11, 20)) == "B09"


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([check("invalid_card_check", "reported_lost", "2024-01-10 10:00:01")], [("R201", "violation")]),
        ([check("invalid_card_check", "invalid", "2024-01-10 10:00:02")], []),  # after the moment: does not count
        (
            [
                check("invalid_card_check", "reported_lost", "2024-01-09"),
                check("invalid_card_check", "error", "2024-01-10 01:00"),  # skipped, there is another
            ],
            [("R201", "violation")],
        ),
        ([check("network_check", "name_mismatch", "2024-01-09")], [("R201", "lead")]),
        ([check("face_match", "fail", "2024-01-09")], [("R202", "violation")]),
        ([check("face_match", "fail", "2024-01-08"), check("fingerprint_match", "pass", "2024-01-09")], []),
        ([check("face_match", "fail", "2024-01-08"), check("in_person", "pass", "2024-01-09")], []),
        ([check("face_match", "fail", "2024-01-08", account_code="A9")], []),
        ([check("face_match", "fail", "2024-01-08", account_code="", session_id="S1")], [("R202", "violation")]),
    ],
)
def test_checks(nights: Nights, checks: list[Cells], expected: list[tuple[str, str]]) -> None:
    rows = [{"session_id": "", **row} for row in checks]
    result = nights.night(accounts=[ACCOUNT], openings=[{**OPENING, "session_id": "S1"}], verifications=rows)
    assert said(result) == expected


@pytest.mark.parametrize(
    ("followed_up", "expected"),
    [("2024-02-10", []), ("2024-02-11", ["R201"]), ("2024-01-09", ["R201"]), ("", ["R201"])],
)
def test_an_urgent_need_excepts(nights: Nights, followed_up: str, expected: list[str]) -> None:
    opening = {**OPENING, "exception_code": "urgent_need", "exception_followed_up_on": followed_up}
    warned = check("invalid_card_check", "reported_lost", "2024-01-09")
    result = nights.night(accounts=[ACCOUNT], openings=[opening], verifications=[warned])
    assert [rule for rule, _ in said(result)] == expected


@pytest.mark.parametrize(
    ("effective_from", "effective_to", "expected"),
    [
        ("2024-01-09", "", [("R204", "violation")]),
        ("2024-01-09", "2024-01-10", [("R204", "violation")]),
        ("2024-01-09", "2024-01-09", []),
        ("2024-01-10", "", [("R204", "undecidable")]),
        ("2024-01-11", "", []),
    ],
)
def test_fraud_alerts(nights: Nights, effective_from: str, effective_to: str, expected: list[tuple[str, str]]) -> None:
    alert = {"alert_id": "F1", "id_number": NUMBER, "effective_from": effective_from, "effective_to": effective_to}
    assert said(nights.night(accounts=[ACCOUNT], fraud_alerts=[alert])) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["R203"]),
        ({"finding_on": "2024-01-11"}, []),
        ({"term_ends_on": "2024-01-10"}, ["R203"]),
        ({"term_ends_on": "2024-01-09"}, []),
        ({"revoked_on": "2024-01-10"}, []),
    ],
)
def test_a_listed_impostor(nights: Nights, changes: Cells, expected: list[str]) -> None:
    handler = "440524188001010014"
    opening = {**OPENING, "handler_id_number": handler}
    impostor = {"person_ref": "I1", "id_number": handler, "finding_on": "2024-01-10", **changes}
    result = nights.night(accounts=[ACCOUNT], openings=[opening], impostors=[impostor])
    assert [rule for rule, _ in said(result)] == expected


@pytest.mark.parametrize(("provider", "found"), [("B03", 3), ("B01", 0)])
def test_a_burst_is_three_accounts_at_two_groups(nights: Nights, provider: str, found: int) -> None:
    # 30 x 86,400 s after the report: 2024-02-09 10:00:00
    accounts = [
        {**ACCOUNT, "account_code": "A1"},
        {**ACCOUNT, "account_code": "A2", "opened_at": "2024-02-09 10:00:00"},
        {**ACCOUNT, "account_code": "A3", "provider_code": provider},
        {**ACCOUNT, "account_code": "A4", "provider_code": provider, "opened_at": "2024-02-09 10:00:01"},
    ]
    rules = [rule for rule, _ in said(nights.night(accounts=accounts, loss_reports=[REPORT]))]
    assert rules.count("R402") == found


@pytest.mark.parametrize(("second", "found"), [("李四", 2), ("张三", 0), ("张\ue000", 0), ("张四", 0)])
def test_one_number_several_names(nights: Nights, second: str, found: int) -> None:
    # 张三 became 张四 by a name_changed event of each name: these two count as one
    accounts = [
        {**ACCOUNT, "name": "张 三"},
        {**ACCOUNT, "account_code": "A2", "provider_code": "B02", "name": second},
    ]
    changed = {**EVENT, "event": "name_changed", "effective_at": "2026-01-01"}
    events = [{**changed, "name": "张三"}, {**changed, "event_id": "E2", "name": "张四"}]
    result = nights.night(accounts=accounts, invalid_cards=events)
    assert [rule for rule, _ in said(result)].count("R302") == found


@pytest.mark.parametrize(
    ("inquired_at", "opened_at", "found"),
    [
        ("2026-08-21", "2016-01-01", ["R401"]),  # 2026-11-20 is later than 90 days after: 2026-11-19
        ("2026-08-22", "2016-01-01", []),
        ("2026-08-21 12:00:00", "2026-08-21 12:00:00", ["R101"]),
        ("2026-08-21 12:00:00", "2026-08-21 11:59:59", ["R101", "R401"]),
    ],
)
def test_an_inquiry_without_account(nights: Nights, inquired_at: str, opened_at: str, found: list[str]) -> None:
    inquiry = {
        "provider_code": "B01",
        "inquiry_id": "Q1",
        "id_number": NUMBER,
        "inquired_at": inquired_at,
        "reason": "loan_approval",
    }
    result = nights.night(
        accounts=[{**ACCOUNT, "opened_at": opened_at}],
        openings=[{**OPENING, "card_valid_from": "2015-01-01"}],
        loss_reports=[{**REPORT, "card_valid_from": "2015-01-01"}],
        inquiries=[inquiry],
    )
    assert sorted(rule for rule, _ in said(result)) == found


def test_a_chain_of_settlement_reaches_another_account(nights: Nights) -> None:
    accounts = [{**ACCOUNT, "settlement_provider_code": "B01", "settlement_account_code": "A3"}]
    for code, named in (("A2", "A1"), ("A3", "A2"), ("A4", "A9")):
        accounts.append(
            {**ACCOUNT, "account_code": code, "opened_at": "2016-01-01", "settlement_account_code": named}
            | {"settlement_provider_code": "B01"}
        )
    result = nights.night(accounts=accounts, openings=[OPENING], loss_reports=[REPORT])
    # A1 reaches only itself, around the ring: it is not chained to another account
    chained = [found["account_code"] for found in result.findings if found["rule_id"] == "R109"]
    assert chained == ["A2", "A3"]
