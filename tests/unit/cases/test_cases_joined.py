"""Several cases of one account: one goes on, none is lost (SPEC 8.1, 12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from case_desk import Desk, Row, events, finding
from moving import account, answer, day, due, objection, proof, returned

from place import Place
from reference.small import ACCOUNT, OPENING, REPORT
from unit.kit import OTHER, PERSON

if TYPE_CHECKING:
    from pathlib import Path

    from case_desk import Tracked

JOINED = [{"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N"} for c in "AB"]


def by_id(tracked: Tracked) -> dict[str, Row]:
    """Return the last episode of each case."""
    return {c["case_id"]: c for c in sorted(tracked.cases.to_pylist(), key=lambda c: c["episode"])}


def two(desk: Desk) -> tuple[Row, Row]:
    """Return the cases of A and of B, of two nights."""
    first = by_id(desk.night([finding()]))
    second = by_id(desk.night([finding(), finding(code="B", notice_id="L2")]))
    [older] = first.values()
    [newer] = [c for name, c in second.items() if name not in first]
    return older, newer


def test_the_older_goes_on_and_the_younger_stays_open_and_says_why(desk: Desk) -> None:
    """SPEC 8.1: of a rename the state stays, with provider_changed; nothing is lost, and nothing is alerted twice."""
    older, newer = two(desk)
    found = desk.night([finding(code="N")], lineage=JOINED)
    rows = by_id(found)
    assert {name: (r["account_code"], r["state"]) for name, r in rows.items()} == {
        older["case_id"]: ("N", "sent"),
        newer["case_id"]: ("N", "sent"),
    }
    assert rows[older["case_id"]]["blind_spots"] is None
    assert rows[newer["case_id"]]["blind_spots"] == f"joined:{older['case_id']};provider_changed:account_code"
    assert [e["proof"] for e in found.events.to_pylist() if e["event"] == "joined"] == [f"case:{older['case_id']}"]
    assert desk.changes() == {"N": None}
    again = desk.night([finding(code="N")], lineage=JOINED)
    assert events(again, day(3)) == []


def test_an_answer_to_the_one_is_an_answer_to_the_other(desk: Desk) -> None:
    older, newer = two(desk)
    rows = by_id(desk.night([finding(code="N")], lineage=JOINED))
    found = desk.night([finding(code="N")], lineage=JOINED, **answer(rows[older["case_id"]], "4", "correction_due"))
    assert {(r["state"], r["due_on"]) for r in by_id(found).values()} == {("correction_due", day(23))}
    assert events(found, day(3)) == [("answered", "sent", "correction_due")] * 2
    proven = [proof(r, is_proven=True, proof="absent:a;b") for r in by_id(found).values()]
    closed = desk.night([], lineage=JOINED, proofs_tonight=proven)
    assert {r["state"] for r in by_id(closed).values()} == {"correction_verified"}
    assert {e["case_id"] for e in closed.events.to_pylist() if e["event"] == "verified"} == {
        older["case_id"],
        newer["case_id"],
    }


def test_an_answer_of_the_night_of_the_rename_spoke_of_one_account(desk: Desk) -> None:
    older, newer = two(desk)
    found = by_id(desk.night([finding(code="N")], lineage=JOINED, **answer(older, "4", "correction_due")))
    assert [found[c["case_id"]]["state"] for c in (older, newer)] == ["correction_due", "sent"]


def test_an_answer_of_its_own_counts_for_the_younger(desk: Desk) -> None:
    _, newer = two(desk)
    rows = by_id(desk.night([finding(code="N")], lineage=JOINED))
    own, other = answer(rows[newer["case_id"]], "0", "undetermined"), [r for r in rows if r != newer["case_id"]]
    both = answer(rows[other[0]], "4", "correction_due")
    told = {name: [*own[name], *both[name]] for name in own}
    found = by_id(desk.night([finding(code="N")], lineage=JOINED, **told))
    assert [found[name]["state"] for name in (other[0], newer["case_id"])] == ["correction_due", "undetermined"]


def test_an_answer_to_the_one_is_none_to_what_could_not_take_it_itself(desk: Desk) -> None:
    """SPEC 8.2: nothing is answered that was never sent, and no correction that is due becomes confirmed."""
    older = next(iter(by_id(desk.night([finding()])).values()))
    both = [finding(), finding(code="B", notice_id="L2")]
    rows = by_id(desk.night(both, recipients=[]))
    [newer] = [c for name, c in rows.items() if name != older["case_id"]]
    assert newer["state"] == "lead"
    desk.night([finding(code="N")], lineage=JOINED, recipients=[])
    told = answer(older, "0", "undetermined")
    found = by_id(desk.night([finding(code="N")], lineage=JOINED, recipients=[], **told))
    assert [found[c["case_id"]]["state"] for c in (older, newer)] == ["undetermined", "lead"]
    desk.night([finding(code="N")], lineage=JOINED)
    due_now = answer({**newer, "state": "sent"}, "4", "correction_due")
    desk.night([finding(code="N")], lineage=JOINED, **due_now)
    told = answer({**older, "state": "undetermined"}, "2", "holder_confirmed")
    found = by_id(desk.night([finding(code="N")], lineage=JOINED, **told))
    assert [found[c["case_id"]]["state"] for c in (older, newer)] == ["holder_confirmed", "correction_due"]


def test_what_a_registry_takes_from_the_account_it_takes_from_both(desk: Desk) -> None:
    two(desk)
    desk.night([finding(code="N")], lineage=JOINED)
    found = desk.night([], lineage=JOINED)
    assert {r["state"] for r in by_id(found).values()} == {"withdrawn"}
    assert [e["proof"] for e in found.events.to_pylist() if e["event"] == "withdrawn"] == [
        "no_finding_stands:other"
    ] * 2


def test_what_a_registry_takes_it_does_not_take_from_a_case_that_its_institution_had_changed(desk: Desk) -> None:
    """SPEC 8.1: only an answer or a proof moves a case whose findings fell to its institution's own change."""
    older, newer = two(desk)
    was = {"provider_code": "B01", "account_code": "B", "id_type": "10", "id_number": PERSON, "account_type": "D1"}
    came = {"accounts": [{**was, "id_number": OTHER}]}
    held = by_id(desk.night([finding()], came=came, before={"accounts": [was]}))
    assert held[newer["case_id"]]["blind_spots"] == "provider_changed:id_number"
    spots = f"provider_changed:id_number;joined:{older['case_id']};provider_changed:account_code"
    for _ in range(2):
        rows = by_id(desk.night([finding(code="N")], lineage=JOINED))
        assert rows[newer["case_id"]]["blind_spots"] == spots
    rows = by_id(desk.night([], lineage=JOINED))
    assert [rows[c["case_id"]]["state"] for c in (older, newer)] == ["withdrawn", "sent"]
    assert rows[newer["case_id"]]["blind_spots"] == spots


def test_an_open_case_goes_on_rather_than_an_older_closed_one(desk: Desk) -> None:
    older, newer = two(desk)
    both = [finding(), finding(code="B", notice_id="L2")]
    desk.night(both, **answer(older, "2", "holder_confirmed"))
    found = desk.night([finding(code="N", notice_id="L2")], lineage=JOINED)
    assert {name: (r["state"], r["episode"]) for name, r in by_id(found).items()} == {
        older["case_id"]: ("holder_confirmed", 1),
        newer["case_id"]: ("sent", 1),
    }
    assert events(found, day(3)) == []


def test_the_legal_clock_of_the_younger_runs_on_the_one_that_goes_on(desk: Desk) -> None:
    older, newer = two(desk)
    told = {"standing_objections": [objection(code="B", received_on=day(-4))], "standing_accounts": [account("B")]}
    both = [finding(), finding(code="B", notice_id="L2")]
    desk.night(both, **told)
    found = by_id(desk.night([finding(code="N")], lineage=JOINED, **told))
    assert [found[c["case_id"]]["due_on"] for c in (older, newer)] == [day(16), day(16)]
    assert "objection O1" in found[older["case_id"]]["reasons"]
    answered = answer(found[older["case_id"]], "4", "correction_due")
    desk.night([finding(code="N")], lineage=JOINED, **told, **answered)
    assert {r["due_on"] for r in by_id(desk.night([finding(code="N")], lineage=JOINED, **told)).values()} == {day(24)}


def test_objections_that_came_before_their_account_are_one_matter_when_it_comes(desk: Desk) -> None:
    """SPEC 12: the case joins the account and keeps its case_id."""
    told: dict[str, Any] = {"standing_objections": [objection(received_on=day(-2))]}
    [first] = by_id(desk.night([], **told)).values()
    told["standing_objections"].append(objection("O2", received_on=day(-8)))
    second = by_id(desk.night([], **told))
    assert {r["subject"] for r in second.values()} == {"objection:O1", "objection:O2"}
    told["standing_accounts"] = [account()]
    found = desk.night([finding()], **told)
    rows = by_id(found)
    [other] = [name for name in rows if name != first["case_id"]]
    assert {r["subject"] for r in rows.values()} == {"account:A"}
    assert (rows[first["case_id"]]["tier"], rows[first["case_id"]]["due_on"]) == ("R101", day(12))
    assert rows[first["case_id"]]["reasons"].endswith("objection O1, O2")
    assert (rows[other]["state"], rows[other]["tier"], rows[other]["blind_spots"]) == (
        "sent",
        "objection",
        f"joined:{first['case_id']}",
    )
    assert [e["proof"] for e in found.events.to_pylist() if e["event"] == "objection"] == ["objection O2"]
    ended = desk.night([finding()], **told, **answer(rows[first["case_id"]], "2", "holder_confirmed"))
    assert {r["state"] for r in by_id(ended).values()} == {"holder_confirmed"}
    quiet = desk.night([finding()], **told)
    assert (events(quiet, day(4)), {r["episode"] for r in by_id(quiet).values()}) == ([], {1})


def test_what_comes_back_to_an_account_with_an_open_case_is_that_cases_matter(desk: Desk) -> None:
    old = due(desk)
    both = [finding(), finding(code="N", notice_id="L2")]
    desk.night(both, proofs_tonight=[proof(old, is_proven=True, proof="absent:a;b")])
    found = by_id(desk.night(both[1:], returns_tonight=[returned(old, "N", "rekeyed:N")]))
    [new] = [c for name, c in found.items() if name != old["case_id"]]
    assert (found[old["case_id"]]["state"], new["state"], new["follows"]) == ("reappeared", "sent", old["case_id"])


def test_a_case_leaves_the_code_of_a_mistaken_rename_with_its_account(tmp_path: Path) -> None:
    """A corrected rename splits what the mistake had joined: the same case, no second alert.

    A1 was renamed to a code that nobody has, B1 to one of another account, which has a matter of its own.
    """
    place = Place(tmp_path).made()
    nights = [date(2026, 11, 20 + n) for n in range(3)]
    place.deliver(nights[0], "accounts", [{**ACCOUNT, "account_code": c} for c in ("A1", "B1")])
    place.deliver(nights[0], "openings", [{**OPENING, "account_code": c} for c in ("A1", "B1")])
    place.deliver(nights[0], "loss_reports", [REPORT])
    rename = {"provider_code": ACCOUNT["provider_code"], "effective_on": "2026-11-21"}
    for night, word in ((nights[1], "WRONG"), (nights[2], "RIGHT")):
        names = [{**rename, "old_account_code": f"{c}1", "new_account_code": f"{c}{word}"} for c in "AB"]
        place.deliver(night, "account_renames", names)
    other = {**ACCOUNT, "account_code": "BWRONG", "report_date": "2026-10-01"}
    place.deliver(nights[1], "accounts", [other])
    told = []
    for night in nights:
        place.night(night)
        told.append({str(r["account_code"]): str(r["case_id"]) for r in place.rows(night, "cases")})
    assert told[1] == {"AWRONG": told[0]["A1"], "BWRONG": told[0]["B1"]}
    own = told[2].pop("BWRONG")
    assert told[2] == {"ARIGHT": told[0]["A1"], "BRIGHT": told[0]["B1"]}
    assert own not in told[2].values()
