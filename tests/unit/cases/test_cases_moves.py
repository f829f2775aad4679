"""How a case moves, and by what proof (SPEC 8.1), on findings, answers and proofs made by hand."""

from __future__ import annotations

import pytest
from case_desk import Desk, Row, events, fault, finding, one
from moving import answer, by_episode, by_state, day, due, proof, returned, states, verified

from unit.kit import NIGHT, OTHER, PERSON

OPEN = ("lead", "sent", "undetermined", "correction_due", "correction_overdue")


@pytest.mark.parametrize(
    ("outcome", "to_state", "left", "ball"),
    [
        ("1", "correction_due", 20, "institution"),
        ("4", "correction_due", 20, "institution"),
        ("0", "undetermined", None, "pboc_liaison"),
        ("2", "holder_confirmed", None, None),
    ],
)
def test_an_answer_moves_and_sets_the_clock(
    desk: Desk, outcome: str, to_state: str, left: int | None, ball: str | None
) -> None:
    """SPEC 8.2, 8.4: house_correction runs 20 calendar days from the night the answer was taken."""
    case = one(desk.night([finding()]))
    assert (case["due_on"], case["holds_the_ball"]) == (day(20), "institution")
    found = desk.night([finding()], **answer(case, outcome, to_state))
    row = one(found)
    assert (row["state"], row["holds_the_ball"], row["last_changed"]) == (to_state, ball, day(1))
    assert row["due_on"] == (None if left is None else day(1 + left))
    assert events(found, day(1)) == [("answered", "sent", to_state)]
    [log] = [e for e in found.events.to_pylist() if e["event"] == "answered"]
    assert (log["by"], log["proof"]) == ("pboc", f"answer:{outcome}:E1 (x)")
    assert desk.changes()["A"] == ("changed" if to_state in OPEN else None)


def test_a_correction_is_overdue_when_the_night_is_later_than_its_due_date(desk: Desk) -> None:
    case = due(desk)
    desk.tonight = day(21)
    row = one(desk.night([finding()]))
    assert (row["night"], row["due_on"], row["state"]) == (day(21), day(21), "correction_due")
    found = desk.night([finding()])
    assert one(found)["state"] == "correction_overdue"
    assert events(found, day(22)) == [("overdue", "correction_due", "correction_overdue")]
    again = one(desk.night([finding()], **answer({**case, "state": "correction_overdue"}, "4", "correction_due")))
    assert (again["state"], again["due_on"]) == ("correction_due", day(43))


def test_a_correction_that_is_late_is_verified_all_the_same(desk: Desk) -> None:
    """SPEC 8.1: both `correction_due` and `correction_overdue` become `correction_verified` by 8.3."""
    case = due(desk)
    desk.tonight = day(30)
    assert one(desk.night([finding()]))["state"] == "correction_overdue"
    found = desk.night([], proofs_tonight=[proof(case, is_proven=True, proof="absent:a;b")])
    assert events(found, day(31)) == [("verified", "correction_overdue", "correction_verified")]
    assert one(found)["due_on"] is None


def test_a_proof_verifies_and_what_is_missing_is_said(desk: Desk) -> None:
    case = due(desk)
    row = one(desk.night([finding()], proofs_tonight=[proof(case, is_proven=False, missing="short:87%")]))
    assert (row["state"], row["blind_spots"]) == ("correction_due", "short:87%")
    found = desk.night([], proofs_tonight=[proof(case, is_proven=True, proof="absent:a;b")])
    row = one(found)
    assert (row["state"], row["due_on"], row["blind_spots"]) == ("correction_verified", None, None)
    assert events(found, day(3)) == [("verified", "correction_due", "correction_verified")]
    assert [e["proof"] for e in found.events.to_pylist() if e["event"] == "verified"] == ["absent:a;b"]


def test_an_answer_of_tonight_comes_before_a_proof_of_tonight(desk: Desk) -> None:
    """SPEC 8.3: both proofs lie on nights after the answer was taken."""
    case = due(desk)
    proven = [proof(case, is_proven=True, proof="absent:a;b")]
    row = one(desk.night([finding()], proofs_tonight=proven, **answer(case, "5", "correction_due")))
    assert row["state"] == "correction_due"


def test_proofs_are_asked_for_from_the_night_after_the_answer(desk: Desk) -> None:
    """SPEC 8.3: both nights of a proof come after the one that took the answer."""
    due(desk)
    asked = []
    for after in (1, 2):
        desk.tonight = day(after)
        desk.night([finding()])
        asked.append(desk.engine.fetch("SELECT case_id FROM awaiting").num_rows)
    assert asked == [0, 1]


@pytest.mark.parametrize("state", ["correction_due", "correction_overdue"])
def test_what_is_to_be_corrected_is_never_withdrawn(desk: Desk, state: str) -> None:
    due(desk)
    desk.tonight = day(30) if state == "correction_overdue" else desk.tonight
    row = one(desk.night([]))
    assert row["state"] == state


@pytest.mark.parametrize("state", ["lead", "sent", "undetermined"])
def test_a_case_without_findings_is_withdrawn_with_the_registry_that_did_it(desk: Desk, state: str) -> None:
    recipients = [] if state == "lead" else [{"recipient": "p", "kind": "pboc_liaison"}]
    rows = [{"provider_code": "B01", "account_code": "A", "id_norm": PERSON}]
    case = one(desk.night([finding()], recipients=recipients, judged_rows=rows))
    if state == "undetermined":
        desk.night([finding()], judged_rows=rows, **answer(case, "0", "undetermined"))
    tonight = desk.tonight
    came = {
        "loss_reports": [{"report_no": "L1", "id_norm": PERSON}],
        "invalid_cards": [{"event_id": "E", "id_norm": OTHER}],
    }
    found = desk.night([], came=came)
    assert one(found)["state"] == "withdrawn"
    assert events(found, tonight) == [("withdrawn", state, "withdrawn")]
    assert found.events.to_pylist()[-1]["proof"] == "no_finding_stands:loss_reports"


@pytest.mark.parametrize(
    ("feed", "row", "column"),
    [
        ("openings", {"account_code": "A", "card_valid_from": NIGHT}, "card_valid_from"),
        ("accounts", {"account_code": "A"}, "account_code"),
        ("verifications", {"check_id": "V", "account_code": "A"}, "check_id"),
        ("account_renames", {"old_account_code": "A", "new_account_code": "N", "effective_on": NIGHT}, "account_code"),
    ],
)
def test_an_institution_closes_no_case_by_changing_its_rows(desk: Desk, feed: str, row: Row, column: str) -> None:
    """SPEC 8.1: the state stays, the case keeps its last findings, and only an answer or 8.3 moves it."""
    first = one(desk.night([finding()]))
    found = desk.night([], came={feed: [{"provider_code": "B01", **row}], "loss_reports": [{"report_no": "L"}]})
    case = one(found)
    assert case["state"] == "sent"
    assert f"provider_changed:{column}" in case["blind_spots"].split(";")
    assert (case["tier"], case["reasons"], case["due_on"]) == (first["tier"], first["reasons"], first["due_on"])
    assert events(found, day(1)) == [("provider_changed", "sent", "sent")]
    later = one(desk.night([], came={"loss_reports": [{"report_no": "L2", "id_norm": PERSON}]}))
    assert (later["state"], later["blind_spots"]) == ("sent", case["blind_spots"])
    moved = one(desk.night([], **answer(later, "4", "correction_due")))
    assert moved["state"] == "correction_due"
    back = one(desk.night([finding()]))
    assert (back["state"], back["blind_spots"]) == ("correction_due", None)


def test_rows_of_another_institution_hold_nothing(desk: Desk) -> None:
    desk.night([finding()])
    came = {"openings": [{"provider_code": "B02", "account_code": "A"}, {"provider_code": "B01", "account_code": "B"}]}
    assert one(desk.night([], came=came))["state"] == "withdrawn"


@pytest.mark.parametrize(("outcome", "state"), [("0", "undetermined"), ("2", "holder_confirmed")])
def test_only_changed_evidence_wakes(desk: Desk, outcome: str, state: str) -> None:
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, outcome, state))
    same = desk.night([finding()], case_faults=[fault(fault="fault_indicated")])
    assert by_episode(same) == [(1, state)]
    found = desk.night([finding(), finding("R104", notice_id="L2")])
    assert by_episode(found) == [(1, state), (2, "sent")]
    assert {c["case_id"] for c in found.cases.to_pylist()} == {case["case_id"]}
    assert events(found, day(3)) == [("sent", "lead", "sent"), ("woken", state, "lead")]
    assert desk.changes()["A"] == "changed"
    old, new = sorted(found.cases.to_pylist(), key=lambda c: c["episode"])
    assert (old["first_seen"], new["first_seen"], new["due_on"]) == (NIGHT, day(3), day(23))
    assert (old["tier"], old["due_on"], old["holds_the_ball"]) == ("R101", None, None)
    quiet = desk.night([finding(), finding("R104", notice_id="L2")])
    assert (by_episode(quiet), events(quiet, day(4))) == ([(1, state), (2, "sent")], [])


def test_an_answer_to_evidence_that_changed_the_same_night_does_not_hide_it(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    changed = [finding(), finding("R104", notice_id="L2")]
    found = desk.night(changed, **answer(case, "2", "holder_confirmed"))
    assert by_episode(found) == [(1, "holder_confirmed"), (2, "sent")]


@pytest.mark.parametrize(("outcome", "state"), [("0", "undetermined"), ("2", "holder_confirmed")])
def test_a_rename_is_no_new_evidence(desk: Desk, outcome: str, state: str) -> None:
    """SPEC 8.1: the evidence is what the findings say; a bank that renames its accounts wakes nobody."""
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, outcome, state))
    lineage = [{"provider_code": "B01", "account_code": "A", "head_provider": "B01", "head_code": "NEW"}]
    found = desk.night([finding(code="NEW")], lineage=lineage)
    assert (by_episode(found), one(found)["account_code"]) == ([(1, state)], "NEW")
    assert events(found, day(2)) == []
    assert by_episode(desk.night([finding(code="NEW", evidence='{"shown_on":"2021-01-01"}')], lineage=lineage)) == [
        (1, state),
        (2, "sent"),
    ]


def test_a_rename_on_a_chain_is_no_new_evidence_and_a_chain_that_leads_elsewhere_is(desk: Desk) -> None:
    """SPEC 8.1: R109 tells its chain by the newest codes, and says the same of a renamed account."""

    def chained(to: str, code: str = "A") -> Row:
        cells = {"evidence": f'{{"chain":"B01/{code}>B01/{to}"}}', "notice_source": None, "notice_id": None}
        return finding("R109", "lead", code, **cells)

    def renamed(*codes: str) -> list[Row]:
        head = {"provider_code": "B01", "head_provider": "B01", "head_code": codes[-1]}
        return [{**head, "account_code": c, "steps": len(codes) - n} for n, c in enumerate(codes, 1)]

    case = one(desk.night([chained("S")]))
    desk.night([chained("S")], **answer(case, "2", "holder_confirmed"))
    tonight = desk.tonight
    for new, lineage in (
        (chained("T"), renamed("S", "T")),
        (chained("T", "N"), [*renamed("S", "T"), *renamed("A", "N")]),
        (chained("U", "N"), [*renamed("S", "T", "U"), *renamed("A", "N")]),
    ):
        assert by_episode(desk.night([new], lineage=lineage)) == [(1, "holder_confirmed")]
    assert [e for e in desk.events.to_pylist() if e["night"] >= tonight] == []
    found = desk.night([chained("V", "N")], lineage=[*renamed("S", "T", "U"), *renamed("A", "N")])
    assert by_episode(found) == [(1, "holder_confirmed"), (2, "sent")]


def test_a_withdrawn_case_wakes_when_any_finding_stands_again(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    desk.night([])
    assert by_episode(desk.night([])) == [(1, "withdrawn")]
    found = desk.night([finding()])
    assert by_episode(found) == [(1, "withdrawn"), (2, "sent")]
    assert {c["case_id"] for c in found.cases.to_pylist()} == {case["case_id"]}


def test_a_holder_who_confirmed_is_not_asked_again_for_the_same_evidence(desk: Desk) -> None:
    case = one(desk.night([finding()]))
    desk.night([finding()], **answer(case, "2", "holder_confirmed"))
    assert by_episode(desk.night([])) == [(1, "holder_confirmed")]
    assert by_episode(desk.night([finding()])) == [(1, "holder_confirmed")]


def test_reappearance_ends_the_old_case_and_starts_another(desk: Desk) -> None:
    old = verified(desk)
    assert old["state"] == "correction_verified"
    desk.night([])
    found = desk.night([finding()], returns_tonight=[returned(old)])
    new = next(c for c in found.cases.to_pylist() if c["case_id"] != old["case_id"])
    assert states(found) == {old["case_id"]: "reappeared", new["case_id"]: "sent"}
    assert (new["follows"], new["episode"], new["first_seen"], new["subject"]) == (
        old["case_id"],
        1,
        day(4),
        "account:A",
    )
    later = desk.night([finding("R104")])
    assert states(later) == {old["case_id"]: "reappeared", new["case_id"]: "sent"}
    assert [e[0] for e in events(later, day(5))] == ["evidence_changed"]


def test_an_account_that_comes_back_without_a_finding_is_a_case_all_the_same(desk: Desk) -> None:
    old = verified(desk)
    found = desk.night([], returns_tonight=[returned(old, "NEW", "rekeyed:NEW")])
    new = next(c for c in found.cases.to_pylist() if c["case_id"] != old["case_id"])
    assert (new["follows"], new["account_code"], new["subject"]) == (old["case_id"], "NEW", "account:NEW")
    assert (new["tier"], new["state"]) == ("R101", "sent")
    assert by_state(desk.night([])) == ["reappeared", "sent"]


@pytest.mark.parametrize("stands", [True, False])
def test_what_comes_back_to_an_account_whose_own_case_is_closed_is_a_new_case(desk: Desk, *, stands: bool) -> None:
    """SPEC 8.1: on reappearance a new one starts, follows = the old; a holder who confirmed spoke of something else."""
    own = finding("R109", "lead", code="X", notice_source=None, notice_id=None)
    first = {c["account_code"]: c for c in desk.night([finding(), own]).cases.to_pylist()}
    told = [answer(first["A"], "4", "correction_due"), answer(first["X"], "2", "holder_confirmed")]
    desk.night([finding(), own], **{name: [*told[0][name], *told[1][name]] for name in told[0]})
    desk.night([finding(), own], proofs_tonight=[proof(first["A"], is_proven=True, proof="absent:x;y")])
    still = [own] if stands else []
    found = desk.night(still, returns_tonight=[returned(first["A"], "X", "collection:X")])
    [new] = [c for c in found.cases.to_pylist() if c["follows"] == first["A"]["case_id"]]
    assert (new["subject"], new["state"], new["episode"]) == ("account:X", "sent", 1)
    gone = {first["A"]["case_id"]: "reappeared", first["X"]["case_id"]: "holder_confirmed"}
    assert states(found) == {**gone, new["case_id"]: "sent"}
    assert states(desk.night(still)) == {**gone, new["case_id"]: "sent"}
    later = desk.night([own, finding("R104", code="X", notice_id="L2")])
    assert states(later) == {**gone, new["case_id"]: "sent"}


def test_a_verified_case_does_not_hide_another_matter_on_its_account(desk: Desk) -> None:
    old = verified(desk)
    assert by_state(desk.night([finding()])) == ["correction_verified"]
    found = desk.night([finding("R107", notice_id="D")])
    new = next(c for c in found.cases.to_pylist() if c["case_id"] != old["case_id"])
    assert (new["follows"], new["state"], states(found)[old["case_id"]]) == (
        old["case_id"],
        "sent",
        "correction_verified",
    )


def test_residual_is_listed_while_it_is_there(desk: Desk) -> None:
    old = verified(desk)
    row = one(desk.night([], residual_tonight=[{"case_id": old["case_id"], "residual": "inquiry:I1"}]))
    assert row["blind_spots"] == "residual:inquiry:I1"
    assert one(desk.night([]))["blind_spots"] is None


def test_a_case_of_data_quality_opens_no_clock(desk: Desk) -> None:
    row = one(desk.night([finding("R301", "lead", notice_source=None, notice_id=None)]))
    assert (row["state"], row["due_on"]) == ("lead", None)


def test_the_person_of_a_case_stays_who_it_was_when_it_began(desk: Desk) -> None:
    """SPEC 8.3: a number that the institution puts in later is the other one, also where it has findings of its own."""
    rows = [{"provider_code": "B01", "account_code": "A", "id_norm": PERSON}]
    case = one(desk.night([finding()], judged_rows=rows))
    desk.night([finding()], judged_rows=rows, **answer(case, "1", "correction_due"))
    desk.night([finding(notice_id="Q")], judged_rows=[{**rows[0], "id_norm": OTHER}])
    desk.night([finding(notice_id="Q")], judged_rows=[{**rows[0], "id_norm": OTHER}])
    assert desk.engine.fetch("SELECT id_norm FROM awaiting")["id_norm"].to_pylist() == [PERSON]


def test_an_institution_takes_no_case_from_its_readers_by_breaking_a_number(desk: Desk) -> None:
    """SPEC 8.1, 10.1: what is left is told by its finding, and stays in exceptions.csv with what was changed."""
    desk.night([finding()])
    broken = finding("R301", "lead", notice_source=None, notice_id=None)
    opening = {"provider_code": "B01", "account_code": "A", "card_valid_from": NIGHT}
    row = one(desk.night([broken], came={"openings": [opening]}))
    assert (row["tier"], row["state"], row["due_on"]) == ("R301", "sent", day(20))
    assert "provider_changed:card_valid_from" in row["blind_spots"].split(";")
    assert desk.changes()["A"] == "changed"
    later = one(desk.night([broken]))
    assert (later["state"], later["blind_spots"]) == ("sent", row["blind_spots"])
    assert desk.engine.fetch("SELECT is_data_quality FROM case_rows")["is_data_quality"].to_pylist() == [False]
    back = one(desk.night([finding()]))
    assert (back["tier"], back["blind_spots"]) == ("R101", None)


def test_a_registry_may_leave_a_matter_of_data_quality(desk: Desk) -> None:
    desk.night([finding()])
    row = one(desk.night([finding("R301", "lead", notice_source=None, notice_id=None)]))
    assert (row["tier"], row["blind_spots"]) == ("R301", None)
    assert desk.engine.fetch("SELECT is_data_quality FROM case_rows")["is_data_quality"].to_pylist() == [True]


def test_what_the_answer_did_not_speak_of_is_another_matter(desk: Desk) -> None:
    """SPEC 8.1, 8.3: two proofs verify; a finding that stands on the corrected record all the same has a case."""
    case = due(desk, "3")
    later = [finding(evidence='{"moment":"later"}')]
    assert by_state(desk.night(later)) == ["correction_due"]
    proven = [proof(case, is_proven=True, proof="value opened_at:a;b", kind="values", has_other_evidence=True)]
    found = desk.night(later, proofs_tonight=proven)
    new = next(c for c in found.cases.to_pylist() if c["case_id"] != case["case_id"])
    assert (states(found)[case["case_id"]], new["state"], new["follows"]) == (
        "correction_verified",
        "sent",
        case["case_id"],
    )
    assert sorted(events(found, day(3))) == [
        ("opened", None, "lead"),
        ("sent", "lead", "sent"),
        ("verified", "correction_due", "correction_verified"),
    ]
    assert events(desk.night(later), day(4)) == []


@pytest.mark.parametrize("findings", [[finding()], [finding(), finding("R104", notice_id="L2")]])
def test_what_the_answer_spoke_of_or_is_gone_with_its_account_alerts_nobody(desk: Desk, findings: list[Row]) -> None:
    """SPEC 8.3: an account whose absence is proven is judged no more; what stands of it tonight is a last echo."""
    case = due(desk)
    found = desk.night(findings, proofs_tonight=[proof(case, is_proven=True, proof="absent:a;b")])
    assert states(found) == {case["case_id"]: "correction_verified"}
    assert states(desk.night([])) == {case["case_id"]: "correction_verified"}


def test_what_fell_while_a_correction_was_due_is_withdrawn_once_that_is_answered(desk: Desk) -> None:
    case = due(desk)
    desk.night([])
    found = desk.night([], **answer({**case, "state": "correction_due"}, "0", "undetermined"))
    assert one(found)["state"] == "withdrawn"


def test_a_case_that_rested_on_a_corrected_account_is_not_withdrawn_by_that(desk: Desk) -> None:
    """SPEC 8.1: a registry, a duty, a rule or a table withdraws; a deletion does not."""
    rows = [{"provider_code": "B01", "account_code": c, "id_norm": PERSON} for c in ("A", "V")]
    chained = finding("R109", "lead", notice_source=None, notice_id=None)
    first = desk.night([chained, finding(code="V")], judged_rows=rows)
    gone = next(c for c in first.cases.to_pylist() if c["account_code"] == "V")
    absent = {"provider_code": "B01", "account_code": "V", "case_id": gone["case_id"], "is_absent": True}
    found = desk.night([], judged_rows=rows, standing_absent_accounts=[{**absent, "night": NIGHT}])
    row = next(c for c in found.cases.to_pylist() if c["account_code"] == "A")
    assert (row["state"], row["blind_spots"]) == ("sent", "corrected:B01/V")


def test_an_account_that_comes_back_under_an_old_code_is_one_case_under_the_newest(desk: Desk) -> None:
    old = verified(desk)
    lineage = [
        {"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N", "steps": 1 - n}
        for n, c in enumerate(("A", "N"))
    ]
    found = desk.night([finding(code="N")], lineage=lineage, returns_tonight=[returned(old)])
    assert by_state(found) == ["reappeared", "sent"]
    new = next(c for c in found.cases.to_pylist() if c["case_id"] != old["case_id"])
    assert (new["subject"], new["follows"]) == ("account:N", old["case_id"])
