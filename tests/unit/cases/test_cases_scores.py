"""SPEC 7.4 at the cases: priority and reasons are tonight's, or the last; the sample is drawn once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from creditaudit.cases.sampling import ONE_IN
from unit.cases.case_desk import finding

if TYPE_CHECKING:
    from unit.cases.case_desk import Desk, Tracked

TERMS = "评分依据：甲 +0.10 | score: one +0.10"


def score(code: str = "A", priority: float = 0.5, terms: str | None = TERMS) -> dict[str, Any]:
    return {"provider_code": "B01", "subject": f"account:{code}", "priority": priority, "terms": terms}


def only(tracked: Tracked) -> dict[str, Any]:
    [row] = tracked.cases.to_pylist()
    assert isinstance(row, dict)
    return row


def test_a_case_has_the_priority_of_its_subject_and_its_terms_behind_the_findings(desk: Desk) -> None:
    row = only(desk.night([finding()], scores=[score()]))
    assert (row["priority"], row["sampled"]) == (0.5, False)
    assert row["reasons"] == f"R101 violation (loss_reports L1); {TERMS}"
    assert only(desk.night([finding()], scores=[score(terms=None)]))["reasons"] == "R101 violation (loss_reports L1)"


def test_another_score_is_no_change_and_no_evidence(desk: Desk) -> None:
    first = only(desk.night([finding()], scores=[score()]))
    desk.night([finding()], scores=[score()])
    later = only(desk.night([finding()], scores=[score(priority=0.9, terms="评分依据：乙 +1.00 | score: two +1.00")]))
    assert later["priority"] == 0.9
    assert later["last_changed"] == first["last_changed"]
    assert desk.changes() == {"A": None}


def test_a_case_without_findings_keeps_its_last_priority_and_reasons(desk: Desk) -> None:
    before = only(desk.night([finding()], scores=[score(priority=0.7)]))
    after = only(desk.night([]))
    assert (after["state"], after["priority"]) == ("withdrawn", 0.7)
    assert after["reasons"] == before["reasons"]


def test_one_in_a_hundred_low_cases_is_sampled_once_for_its_episode(desk: Desk) -> None:
    many = 400
    codes = [f"A{n}" for n in range(many)]
    leads = [finding("R103", "lead", code) for code in codes]
    low = desk.night(leads, scores=[score(code, 0.1) for code in codes]).cases.to_pylist()
    drawn = {row["account_code"] for row in low if row["sampled"]}
    assert 1 <= len(drawn) <= 4 * many // ONE_IN
    # Whatever becomes of the priority, the draw stands; and who was not drawn is not drawn later.
    high = desk.night(leads, scores=[score(code, 0.9) for code in codes]).cases.to_pylist()
    assert {row["account_code"] for row in high if row["sampled"]} == drawn


def test_no_case_at_or_above_the_bound_is_sampled(desk: Desk) -> None:
    codes = [f"A{n}" for n in range(400)]
    leads = [finding("R103", "lead", code) for code in codes]
    rows = desk.night(leads, scores=[score(code, 0.2) for code in codes]).cases.to_pylist()
    assert not any(row["sampled"] for row in rows)
    fallen = desk.night(leads, scores=[score(code, 0.1) for code in codes]).cases.to_pylist()
    assert not any(row["sampled"] for row in fallen)
