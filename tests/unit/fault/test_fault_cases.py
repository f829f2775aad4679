"""From findings to cases: which finding decides, and what is in no lane (SPEC 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from unit.fault.lane import HERE, account, duty, finding, gap, log, notice

if TYPE_CHECKING:
    from unit.fault.lane import Lane, Row

OUTSIDE = {"knowable": "not_applicable", "duty": "not_applicable", "duty_source": None, "performed": "not_applicable"}


def four(case: Row) -> tuple[Any, ...]:
    return tuple(case[name] for name in ("knowable", "duty", "performed", "fault"))


@pytest.mark.parametrize("rule", ["R103", "R106", "R109", "R203", "R204", "R301", "R302", "R402"])
def test_other_rules_are_in_no_lane(lane: Lane, rule: str) -> None:
    """SPEC 7: elsewhere the four columns are not_applicable."""
    [case] = lane.cases(raw_findings=[finding(rule, "lead")]).values()
    assert {name: case[name] for name in OUTSIDE} == OUTSIDE
    assert (case["fault"], case["ask_for"], case["rule_id"]) == ("not_applicable", None, None)
    assert lane.decide(raw_findings=[finding(rule, "lead")]) == []


def test_an_inquiry_is_in_no_lane(lane: Lane) -> None:
    inquiry = finding("R401", "lead", account_code=None, subject="inquiry:I1")
    assert four(lane.cases(raw_findings=[inquiry])["inquiry:I1"]) == ("not_applicable",) * 4


@pytest.mark.parametrize("rule", ["R101", "R102", "R104", "R105", "R107"])
def test_a_buyer_of_debts_had_no_card_to_check(lane: Lane, rule: str) -> None:
    """SPEC 7: for every C1 not_applicable."""
    debt = {"raw_findings": [finding(rule)], "judged_accounts": [account(account_type="C1")]}
    assert lane.decide(**debt) == []
    assert four(lane.cases(**debt)["account:A"]) == ("not_applicable",) * 4


def test_other_findings_beside_take_nothing_from_the_lane(lane: Lane) -> None:
    cases = lane.cases(raw_findings=[finding("R203", notice_source=None, notice_id=None), finding()])
    assert four(cases["account:A"]) == ("could_have_known", "in_force", "unknown", "needs_evidence")


# One finding of each fault, with the notice that makes it so.
FOUND = {
    "fault_indicated": finding(notice_id="L1"),
    "needs_evidence": finding(notice_id="L2"),
    "no_fault_indicated": finding(notice_id="L3"),
}
NOTICES = [
    notice("2024-03-14"),
    notice("2024-03-15", notice_id="L2"),
    notice("2024-03-16", notice_id="L3"),
]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (("fault_indicated", "needs_evidence", "no_fault_indicated"), "fault_indicated"),
        (("needs_evidence", "no_fault_indicated"), "needs_evidence"),
        (("no_fault_indicated",), "no_fault_indicated"),
    ],
)
def test_the_fault_is_the_most_serious(lane: Lane, found: tuple[str, ...], expected: str) -> None:
    cases = lane.cases(
        raw_findings=[FOUND[name] for name in reversed(found)], notices=NOTICES, standing_full_deliveries=[log()]
    )
    case = cases["account:A"]
    assert (case["fault"], case["notice_id"]) == (expected, FOUND[expected]["notice_id"])


def test_unproven_stands_between_needs_evidence_and_none(lane: Lane) -> None:
    """SPEC 7: fault_indicated > needs_evidence > fault_unproven > no_fault_indicated."""
    closed = {"judged_rows": [{**HERE, "closed_on": 0}], "standing_full_deliveries": [log()], "notices": NOTICES}
    for names, expected in ((("L1", "L3"), "fault_unproven"), (("L1", "L2", "L3"), "needs_evidence")):
        cases = lane.cases(raw_findings=[finding(notice_id=name) for name in names], **closed)
        assert cases["account:A"]["fault"] == expected


def test_the_columns_are_those_of_the_finding_that_decided(lane: Lane) -> None:
    """SPEC 7: not those of the strongest finding."""
    findings = [finding(), finding("R108")]
    duties = [duty("I", "not_in_force"), duty("P", check_kind="in_person")]
    cases = lane.cases(raw_findings=findings, duties=duties)
    case = cases["account:A"]
    assert four(case) == ("not_applicable", "in_force", "unknown", "fault_indicated")
    assert (case["duty_source"], case["rule_id"], case["grid_row"]) == ("doc P", "R108", 5)


@pytest.mark.parametrize(
    ("findings", "decides"),
    [
        ([finding("R104"), finding("R101", notice_id="L2")], ("R101", "loss_reports", "L2")),
        ([finding("R107", notice_id="L2"), finding("R101", "undecidable")], ("R107", "loss_reports", "L2")),
        ([finding(notice_id="L2"), finding()], ("R101", "loss_reports", "L1")),
        ([finding(), finding(notice_source="invalid_cards", notice_id="L2")], ("R101", "invalid_cards", "L2")),
        ([finding("R201", "lead"), finding("R102", "lead")], ("R102", "loss_reports", "L1")),
        ([finding("R201"), finding("R202")], ("R201", None, None)),
    ],
)
def test_of_equal_faults_the_strongest_finding_decides_then_its_notice(
    lane: Lane, findings: list[Row], decides: tuple[Any, ...]
) -> None:
    both = [
        notice("2024-03-15"),
        notice("2024-03-15", notice_id="L2"),
        notice("2024-03-15", notice_source="invalid_cards", notice_id="L2"),
    ]
    checks = [{**HERE, "person_check_kind": "face_match", "person_check_id": "P"}]
    for given in (findings, findings[::-1]):
        case = lane.cases(raw_findings=given, notices=both, last_checks=checks)["account:A"]
        assert case["fault"] == "needs_evidence"
        assert (case["rule_id"], case["notice_source"], case["notice_id"]) == decides


def test_r202_is_fault_only_where_the_log_is_whole(lane: Lane) -> None:
    """SPEC 7.3: R202, covered."""
    failed = {
        "raw_findings": [finding("R202")],
        "last_checks": [{**HERE, "person_check_kind": "face_match", "person_check_id": "P"}],
    }
    assert lane.one(**failed)["fault"] == "needs_evidence"
    assert lane.one(**failed, standing_full_deliveries=[log()])["fault"] == "fault_indicated"
    torn = lane.one(**failed, standing_full_deliveries=[log()], standing_check_gaps=[gap(account_code="A")])
    assert torn["fault"] == "needs_evidence"


def test_each_account_is_a_case(lane: Lane) -> None:
    cases = lane.cases(
        raw_findings=[finding(), finding(account_code="B"), finding("R301", "lead", account_code="C")],
        judged_accounts=[account(), account("2024-03-13", account_code="B")],
    )
    assert {subject: case["fault"] for subject, case in cases.items()} == {
        "account:A": "needs_evidence",
        "account:B": "no_fault_indicated",
        "account:C": "not_applicable",
    }


def test_a_night_without_findings_decides_nothing(lane: Lane) -> None:
    assert lane.decide(raw_findings=[]) == []
    assert lane.cases(raw_findings=[]) == {}


def test_ask_for_is_joined_ids(lane: Lane) -> None:
    assert lane.cases(duties=[])["account:A"]["ask_for"] == "check_log;check_notice"
    assert lane.cases()["account:A"]["ask_for"] == "check_log"
    assert lane.cases(standing_full_deliveries=[log()])["account:A"]["ask_for"] is None
    known = lane.engine.fetch("SELECT document_id, zh, en FROM documents WHERE document_id = 'check_log'").to_pylist()
    assert [bool(d["zh"] and d["en"]) for d in known] == [True]
