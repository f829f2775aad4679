"""Knowable (SPEC 7.1), performed and covered (SPEC 7.3), second by second and day by day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.feeds.retention import kept_since
from unit.fault.lane import HERE, account, finding, gap, log, notice
from unit.kit import day_number, seconds

if TYPE_CHECKING:
    from unit.fault.lane import Lane, Row


def checked(result: str, **cells: Any) -> Row:
    return {**HERE, "card_check_id": "C1", "card_check_result": result, **cells}


# --- knowable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visible", "moment", "expected"),
    [
        ("2024-03-15 09:59:59", "2024-03-15 10:00:00", "could_have_known"),
        ("2024-03-15 10:00:00", "2024-03-15 10:00:00", "undecidable"),
        ("2024-03-15 10:00:01", "2024-03-15 10:00:00", "could_not_have_known"),
        ("2024-03-15 10:00", "2024-03-15 10:00:59", "undecidable"),
        ("2024-03-15 10:00", "2024-03-15 10:01", "could_have_known"),
        ("2024-03-15 10:01", "2024-03-15 10:00", "could_not_have_known"),
        ("2024-03-14", "2024-03-15", "could_have_known"),
        ("2024-03-15", "2024-03-15", "undecidable"),
        ("2024-03-15", "2024-03-15 23:59:59", "undecidable"),
        ("2024-03-16", "2024-03-15 23:59:59", "could_not_have_known"),
    ],
)
def test_knowable_compares_visible_and_moment(lane: Lane, visible: str, moment: str, expected: str) -> None:
    row = lane.one(judged_accounts=[account(moment)], notices=[notice(visible)])
    assert (row["knowable"], row["visible_basis"]) == (expected, "visible_at")


@pytest.mark.parametrize(
    ("start", "expected"), [("2024-03-15 10:00:00", "undecidable"), ("2024-03-15 10:00:01", "could_not_have_known")]
)
@pytest.mark.parametrize("basis", ["entered_at", "reported_at"])
def test_without_visible_at_it_is_never_certain_that_it_was_visible(
    lane: Lane, start: str, expected: str, basis: str
) -> None:
    """SPEC 5: [entered.from, +∞), else [reported.from, +∞)."""
    entered = {"entered_from": seconds(start)} if basis == "entered_at" else {}
    row = lane.one(notices=[notice(None, reported_from=seconds(start), visible_from=seconds(start), **entered)])
    assert (row["knowable"], row["visible_basis"]) == (expected, basis)
    long_ago = lane.one(notices=[notice(None, reported_from=seconds("2001-01-01"))])
    assert long_ago["knowable"] == "undecidable"


@pytest.mark.parametrize("result", ["reported_lost", "invalid"])
@pytest.mark.parametrize("visible", ["2024-03-14", "2024-03-15", "2024-03-16"])
@pytest.mark.parametrize("rule", ["R101", "R107"])
def test_an_adverse_answer_is_knowledge_whenever_it_was_visible(
    lane: Lane, result: str, visible: str, rule: str
) -> None:
    """SPEC 7.1: knew comes first; R107 as well."""
    row = lane.one(raw_findings=[finding(rule)], notices=[notice(visible)], last_checks=[checked(result)])
    assert row["knowable"] == "knew"


@pytest.mark.parametrize("result", ["valid", "error", None])
def test_another_answer_is_no_knowledge(lane: Lane, result: str | None) -> None:
    checks = [checked(result)] if result else [HERE]
    assert lane.one(last_checks=checks)["knowable"] == "could_have_known"


@pytest.mark.parametrize("visible", ["2024-03-14", "2024-03-15", "2024-03-16"])
def test_r107_is_undecidable_however_visible(lane: Lane, visible: str) -> None:
    """SPEC 7.1: the card registry does not record deaths."""
    assert lane.one(raw_findings=[finding("R107")], notices=[notice(visible)])["knowable"] == "undecidable"


@pytest.mark.parametrize("rule", ["R108", "R201", "R202"])
def test_findings_without_a_notice_ask_nothing_of_it(lane: Lane, rule: str) -> None:
    checks = [checked("reported_lost", person_check_kind="face_match")]
    assert lane.one(raw_findings=[finding(rule)], last_checks=checks)["knowable"] == "not_applicable"


def test_the_notice_is_the_findings_own(lane: Lane) -> None:
    rows = lane.decide(
        raw_findings=[finding(), finding(notice_id="L2"), finding(notice_source="invalid_cards")],
        notices=[
            notice("2024-03-14"),
            notice("2024-03-16", notice_id="L2"),
            notice("2024-03-15", notice_source="invalid_cards"),
        ],
    )
    found = {(r["notice_source"], r["notice_id"]): r["knowable"] for r in rows}
    assert found == {
        ("loss_reports", "L1"): "could_have_known",
        ("loss_reports", "L2"): "could_not_have_known",
        ("invalid_cards", "L1"): "undecidable",
    }


# --- performed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "excepted", "expected"),
    [
        ("valid", False, "passed"),
        ("valid", True, "passed"),
        ("reported_lost", False, "warned"),
        ("invalid", False, "warned"),
        ("reported_lost", None, "warned"),
        ("reported_lost", True, "excepted"),
        ("invalid", True, "excepted"),
        ("error", False, "errored"),
        ("error", True, "errored"),
    ],
)
@pytest.mark.parametrize("covered", [False, True])
def test_the_last_record_says_what_was_performed(
    lane: Lane, result: str, excepted: bool | None, expected: str, covered: bool
) -> None:
    checks = [checked(result, is_excepted=excepted, card_checked_soon_after=True)]
    row = lane.one(last_checks=checks, standing_full_deliveries=[log()] if covered else [])
    assert (row["performed"], row["covered"]) == (expected, covered)


@pytest.mark.parametrize("rule", ["R101", "R104", "R105", "R107", "R108", "R202"])
def test_performed_is_always_the_invalid_card_check(lane: Lane, rule: str) -> None:
    checks = [checked("valid", person_check_kind="face_match", person_check_result="fail")]
    assert lane.one(raw_findings=[finding(rule)], last_checks=checks)["performed"] == "passed"


def test_no_record_in_a_log_that_covers_is_missing(lane: Lane) -> None:
    row = lane.one(standing_full_deliveries=[log()])
    assert (row["performed"], row["covered"]) == ("missing", True)
    assert row["covered_by"] == "2026-11-20/v.csv"


def test_no_record_and_no_log_is_unknown(lane: Lane) -> None:
    row = lane.one()
    assert (row["performed"], row["covered"], row["covered_by"]) == ("unknown", False, None)


def test_a_check_soon_after_is_no_missing_one(lane: Lane) -> None:
    """SPEC 7.3: unknown comes before missing and beyond_retention."""
    soon = [{**HERE, "card_checked_soon_after": True}]
    rows = [{**HERE, "closed_on": day_number("2010-01-01")}]
    assert lane.one(last_checks=soon, standing_full_deliveries=[log()])["performed"] == "unknown"
    assert lane.one(last_checks=soon, standing_full_deliveries=[log()], judged_rows=rows)["performed"] == "unknown"


@pytest.mark.parametrize(
    ("night", "closed", "expected"),
    [
        ("2026-11-20", "2021-11-20", "missing"),
        ("2026-11-20", "2021-11-19", "beyond_retention"),
        ("2029-12-31", "2024-12-31", "missing"),
        ("2030-01-01", "2024-12-31", "beyond_retention"),
        ("2030-01-01", "2025-01-01", "missing"),
        ("2035-01-01", "2025-01-01", "missing"),
        ("2035-01-02", "2025-01-01", "beyond_retention"),
        ("2028-02-29", "2023-02-28", "missing"),
        ("2028-02-29", "2023-02-27", "beyond_retention"),
        ("2036-02-29", "2026-02-28", "missing"),
        ("2036-02-29", "2026-02-27", "beyond_retention"),
        ("2026-11-20", None, "missing"),
    ],
)
def test_records_must_be_kept_five_years_and_ten_from_2025_on(
    lane: Lane, night: str, closed: str | None, expected: str
) -> None:
    """SPEC 7.3: closed_on ≥ night − N years, by the night's date; 29 Feb → 28 Feb."""
    rows = [{**HERE, "closed_on": closed and day_number(closed)}]
    row = lane.one(night=date.fromisoformat(night), judged_rows=rows, standing_full_deliveries=[log()])
    assert row["performed"] == expected
    uncovered = lane.one(night=date.fromisoformat(night), judged_rows=rows)
    assert uncovered["performed"] == "unknown"


def test_the_day_years_before() -> None:
    assert kept_since(date(2028, 2, 29), 5) == date(2023, 2, 28)
    assert kept_since(date(2028, 2, 29), 10) == date(2018, 2, 28)
    assert kept_since(date(2029, 2, 28), 5) == date(2024, 2, 28)


# --- covered -------------------------------------------------------------------------------------------------------

OWN = account(region_code="110105", business_code="21")


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ({}, True),
        ({"provider_code": "B02"}, False),
        ({"provider_code": None}, False),
        ({"feed": "accounts"}, False),
        ({"all_regions": False}, False),
        ({"all_regions": False, "region_code": "11"}, True),
        ({"all_regions": False, "region_code": "110105"}, True),
        ({"all_regions": False, "region_code": "1101051"}, False),
        ({"all_regions": False, "region_code": "44"}, False),
        ({"all_business": False}, False),
        ({"all_business": False, "business_codes": "11;21;31"}, True),
        ({"all_business": False, "business_codes": "21"}, True),
        ({"all_business": False, "business_codes": "121;212;2"}, False),
        ({"all_business": False, "business_codes": ""}, False),
        ({"covers_from": date(2024, 3, 15)}, True),
        ({"covers_from": date(2024, 3, 16)}, False),
        ({"covers_to": date(2024, 3, 15)}, True),
        ({"covers_to": date(2024, 3, 14)}, False),
        ({"covers_from": None}, False),
        ({"covers_to": None}, False),
    ],
)
def test_a_file_covers_what_its_scope_states(lane: Lane, scope: Row, covers: bool) -> None:
    """SPEC 7.3, 3.1: null means all; a scope key that is missing proves nothing."""
    assert lane.one(judged_accounts=[OWN], standing_full_deliveries=[log(**scope)])["covered"] is covers


@pytest.mark.parametrize(
    ("cells", "scope"),
    [
        ({"business_code": "21"}, {"all_regions": False, "region_code": "11"}),
        ({"region_code": "110105"}, {"all_business": False, "business_codes": "21;"}),
    ],
)
def test_what_the_account_lacks_is_in_no_scope(lane: Lane, cells: Row, scope: Row) -> None:
    """SPEC 12: coverage takes the account's own region and business only, never its institution's."""
    institutions = [{"provider_code": "B01", "region_code": "110000"}]
    covered = {"standing_full_deliveries": [log(**scope)], "institutions": institutions}
    assert lane.one(judged_accounts=[account(**cells)], **covered)["covered"] is False
    assert lane.one(judged_accounts=[OWN], **covered)["covered"] is True


RENAMED = [
    {"provider_code": "B00", "account_code": "OLD", "head_provider": "B01", "head_code": "A"},
    {"provider_code": "B01", "account_code": "A", "head_provider": "B01", "head_code": "A"},
    {"provider_code": "B01", "account_code": "Z", "head_provider": "B01", "head_code": "Y"},
]


@pytest.mark.parametrize(
    ("row", "covers"),
    [
        (gap(account_code="A"), False),
        (gap(account_code="OLD"), False),
        (gap(account_code="Z"), True),
        (gap(account_code="B"), True),
        (gap(session_id="S1"), False),
        (gap(session_id="S2"), True),
        (gap(account_code="B", session_id="S1"), False),
        (gap(account_code="A", session_id="S2"), False),
        (gap(is_unsplit=True), False),
        (gap(account_code="A", file="other.csv"), True),
        (gap(account_code="A", night=date(2026, 11, 19)), True),
    ],
)
def test_a_quarantined_row_that_may_be_the_record_takes_the_proof(lane: Lane, row: Row, covers: bool) -> None:
    """SPEC 7.3: one of the account's codes, its session_id, or a line that could not be split."""
    found = lane.one(
        judged_openings=[{**HERE, "session_id": "S1"}],
        lineage=RENAMED,
        standing_full_deliveries=[log()],
        standing_check_gaps=[row],
    )
    assert (found["covered"], found["performed"]) == (covers, "missing" if covers else "unknown")


def test_a_row_without_a_session_is_no_gap_of_an_account_without_one(lane: Lane) -> None:
    assert lane.one(standing_full_deliveries=[log()], standing_check_gaps=[gap(account_code="B")])["covered"] is True


def test_another_file_without_that_gap_covers(lane: Lane) -> None:
    """SPEC 7.3: some full verifications file up to tonight."""
    files = [log(), log(file="w.csv", night=date(2026, 11, 18))]
    found = lane.one(standing_full_deliveries=files, standing_check_gaps=[gap(account_code="A")])
    assert (found["covered"], found["covered_by"]) == (True, "2026-11-18/w.csv")
    both = [gap(account_code="A"), gap(account_code="A", file="w.csv", night=date(2026, 11, 18))]
    assert lane.one(standing_full_deliveries=files, standing_check_gaps=both)["covered"] is False


def test_a_gap_of_one_account_leaves_the_others_covered(lane: Lane) -> None:
    rows = lane.decide(
        raw_findings=[finding(), finding(account_code="B")],
        judged_accounts=[account(), account(account_code="B")],
        standing_full_deliveries=[log()],
        standing_check_gaps=[gap(account_code="A")],
    )
    assert {r["account_code"]: r["covered"] for r in rows} == {"A": False, "B": True}
