"""Cases from night to night (SPEC 6, 8.1, 9, 10.1), on findings made by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from case_desk import Desk, Row, events, fault, finding, one

from creditaudit.tables import CASE_EVENTS, CASES
from unit.kit import NIGHT, OTHER, PERSON


def test_a_first_finding_opens_a_case_and_sends_it(desk: Desk) -> None:
    found = desk.night([finding()])
    row = one(found)
    assert (row["tier"], row["verdict"], row["state"], row["episode"]) == ("R101", "violation", "sent", 1)
    assert (row["first_seen"], row["last_changed"], row["follows"]) == (NIGHT, NIGHT, None)
    assert (row["subject"], row["person_token"]) == ("account:A", "p")
    assert events(found, NIGHT) == [("opened", None, "lead"), ("sent", "lead", "sent")]
    assert desk.changes() == {"A": "new"}


def test_the_same_findings_again_change_nothing_and_send_nothing(desk: Desk) -> None:
    first = one(desk.night([finding()]))
    found = desk.night([{**finding(), "night": NIGHT + timedelta(days=1)}])
    second = one(found)
    assert {k: v for k, v in second.items() if k != "night"} == {k: v for k, v in first.items() if k != "night"}
    assert (events(found, NIGHT + timedelta(days=1)), desk.changes()) == ([], {"A": None})
    assert found.events.num_rows == 2


def test_changed_evidence_is_a_change_of_the_same_case(desk: Desk) -> None:
    first = one(desk.night([finding()]))
    found = desk.night([finding(), finding("R104", notice_id="L2")])
    row = one(found)
    tonight = NIGHT + timedelta(days=1)
    assert (row["case_id"], row["first_seen"], row["last_changed"]) == (first["case_id"], NIGHT, tonight)
    assert events(found, tonight) == [("evidence_changed", "sent", "sent")]
    assert desk.changes() == {"A": "changed"}
    assert desk.night([finding(notice_id="L2")]).events.num_rows == 4


@pytest.mark.parametrize(
    ("findings", "tier"),
    [
        ([finding("R108"), finding("R101", "undecidable")], ("R108", "violation")),
        (
            [finding("R105", "lead"), finding("R102", "undecidable"), finding("R104", "undecidable")],
            ("R102", "undecidable"),
        ),
        ([finding("R106", "lead"), finding("R103", "lead")], ("R106", "lead")),
        ([finding("R102"), finding("R107", notice_id="E")], ("R107", "violation")),
    ],
)
def test_a_case_is_called_by_its_strongest_finding(desk: Desk, findings: list[Row], tier: tuple[str, str]) -> None:
    row = one(desk.night(findings))
    assert (row["tier"], row["verdict"]) == tier
    assert row["reasons"].startswith(" ".join(tier))


def test_a_case_is_one_account_of_one_institution(desk: Desk) -> None:
    findings = [finding(), finding("R104", notice_id="L2"), finding(code="B"), finding(provider_code="B02")]
    cases = desk.night(findings).cases.to_pylist()
    assert [
        (c["provider_code"], c["account_code"])
        for c in sorted(cases, key=lambda c: (c["provider_code"], c["account_code"]))
    ] == [
        ("B01", "A"),
        ("B01", "B"),
        ("B02", "A"),
    ]
    assert len({c["case_id"] for c in cases}) == 3
    ids = [c["case_id"] for c in cases]
    assert ids == sorted(ids)


def test_a_case_without_standing_findings_keeps_its_last_values(desk: Desk) -> None:
    """SPEC 8.1, 9: it is withdrawn, and keeps the values of the last night on which it had findings."""
    first = one(desk.night([finding()]))
    row = one(desk.night([], stale=("loss_reports",)))
    tonight = NIGHT + timedelta(days=1)
    moved = {"night": tonight, "last_changed": tonight, "state": "withdrawn"}
    ended = dict.fromkeys(("due_on", "due_provisional", "holds_the_ball"))
    assert row == {**first, **moved, **ended, "next_step": row["next_step"]}
    assert desk.changes() == {"A": None}


def test_a_case_goes_on_under_the_newest_code(desk: Desk) -> None:
    first = one(desk.night([finding(code="OLD")]))
    lineage = [
        {"provider_code": "B01", "account_code": c, "head_provider": "B02", "head_code": "NEW"} for c in ("OLD", "MID")
    ]
    found = desk.night([finding(code="NEW", provider_code="B02")], lineage=lineage)
    row = one(found)
    assert (row["case_id"], row["provider_code"], row["account_code"]) == (first["case_id"], "B02", "NEW")
    assert (row["subject"], found.cases.num_rows) == ("account:NEW", 1)
    assert [event for event, *_ in events(found, NIGHT + timedelta(days=1))] == []


def test_a_rename_that_joins_two_cases_goes_on_with_the_older(desk: Desk) -> None:
    older = one(desk.night([finding(code="B")]))
    newer = next(
        c for c in desk.night([finding(code="B"), finding(code="A")]).cases.to_pylist() if c["account_code"] == "A"
    )
    lineage = [{"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N"} for c in "AB"]
    found = desk.night([finding("R104", code="N")], lineage=lineage).cases.to_pylist()
    tonight = {c["case_id"]: c["reasons"] for c in found}
    assert set(tonight) == {older["case_id"], newer["case_id"]}
    assert [c["case_id"] for c in found if c["last_changed"] == NIGHT + timedelta(days=2)] == [older["case_id"]]


# --- fault ---------------------------------------------------------------------------------------------------------

NEEDED = {"knowable": "undecidable", "duty": "unknown", "duty_source": "doc", "performed": "unknown"}
DECIDED = {**NEEDED, "fault": "needs_evidence", "ask_for": "check_log;check_notice"}


def test_a_case_has_the_fault_that_was_decided(desk: Desk) -> None:
    """SPEC 9: knowable, duty, duty_source, performed, fault and ask_for of cases.parquet."""
    cases = desk.night([finding(), finding(code="B")], case_faults=[fault(**DECIDED), fault("account:B")]).cases
    found = {row["account_code"]: {name: row[name] for name in DECIDED} for row in cases.to_pylist()}
    outside = {**dict.fromkeys(DECIDED, "not_applicable"), "duty_source": None, "ask_for": None}
    assert found == {"A": DECIDED, "B": outside}


def test_a_changed_fault_is_sent_and_wakes_nothing(desk: Desk) -> None:
    """SPEC 10.1: changed by fault; SPEC 8.1: only the evidence fingerprint wakes."""
    first = one(desk.night([finding()], case_faults=[fault(**DECIDED)]))
    indicated = {**DECIDED, "fault": "fault_indicated"}
    found = desk.night([finding()], case_faults=[fault(**indicated)])
    tonight = NIGHT + timedelta(days=1)
    row = one(found)
    assert desk.changes() == {"A": "changed"}
    assert (row["fault"], row["state"], row["episode"]) == ("fault_indicated", "sent", first["episode"])
    assert (row["case_id"], row["first_seen"], row["last_changed"]) == (first["case_id"], NIGHT, tonight)
    assert events(found, tonight) == [("fault_changed", "sent", "sent")]
    proofs = [e["proof"] for e in found.events.to_pylist() if e["event"] == "fault_changed"]
    assert proofs == ["fault:needs_evidence>fault_indicated"]
    again = desk.night([finding()], case_faults=[fault(**indicated)])
    assert (desk.changes(), one(again)["last_changed"]) == ({"A": None}, tonight)


def test_what_led_to_the_fault_may_change_without_a_word(desk: Desk) -> None:
    """SPEC 10.1 names fingerprint, state, fault and due_on: another duty row of one fault is no news, but published."""
    desk.night([finding()], case_faults=[fault(**DECIDED)])
    found = desk.night([finding()], case_faults=[fault(**{**DECIDED, "duty_source": "doc 2", "ask_for": None})])
    assert (desk.changes(), events(found, NIGHT + timedelta(days=1))) == ({"A": None}, [])
    assert (one(found)["duty_source"], one(found)["ask_for"]) == ("doc 2", None)


def test_a_case_without_standing_findings_keeps_its_fault(desk: Desk) -> None:
    """SPEC 9."""
    desk.night([finding()], case_faults=[fault(**DECIDED)])
    row = one(desk.night([]))
    assert {name: row[name] for name in DECIDED} == DECIDED


# --- what could not be seen ----------------------------------------------------------------------------------------


def test_blind_spots_name_quarantined_rows_of_the_person_and_changed_openings(desk: Desk) -> None:
    judged = [
        {"provider_code": "B01", "account_code": "A", "id_norm": PERSON},
        {"provider_code": "B01", "account_code": "B", "id_norm": OTHER},
    ]
    weak = [
        {"night": NIGHT, "feed": feed, "file": "f", "row": n, "id_norm": PERSON}
        for n, feed in enumerate(("loss_reports", "accounts", "accounts"))
    ]
    found = desk.night(
        [finding(), finding(code="B")],
        judged_rows=judged,
        standing_quarantined_numbers=weak,
        opening_changed=[{"provider_code": "B01", "account_code": "A"}],
    )
    spots = {c["account_code"]: c["blind_spots"] for c in found.cases.to_pylist()}
    assert spots == {"A": "opening_changed;quarantined_rows:accounts;quarantined_rows:loss_reports", "B": None}


def test_blind_spots_of_an_inquiry_name_quarantined_rows_of_its_person(desk: Desk) -> None:
    """SPEC 3.4: a case whose person has quarantined rows says so; an inquiry's case has a person, and no account."""
    found = desk.night(
        [finding("R401", "lead", account_code=None, subject="inquiry:I1", fingerprint="f")],
        judged_inquiries=[{"provider_code": "B01", "inquiry_id": "I1", "id_norm": PERSON}],
        standing_quarantined_numbers=[{"night": NIGHT, "feed": "accounts", "file": "f", "row": 1, "id_norm": PERSON}],
    )
    assert one(found)["blind_spots"] == "quarantined_rows:accounts"


@pytest.mark.parametrize(
    ("rule", "stale", "named"),
    [
        ("R101", (), None),
        ("R101", ("loss_reports", "accounts"), "accounts;loss_reports"),
        ("R101", ("invalid_cards",), None),
        ("R101", ("inquiries",), None),
        ("R101", ("openings", "issuances"), "issuances;openings"),
        ("R101", ("verifications",), "verifications"),
        ("R103", ("verifications",), None),
        ("R203", ("impostors", "issuances"), "impostors"),
        ("R204", ("fraud_alerts", "openings"), "fraud_alerts"),
        ("R302", ("invalid_cards",), "invalid_cards"),
        ("R401", ("inquiries", "openings"), "inquiries"),
    ],
)
def test_a_case_names_the_stale_feeds_that_it_rests_on(
    desk: Desk, rule: str, stale: tuple[str, ...], named: str | None
) -> None:
    """SPEC 2."""
    verdict = "violation" if rule in {"R101", "R203", "R204"} else "lead"
    assert one(desk.night([finding(rule, verdict)], stale=stale))["stale_inputs"] == named


def test_the_tables_are_in_published_order(desk: Desk) -> None:
    desk.night([finding(code=c) for c in "CAB"])
    found = desk.night([finding(code=c) for c in "BDA"])
    for table, schema in ((found.cases.cast(CASES), CASES), (found.events, CASE_EVENTS)):
        assert table.schema.equals(schema)
        keys = [tuple((v is not None, v if v is not None else 0) for v in row.values()) for row in table.to_pylist()]
        assert keys == sorted(keys)
