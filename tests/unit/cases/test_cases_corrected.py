"""Proofs of outcomes 1 and 3, what comes back after a proof, and what is left (SPEC 8.1, 8.3)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from proof_desk import BEFORE, NIGHT, ProofDesk, account, case, file, first_proof, quarantined

from creditaudit.cases.rests_on import RESTS_ON, RESTS_ON_OPENING, TYPED
from creditaudit.cases.strength import strengths
from unit.kit import OTHER, PERSON, interval

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine

WRONG = case(outcome="1")
MISSING = case(outcome="3", opened_on=BEFORE)
DELTA = [file(scope=None, is_full=False)]


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> ProofDesk:
    """No case yet."""
    return ProofDesk(engine, tmp_path)


def _finding(rule: str = "R101", code: str = "A", **cells: Any) -> dict[str, Any]:
    base = {"provider_code": "B01", "account_code": code, "subject": f"account:{code}", "rule_id": rule}
    return {**base, "verdict": "violation", "evidence": "{}", **cells}


def _number(desk: ProofDesk, *rows: dict[str, Any], **said: Any) -> dict[str, Any]:
    return desk.prove(awaiting=[WRONG], delivered=list(rows), files=DELTA, **said)


def test_another_number_on_two_nights(desk: ProofDesk) -> None:
    row = account(id_number=OTHER)
    first = _number(desk, row)
    assert (first["is_proven"], first["missing"], first["kind"]) == (False, "first_proof:2026-12-01", "number")
    second = _number(desk, row, proofs=[first_proof("number")])
    assert (second["is_proven"], second["proof"]) == (True, "number:2026-11-30 first;2026-12-01 f.csv-sh")
    assert not desk.rows("absent_accounts")  # the account is another person's now, and judged as theirs


@pytest.mark.parametrize(
    "cells", [{}, {"id_number": OTHER, "id_status": "bad_check"}, {"id_number": OTHER, "id_status": "legacy15"}]
)
def test_a_row_that_does_not_show_it_ends_the_first_proof(desk: ProofDesk, cells: dict[str, Any]) -> None:
    found = _number(desk, account(**cells), proofs=[first_proof("number")])
    assert (found["is_proven"], found["missing"]) == (False, "number_unchanged")
    assert [(r["kind"], r["is_void"]) for r in desk.rows("case_proofs")] == [("number", True)]


def test_silence_is_no_second_proof(desk: ProofDesk) -> None:
    found = desk.prove(
        awaiting=[WRONG], standing=[account(id_number=OTHER, report_date="2026-11-02")], files=[],
        proofs=[first_proof("number")],
    )  # fmt: skip
    assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-11-30;no_full_delivery")
    assert not desk.rows("case_proofs")


def test_every_row_of_the_lineage_and_the_one_in_force_have_the_other_number(desk: ProofDesk) -> None:
    """SPEC 4, 8.3: an old code that is still delivered, or delivered alone, shows nothing of the account."""
    lineage = [
        {"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "A", "steps": s}
        for c, s in (("OLD", 1), ("A", 0))
    ]
    first, good = [first_proof("number")], account(id_number=OTHER, report_date="2026-11-02")
    kept = _number(desk, good, account("OLD"), lineage=lineage, proofs=first)
    assert (kept["is_proven"], kept["missing"]) == (False, "number_unchanged")
    alone = _number(desk, account("OLD", id_number=OTHER), standing=[good], lineage=lineage, proofs=first)
    assert (alone["is_proven"], alone["missing"]) == (False, "number_unchanged")
    assert _number(desk, good, account("OLD", id_number=OTHER), lineage=lineage, proofs=first)["is_proven"]


def _value(desk: ProofDesk, row: dict[str, Any], rules: tuple[str, ...] = ("R101",), **said: Any) -> dict[str, Any]:
    findings = [_finding(rule) for rule in rules]
    return desk.prove(awaiting=[MISSING], delivered=[row], files=DELTA, then=findings, **said)


@pytest.mark.parametrize(
    ("cells", "rules", "column"),
    [
        ({"opened_at": "2023-01-01"}, ("R101",), "opened_at"),
        ({"agreement_at": "2023-01-01"}, ("R108",), "agreement_at"),
        ({"id_number": OTHER}, ("R106",), "id_number"),
        ({"account_type": "R4"}, ("R202",), "account_type"),
        ({"name": "乙"}, ("R302",), "name"),
        ({"settlement_provider_code": "B01", "settlement_account_code": "S"}, ("R109",), "settlement_account_code"),
    ],
)
def test_a_new_value_of_a_column_that_a_finding_rests_on(
    desk: ProofDesk, cells: dict[str, Any], rules: tuple[str, ...], column: str
) -> None:
    row = account(**cells)
    first = _value(desk, row, rules)
    assert (first["is_proven"], first["missing"], first["kind"]) == (False, "first_proof:2026-12-01", "values")
    baselines, now = desk.rows("case_baselines"), {r["detail"] for r in desk.rows("case_proofs")}
    assert column in now
    assert baselines[0]["stood_on"] == BEFORE
    second = _value(desk, row, rules, case_baselines=baselines, proofs=[first_proof("values", detail=column)])
    assert second["is_proven"]
    assert second["proof"].startswith(f"value {column}:2026-11-30 ")
    assert not desk.rows("case_baselines")  # what it was is kept as of the answer


@pytest.mark.parametrize(
    ("cells", "rules"),
    [
        ({"report_date": "2026-11-20", "balance": 1, "overdue_amount": 2, "status": "closed"}, ("R101",)),
        ({"amount": 1, "region_code": "31", "business_code": "9"}, ("R101",)),
        ({"opened_at": "2024-01-10 08:00:00"}, ("R101",)),  # the same day, told more exactly
        ({"id_number": OTHER, "id_status": "bad_check"}, ("R101",)),
        ({"name": "乙"}, ("R101",)),  # no finding rests on it
        ({"id_number": OTHER}, ("R108",)),
        ({"settlement_account_code": "S"}, ("R101",)),
    ],
)
def test_other_changes_are_no_correction(desk: ProofDesk, cells: dict[str, Any], rules: tuple[str, ...]) -> None:
    found = _value(desk, account(**cells), rules, proofs=[first_proof("values", detail="opened_at")])
    assert (found["is_proven"], found["missing"]) == (False, "value_unchanged")


@pytest.mark.parametrize(
    ("then", "now", "is_other"),
    [
        (("R101",), (), False),
        (("R101",), ("R101",), False),
        (("R101", "R302"), ("R101",), False),  # what fell by the correction is no new evidence
        (("R101",), ("R101", "R108"), True),
        ((), ("R101",), True),
    ],
)
def test_findings_of_which_the_answer_did_not_speak(
    desk: ProofDesk, then: tuple[str, ...], now: tuple[str, ...], *, is_other: bool
) -> None:
    """SPEC 8.3: the correction is proven; what else stands on the record is said beside."""
    row, wrong = account(id_number=OTHER), {**WRONG, "opened_on": BEFORE}
    said = {"delivered": [row], "files": DELTA, "then": [_finding(r) for r in then]}
    found = desk.prove(
        awaiting=[wrong], findings=[_finding(r) for r in now], proofs=[first_proof("number")], **said
    )  # fmt: skip
    assert (found["is_proven"], found["has_other_evidence"]) == (True, is_other)
    first = desk.prove(awaiting=[wrong], findings=[_finding(r) for r in now], **said)
    assert (first["is_proven"], first["has_other_evidence"]) == (False, False)


def test_changed_evidence_of_one_rule_is_other_evidence_and_that_of_an_absent_account_is_none(desk: ProofDesk) -> None:
    changed, wrong = _finding(evidence='{"id_status":"ok"}'), {**WRONG, "opened_on": BEFORE}
    row = account(id_number=OTHER)
    said = {"then": [_finding()], "findings": [changed], "awaiting": [wrong]}
    assert desk.prove(delivered=[row], files=DELTA, proofs=[first_proof("number")], **said)["has_other_evidence"]
    same = {**said, "findings": [_finding()]}
    for taken_on, is_other in ((NIGHT - timedelta(days=5), False), (BEFORE, True)):  # unseen when it was given
        answered = {**same, "awaiting": [{**wrong, "taken_on": taken_on}]}
        found = desk.prove(delivered=[row], files=DELTA, proofs=[first_proof("number")], **answered)
        assert (found["is_proven"], found["has_other_evidence"]) == (True, is_other)
    gone = desk.prove(proofs=[first_proof()], **said)
    assert (gone["is_proven"], gone["kind"], gone["has_other_evidence"]) == (True, "absence", False)


def test_the_same_column_on_both_nights(desk: ProofDesk) -> None:
    found = _value(desk, account(account_type="R4"), proofs=[first_proof("values", detail="opened_at")])
    assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-12-01")


@pytest.mark.parametrize(
    "cells",
    [
        {"account_type": "R1"},
        {"original_provider_code": "B09", "original_account_code": "X"},
        {"agreement_at": account()["opened_at"]},
    ],
)
def test_a_column_that_no_finding_of_the_case_asks_for_proves_nothing(desk: ProofDesk, cells: dict[str, Any]) -> None:
    """SPEC 8.3: the original is asked of a C1 alone, the type only where it gives the moment, and that must move."""
    assert _value(desk, account(**cells))["missing"] == "value_unchanged"


def test_what_a_case_without_findings_cannot_show(desk: ProofDesk) -> None:
    assert _value(desk, account(opened_at="2023-01-01"), ())["missing"] == "no_column"


def test_every_rule_on_an_account_says_what_it_rests_on() -> None:
    assert set(strengths()["rule_id"].to_pylist()) - set(RESTS_ON) == {"R401"}  # a finding on an inquiry
    assert {column for columns in RESTS_ON.values() for column in columns} == set(TYPED)
    assert set(RESTS_ON_OPENING) <= set(RESTS_ON)


def _opening(**cells: Any) -> dict[str, Any]:
    base = {"provider_code": "B01", "account_code": "A", "document_kind": "permanent"}
    return {**base, "card_valid_from": "2020-01-01", **cells}


@pytest.mark.parametrize("rule", sorted(RESTS_ON_OPENING))
def test_a_first_opening_delivered_later_gives_what_was_missing(desk: ProofDesk, rule: str) -> None:
    """SPEC 3.3, 8.3: the first accepted opening judges; card_valid_from had no value when the finding stood."""
    then = {"awaiting": [MISSING], "then": [_finding(rule)], "files": DELTA}
    first = desk.prove(**then, opens=[_opening()])
    assert (first["is_proven"], first["missing"], first["kind"]) == (False, "first_proof:2026-12-01", "values")
    assert [(r["detail"], r["files"]) for r in desk.rows("case_proofs")] == [("card_valid_from", "f.csv")]
    baselines, once = desk.rows("case_baselines"), [first_proof("values", detail="card_valid_from")]
    again = {**then, "opened": [_opening()], "case_baselines": baselines, "proofs": once}
    assert desk.prove(**again)["missing"] == "first_proof:2026-11-30;not_delivered"  # silence is no second proof
    second = desk.prove(**again, delivered=[account()])
    assert second["proof"] == "value card_valid_from:2026-11-30 first;2026-12-01 f.csv-sh"


def test_two_columns_on_one_night_each_are_no_two_proofs(desk: ProofDesk) -> None:
    """SPEC 8.3: on two nights *a column* has a new value; the opening that comes alone undoes nothing either."""
    other = first_proof("values", detail="opened_at")
    found = desk.prove(
        awaiting=[MISSING], then=[_finding("R102")], files=DELTA, opens=[_opening()], proofs=[other]
    )  # fmt: skip
    assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-11-30")


@pytest.mark.parametrize(
    ("rule", "opening", "before", "missing"),
    [
        ("R102", _opening(card_valid_from=None), [], "not_delivered"),
        ("R108", _opening(), [], "not_delivered"),  # only a card that was shown can have expired
        ("R102", _opening(), [_opening(card_valid_from=None)], "not_delivered"),  # a second opening judges nothing
        ("R102", _opening(document_kind="other"), [], "first_proof:2026-12-01"),  # no card was shown
    ],
)
def test_which_openings_give_what_was_missing(
    desk: ProofDesk, rule: str, opening: dict[str, Any], before: list[dict[str, Any]], missing: str
) -> None:
    found = desk.prove(awaiting=[MISSING], then=[_finding(rule)], files=DELTA, opens=[opening], opened_then=before)
    assert (found["is_proven"], found["missing"]) == (False, missing)


# --- what comes back -------------------------------------------------------------------------------------------------


def _back(desk: ProofDesk, kind: str, rows: list[dict[str, Any]], **said: Any) -> list[tuple[str, str]]:
    last = first_proof(kind, is_final=True)
    last |= {"detail": "opened_at"} if kind == "values" else {}
    verified = case(outcome={"absence": "4", "number": "1", "values": "3"}[kind], opened_on=BEFORE)
    desk.prove(verified=[verified], delivered=rows, files=DELTA, proofs=[last], **said)
    return [(r["account_code"], r["how"]) for r in desk.relation("returns_tonight")]


def test_after_an_absence(desk: ProofDesk) -> None:
    assert _back(desk, "absence", [account()]) == [("A", "delivered_again")]
    assert _back(desk, "absence", [account("N")]) == [("N", "rekeyed:N")]
    sold = account("C", provider_code="B07", account_type="C1", opened_at="2026-10-10", id_number=OTHER)
    named = {"original_provider_code": "B01", "original_account_code": "A"}
    assert _back(desk, "absence", [{**sold, **named}]) == [("C", "collection:C")]
    stale = quarantined(account_code="A", reasons="stale", is_known_key=True)
    assert _back(desk, "absence", [], quarantined=[stale]) == [("A", "delivered_again")]


@pytest.mark.parametrize(
    "row",
    [
        account("N", amount=1),
        account("N", opened_at="2024-01-11"),
        account("N", id_number=OTHER),
        account("N", provider_code="B02"),
        account("N", provider_code="B07", account_type="C1", original_provider_code="B01", original_account_code="X"),
    ],
)
def test_what_is_not_the_account(desk: ProofDesk, row: dict[str, Any]) -> None:
    assert _back(desk, "absence", [row]) == []


def test_after_a_number_and_after_a_value(desk: ProofDesk) -> None:
    assert _back(desk, "number", [account()]) == [("A", "number_again")]
    assert _back(desk, "number", [account(id_number=OTHER)]) == []
    opened = interval("2024-01-10")
    kept = {"night": BEFORE, "case_id": "CA-1", "episode": 1, "rests_on": "opened_at", "stood_on": BEFORE}
    was = {
        "account_type": "D1",
        "taken_on": NIGHT - timedelta(days=5),
        "opened_from": opened[0],
        "opened_to": opened[1],
    }
    baselines = [{**kept, **was}]
    assert _back(desk, "values", [account()], case_baselines=baselines) == [("A", "value_again:opened_at")]
    assert _back(desk, "values", [account(opened_at="2022-02-02")], case_baselines=baselines) == []


# --- what is left ----------------------------------------------------------------------------------------------------


def _inquiry(name: str, day: str, **cells: Any) -> dict[str, Any]:
    base = {"provider_code": "B01", "inquiry_id": name, "id_number": PERSON, "inquired_at": day}
    return {**base, "reason": "loan_approval", **cells}


def test_inquiries_within_thirty_days_and_accounts_chained_to_it(desk: ProofDesk) -> None:
    near = [_inquiry("I1", "2023-12-11"), _inquiry("I2", "2024-02-09"), _inquiry("I3", "2024-01-10")]
    far = [_inquiry("I4", "2023-12-10"), _inquiry("I5", "2024-02-10")]
    others = [_inquiry("I6", "2024-01-10", provider_code="B02"), _inquiry("I7", "2024-01-10", id_number=OTHER)]
    settled = {"settlement_provider_code": "B01", "settlement_account_code": "A"}
    standing = [account("S", id_number=OTHER, **settled), account("U", id_number=OTHER)]
    waiting = {"inquiries": [*near, *far, *others], "standing": standing}
    chain = _finding("R109", "D", verdict="lead", evidence=json.dumps({"chain": "B01/D>B01/S>B01/A"}))
    desk.prove(findings=[chain], **waiting)
    desk.prove(awaiting=[case(taken_on=BEFORE)], findings=[chain], **waiting)  # the night after the answer
    chained = desk.rows("case_chained")
    assert [(r["account_code"], r["next_code"]) for r in chained] == [("D", "S"), ("S", "A")]
    waiting["standing"].append(
        account("D", id_number=OTHER, settlement_provider_code="B01", settlement_account_code="S")
    )
    desk.prove(proofs=[first_proof()], case_chained=chained, **waiting)
    [left] = desk.relation("residual_tonight")
    assert left["residual"] == "account:B01/D;account:B01/S;inquiry:I1;inquiry:I2;inquiry:I3"
    gone = [{"night": BEFORE, "provider_code": "B01", "account_code": "S", "case_id": "CA-2", "is_absent": True}]
    waiting["standing"][2]["settlement_account_code"] = "U"  # it names another account now
    last = first_proof(is_final=True)
    desk.prove(verified=[case()], proofs=[last], case_chained=chained, absent_accounts=gone, **waiting)
    [left] = desk.relation("residual_tonight")
    assert left["residual"] == "inquiry:I1;inquiry:I2;inquiry:I3"
