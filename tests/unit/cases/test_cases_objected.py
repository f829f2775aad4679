"""Objections: each opens a case or joins one, and starts the legal clock (SPEC 8.1, 8.4, 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_desk import Desk, Row, events, finding, one
from moving import account, answer, by_episode, day, due, objection, verified

if TYPE_CHECKING:
    from case_desk import Tracked


def test_an_objection_opens_a_case_with_the_legal_clock(desk: Desk) -> None:
    """SPEC 8.1, 8.4, 12: tier objection, verdict null, 20 calendar days from received_on."""
    row = one(desk.night([], standing_objections=[objection(received_on=day(-3))], standing_accounts=[account()]))
    assert (row["subject"], row["account_code"], row["tier"], row["verdict"]) == ("account:A", "A", "objection", None)
    assert (row["fault"], row["duty"], row["state"], row["due_on"]) == (
        "not_applicable",
        "not_applicable",
        "sent",
        day(17),
    )
    again = desk.night([], standing_objections=[objection()], standing_accounts=[account()])
    assert (one(again)["state"], events(again, day(1))) == ("sent", [])


def test_the_legal_clock_runs_from_receipt_whatever_else_comes_that_night(desk: Desk) -> None:
    """SPEC 8.4: 20 calendar days from received_on, also beside an answer, and where a correction is due."""
    told = {"standing_objections": [objection(received_on=day(-3))], "standing_accounts": [account()]}
    case = one(desk.night([finding()]))
    row = one(desk.night([finding()], **told, **answer(case, "0", "undetermined")))
    assert (row["state"], row["due_on"]) == ("undetermined", day(17))
    row = one(desk.night([finding()], **told, **answer(row, "4", "correction_due")))
    assert row["due_on"] == day(22)
    more = {**told, "standing_objections": [*told["standing_objections"], objection("O2", received_on=day(1))]}
    row = one(desk.night([finding()], **more))
    assert (row["state"], row["due_on"]) == ("correction_due", day(21))
    assert one(desk.night([finding()], **more))["due_on"] == day(21)


def test_an_objection_joins_the_accounts_case(desk: Desk) -> None:
    desk.night([finding()])
    found = desk.night([finding()], standing_objections=[objection()], standing_accounts=[account()])
    row = one(found)
    assert (row["tier"], row["state"], row["due_on"]) == ("R101", "sent", day(20))
    assert events(found, day(1)) == [("objection", "sent", "sent")]
    fallen = one(desk.night([], standing_objections=[objection()], standing_accounts=[account()]))
    assert (fallen["tier"], fallen["state"]) == ("objection", "sent")


def test_an_objection_to_an_unknown_account_keeps_its_case_when_the_account_comes(desk: Desk) -> None:
    first = one(desk.night([], standing_objections=[objection()]))
    assert (first["subject"], first["account_code"]) == ("objection:O1", None)
    row = one(desk.night([finding()], standing_objections=[objection()], standing_accounts=[account()]))
    assert (row["case_id"], row["subject"], row["tier"]) == (first["case_id"], "account:A", "R101")
    assert row["due_on"] == first["due_on"]


def test_an_objection_wakes_what_the_holder_had_confirmed(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, "2", "holder_confirmed"))
    told = {"standing_objections": [objection()], "standing_accounts": [account()]}
    found = desk.night([finding()], **told)
    assert by_episode(found) == [(1, "holder_confirmed"), (2, "sent")]
    assert by_episode(desk.night([finding()], **told)) == [(1, "holder_confirmed"), (2, "sent")]


def test_no_objection_is_without_a_case(desk: Desk) -> None:
    """SPEC 8.1: a withdrawn case wakes for it; beside a verified one, which keeps its state, it is another matter."""
    desk.night([finding()])
    desk.night([])
    told = {"standing_objections": [objection(received_on=day(1))], "standing_accounts": [account()]}
    woken = desk.night([], **told)
    assert by_episode(woken) == [(1, "withdrawn"), (2, "sent")]
    assert ("woken", "withdrawn", "lead") in events(woken, day(2))
    assert [c["due_on"] for c in woken.cases.to_pylist() if c["episode"] == 2] == [day(21)]


def test_an_objection_to_a_corrected_record_is_another_matter(desk: Desk) -> None:
    old = verified(desk)
    found = desk.night([], standing_objections=[objection(received_on=day(2))], standing_accounts=[account()])
    [new] = [c for c in found.cases.to_pylist() if c["case_id"] != old["case_id"]]
    assert (new["follows"], new["tier"], new["state"], new["due_on"]) == (old["case_id"], "objection", "sent", day(22))
    assert [c["state"] for c in found.cases.to_pylist() if c["case_id"] == old["case_id"]] == ["correction_verified"]


def test_an_objection_does_not_wake_what_is_undetermined(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, "0", "undetermined"))
    told = {"standing_objections": [objection()], "standing_accounts": [account()]}
    found = desk.night([finding()], **told)
    assert (by_episode(found), one(found)["due_on"]) == ([(1, "undetermined")], day(20))


def test_the_legal_clock_of_an_objection_outlives_waking(desk: Desk) -> None:
    """SPEC 8.4: the basis of a clock is frozen when it starts."""
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, "0", "undetermined"))
    told = {"standing_objections": [objection()], "standing_accounts": [account()]}
    desk.night([finding()], **told)
    found = desk.night([finding(), finding("R104", notice_id="L2")], **told)
    new = next(c for c in found.cases.to_pylist() if c["episode"] == 2)
    assert (new["state"], new["due_on"]) == ("sent", day(20))


def late(desk: Desk) -> list[str | None]:
    return list(desk.engine.fetch("SELECT overdue_kind FROM case_rows ORDER BY case_id")["overdue_kind"].to_pylist())


def test_an_objection_beside_an_overdue_correction_shows_the_legal_day_and_stays_overdue(desk: Desk) -> None:
    """SPEC 8.4: the legal clock runs from received_on; the correction is late all the same."""
    due(desk)
    desk.tonight = day(22)
    assert one(desk.night([finding()]))["state"] == "correction_overdue"
    assert late(desk) == ["house"]
    told = {"standing_objections": [objection(received_on=day(20))], "standing_accounts": [account()]}
    row = one(desk.night([finding()], **told))
    assert (row["state"], row["due_on"]) == ("correction_overdue", day(40))
    assert desk.engine.fetch("SELECT due_kind FROM case_rows")["due_kind"].to_pylist() == ["legal"]
    assert late(desk) == ["house"]
    desk.tonight = day(41)
    row = one(desk.night([finding()], **told))
    assert (row["state"], row["due_on"], late(desk)) == ("correction_overdue", day(40), ["legal"])


def test_a_correction_falls_overdue_on_the_night_of_an_objection(desk: Desk) -> None:
    due(desk)
    desk.tonight = day(22)
    told = {"standing_objections": [objection(received_on=day(20))], "standing_accounts": [account()]}
    row = one(desk.night([finding()], **told))
    assert (row["state"], row["due_on"]) == ("correction_overdue", day(40))


def test_of_two_objections_the_earlier_receipt_counts_whichever_came_first(desk: Desk) -> None:
    told = [objection(received_on=day(-1)), objection("O2", received_on=day(-6))]
    known = {"standing_accounts": [account()]}
    assert one(desk.night([finding()], standing_objections=told[:1], **known))["due_on"] == day(19)
    assert one(desk.night([finding()], standing_objections=told, **known))["due_on"] == day(14)
    later = [*told, objection("O3", received_on=day(2))]
    assert one(desk.night([finding()], standing_objections=later, **known))["due_on"] == day(14)


@pytest.mark.parametrize(("after", "kind"), [(20, None), (21, "house")])
def test_a_case_is_late_from_the_night_after_its_due_date(desk: Desk, after: int, kind: str | None) -> None:
    assert one(desk.night([finding()]))["due_on"] == day(20)
    desk.tonight = day(after)
    one(desk.night([finding()]))
    assert late(desk) == [kind]


def test_what_is_closed_is_never_late(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    desk.tonight = day(30)
    desk.night([finding()], **answer(case, "2", "holder_confirmed"))
    assert late(desk) == [None]


def test_an_objection_goes_with_its_case_when_that_wakes_until_it_is_answered(desk: Desk) -> None:
    """SPEC 8.1: a person who objected gets an answer, whatever else comes to light meanwhile."""
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, "0", "undetermined"))
    told = {"standing_objections": [objection()], "standing_accounts": [account()]}
    desk.night([finding()], **told)
    more = [finding(), finding("R104", notice_id="L2")]
    desk.night(more, **told)
    row = _last(desk.night(more, **told))
    assert (row["episode"], row["state"], "objection O1" in row["reasons"]) == (2, "sent", True)
    fallen = _last(desk.night([], **told))
    assert (fallen["tier"], fallen["state"], fallen["due_on"]) == ("objection", "sent", day(20))
    asked = _last(desk.night([], **told, **answer(fallen, "0", "undetermined")))
    assert (asked["state"], asked["due_on"]) == ("undetermined", None)
    desk.night([finding("R107")], **told)
    again = _last(desk.night([finding("R107")], **told))
    assert (again["episode"], "objection" in again["reasons"]) == (3, False)


def _last(tracked: Tracked) -> Row:
    return max(tracked.cases.to_pylist(), key=lambda row: row["episode"])
