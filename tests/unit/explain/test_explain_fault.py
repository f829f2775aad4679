"""What decided the fault of an account, and what would change it: each flip is delivered for real and judged anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.explain import spoken
from reference.small import ACCOUNT, NUMBER, OPENING
from unit.explain.worked_case import CHECK, OTHER_CHECK, SEEN, explained

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.explain import Explanation


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    """The account as it is."""
    return explained(tmp_path_factory.mktemp("plain"))


def test_the_fault_and_the_row_that_decided_it(plain: Explanation) -> None:
    """SPEC 7.3: visible before the moment, duty in force, a whole log without a check."""
    assert plain.deciding is not None
    assert plain.deciding.fault == "fault_indicated"
    assert (plain.deciding.knowable, plain.deciding.duty) == ("could_have_known", "in_force")
    assert (plain.deciding.performed, plain.deciding.grid_row) == ("missing", "15")
    assert plain.deciding.duty_source == "notice 1"
    status = {e.name: (e.status, e.source) for e in plain.elements}
    assert status["duty"] == ("proven", "duty_id D1, duty_source notice 1")
    assert status["knowable"][0] == "proven"
    assert status["performed"] == ("refuted", "covered_by 2026-11-20/f.csv")
    assert status["exception"][0] == "refuted"
    assert plain.ask_for == (), "nothing is missing, so nothing is asked for"


FLIPS = {
    ("card_check", "valid"): {"verifications": [OTHER_CHECK, CHECK]},
    ("visible", "after_the_moment"): {"loss_reports": [{**SEEN, "visible_at": "2024-01-10 10:00:02"}]},
    ("duty", "not_in_force"): {"status": "not_in_force"},
    ("card_shown", "a_later_card"): {"openings": [{**OPENING, "card_valid_from": "2024-01-10"}]},
    ("withdrawn", "before_the_moment"): {"loss_reports": [{**SEEN, "withdrawn_at": "2024-01-10 10:00:00"}]},
}


@pytest.mark.parametrize("flip", sorted(FLIPS))
def test_a_flip_delivered_for_real_gives_what_was_said(
    plain: Explanation, flip: tuple[str, str], tmp_path: Path
) -> None:
    said = {
        tuple((c.fact, c.value) for c in one.changes): one.answer.fault for one in plain.flips if len(one.changes) == 1
    }
    assert (flip,) in said, "the flip is not listed"
    happened = explained(tmp_path, **FLIPS[flip])
    fault = None if happened.deciding is None else happened.deciding.fault
    assert fault != "fault_indicated", "the delivery does not flip it"
    assert fault == (None if said[flip,] == "not_applicable" else said[flip,])


def test_what_flips_nothing_is_not_listed(plain: Explanation) -> None:
    """An answer of error, or of a lost card, leaves the fault where it is."""
    single = {(c.fact, c.value) for one in plain.flips if len(one.changes) == 1 for c in one.changes}
    assert ("card_check", "error") not in single
    assert ("card_check", "reported_lost") not in single


def test_a_follow_up_of_a_warned_opening_flips_with_it_alone(tmp_path: Path) -> None:
    """SPEC 7.3: warned becomes excepted where the urgent need was followed up in time."""
    warned = explained(tmp_path, verifications=[{**CHECK, "result": "reported_lost"}])
    assert warned.deciding is not None
    assert (warned.deciding.performed, warned.deciding.fault) == ("warned", "fault_indicated")
    single = {(c.fact, c.value): one.answer.fault for one in warned.flips if len(one.changes) == 1 for c in one.changes}
    assert single["exception", "followed_up_in_time"] == "no_fault_indicated"


EVENT = {"event_id": "E1", "id_number": NUMBER, "event": "damaged", "effective_at": "2023-01-01"}


@pytest.mark.parametrize(
    "beside",
    [
        {
            "invalid_cards": [
                {**EVENT, "card_valid_from": "2020-01-01"},
                {**EVENT, "event_id": "E2", "event": "withdrawn", "withdraws_event_id": "E1"},
            ]
        },
        {
            "loss_reports": [
                SEEN,
                {**SEEN, "report_no": "L0", "reported_at": "2022-01-01", "withdrawn_at": "2022-02-01"},
            ]
        },
    ],
    ids=["an annulled event", "an older report, withdrawn"],
)
def test_the_withdrawal_of_one_notice_leaves_the_others_as_they_are(beside: dict[str, Any], tmp_path: Path) -> None:
    explanation = explained(tmp_path, **beside)
    single = {(c.fact, c.value, c.about) for one in explanation.flips if len(one.changes) == 1 for c in one.changes}
    assert ("withdrawn", "before_the_moment", "loss_reports L1") in single


def test_two_reports_of_one_card_must_both_be_withdrawn(tmp_path: Path) -> None:
    both = [SEEN, {**SEEN, "report_no": "L2"}]
    explanation = explained(tmp_path, loss_reports=both)
    pairs = {frozenset((c.fact, c.about) for c in one.changes) for one in explanation.flips if len(one.changes) == 2}
    assert frozenset({("withdrawn", "loss_reports L1"), ("withdrawn", "loss_reports L2")}) in pairs


def test_a_whole_log_refutes_a_later_check_in_person(tmp_path: Path) -> None:
    """SPEC 7.3, R202 covered: what a complete log does not hold did not happen."""
    failed = {**CHECK, "check_kind": "face_match", "result": "fail"}
    explanation = explained(
        tmp_path, verifications=[failed], loss_reports=[{**SEEN, "withdrawn_at": "2024-01-10 10:00:00"}]
    )
    assert explanation.deciding is not None
    assert (explanation.deciding.rule_id, explanation.deciding.grid_row) == ("R202", "2")
    changes = [c for one in explanation.flips for c in one.changes if c.fact == "in_person"]
    assert changes
    assert not any(c.is_unknown for c in changes)


def test_a_debt_bought_is_in_no_lane(tmp_path: Path) -> None:
    """SPEC 7: a buyer of debts had no card to check."""
    original = {"original_provider_code": "B01", "original_account_code": "A0"}
    accounts = [{**ACCOUNT, "account_code": "A0"}, {**ACCOUNT, "account_type": "C1", **original}]
    openings = [{**OPENING, "account_code": "A0"}]
    debt = explained(tmp_path, accounts=accounts, openings=openings)
    assert [f["rule_id"] for f in debt.findings if f["notice_id"]] == ["R101"]
    assert debt.deciding is None
    assert debt.flips == ()
    assert any("not applicable" in line for line in spoken(debt, "en"))


def test_both_languages_say_the_same_things_and_no_number(plain: Explanation) -> None:
    english, chinese = list(spoken(plain, "en")), list(spoken(plain, "zh"))
    assert len(english) == len(chinese)
    whole = "\n".join([*english, *chinese, json.dumps(plain.as_dict(), ensure_ascii=False)])
    assert NUMBER not in whole
    assert "fault_indicated" in english[-1] or any("fault_indicated" in line for line in english)
    assert any("什么会改变结论" in line for line in chinese)


def test_the_timeline_is_in_order(plain: Explanation) -> None:
    assert [event.what for event in plain.timeline] == ["reported", "visible", "moment"]
    starts = [event.start for event in plain.timeline]
    assert starts == sorted(starts)
