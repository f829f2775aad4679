"""Findings that fell: what an institution changed itself ends no case, what others changed does (SPEC 8.1)."""

from __future__ import annotations

from typing import Any

import pytest
from case_desk import Desk, Row, events, finding, one
from moving import day

from unit.kit import OTHER, PERSON

ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A",
    "id_type": "10",
    "id_number": PERSON,
    "name": "甲",
    "account_type": "D1",
    "opened_at": "2024-01-20",
    "balance": 5,
    "status": "open",
}
LOSS = {"report_no": "L1", "id_number": PERSON}
INQUIRY = {
    "provider_code": "B01",
    "inquiry_id": "Q",
    "id_number": PERSON,
    "inquired_at": "2024-01-20",
    "reason": "other",
}


def _fallen(desk: Desk, first: Row, **night: Any) -> tuple[Row, str]:
    """Let a finding stand on one night and fall on the next; returns its case, and the proof of its last event."""
    whose = [{"provider_code": "B01", "account_code": "A", "id_norm": PERSON}]
    desk.night([first], judged_rows=whose, judged_inquiries=[{**INQUIRY, "id_norm": PERSON}])
    found = desk.night([], **night)
    return one(found), str([e for e in found.events.to_pylist() if e["night"] == day(1)][-1]["proof"])


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({"id_number": OTHER}, ["id_number"]),
        ({"id_type": "20"}, ["id_type"]),
        ({"name": "乙"}, ["name"]),
        ({"account_type": "R4"}, ["account_type"]),
        ({"opened_at": "2023-01-01"}, ["opened_at"]),
        ({"agreement_at": "2023-01-01"}, ["agreement_at"]),
        (
            {"original_provider_code": "B09", "original_account_code": "X"},
            ["original_account_code", "original_provider_code"],
        ),
        (
            {"settlement_provider_code": "B09", "settlement_account_code": "X"},
            ["settlement_account_code", "settlement_provider_code"],
        ),
    ],
)
def test_a_column_that_its_institution_changed_is_named_and_the_state_stays(
    desk: Desk, cells: Row, columns: list[str]
) -> None:
    row, proof = _fallen(desk, finding(), came={"accounts": [{**ACCOUNT, **cells}]}, before={"accounts": [ACCOUNT]})
    assert (row["state"], proof) == ("sent", ";".join(f"provider_changed:{name}" for name in columns))
    assert row["blind_spots"] == proof


@pytest.mark.parametrize(
    ("came", "before"),
    [
        ({"accounts": [{**ACCOUNT, "balance": 6, "status": "closed", "report_date": "2026-11-20"}]}, ACCOUNT),
        ({"accounts": [{**ACCOUNT, "account_code": "B", "opened_at": "2023-01-01"}]}, {**ACCOUNT, "account_code": "B"}),
        ({"accounts": [{**ACCOUNT, "provider_code": "B02", "name": "乙"}]}, {**ACCOUNT, "provider_code": "B02"}),
    ],
)
def test_what_takes_no_finding_away_holds_no_case(desk: Desk, came: dict[str, list[Row]], before: Row) -> None:
    """Balances and states, another account of the person, another institution's account of that code."""
    row, proof = _fallen(
        desk, finding(), came={**came, "loss_reports": [LOSS]}, before={"accounts": [before], "loss_reports": [LOSS]}
    )
    assert (row["state"], proof) == ("withdrawn", "no_finding_stands:loss_reports")


@pytest.mark.parametrize("rule", ["R109", "R302", "R402"])
def test_a_finding_that_rests_on_other_accounts_is_held_by_those_at_its_institution(desk: Desk, rule: str) -> None:
    other = {**ACCOUNT, "account_code": "B"}
    told = finding(rule, "lead", notice_source=None, notice_id=None)
    row, proof = _fallen(
        desk, told, came={"accounts": [{**other, "id_number": OTHER}]}, before={"accounts": [other]}
    )  # fmt: skip
    assert (row["state"], proof) == ("sent" if rule != "R302" else "lead", "provider_changed:id_number")


def test_a_finding_that_rests_on_other_accounts_is_not_held_by_another_institution(desk: Desk) -> None:
    other = {**ACCOUNT, "provider_code": "B02", "account_code": "B"}
    told = finding("R402", "lead")
    row, proof = _fallen(
        desk, told, came={"accounts": [{**other, "id_number": OTHER}]}, before={"accounts": [other]}
    )  # fmt: skip
    assert (row["state"], proof) == ("withdrawn", "no_finding_stands:other")


@pytest.mark.parametrize(
    ("cells", "state", "proof"),
    [
        ({"inquired_at": "2023-01-01"}, "sent", "provider_changed:inquired_at"),
        ({"reason": "guarantee"}, "sent", "provider_changed:reason"),
        ({"id_number": OTHER}, "sent", "provider_changed:id_number"),
        ({"name": "乙"}, "withdrawn", "no_finding_stands:other"),
    ],
)
def test_an_inquiry_is_held_by_its_own_row(desk: Desk, cells: Row, state: str, proof: str) -> None:
    told = finding("R401", "lead", account_code=None, subject="inquiry:Q", fingerprint="R401")
    found = _fallen(desk, told, came={"inquiries": [{**INQUIRY, **cells}]}, before={"inquiries": [INQUIRY]})
    assert (found[0]["state"], found[1]) == (state, proof)


def test_a_check_by_the_session_of_the_opening_is_the_institutions_own(desk: Desk) -> None:
    opening = {"provider_code": "B01", "account_code": "A", "session_id": "S", "night": day(0), "file": "f"}
    check = {"provider_code": "B01", "check_id": "V", "session_id": "S", "checked_at": "2024-01-20"}
    said = {"standing_openings": [{**opening, "row": 1, "line": 2}], "came": {"verifications": [check]}}
    row, proof = _fallen(desk, finding("R201"), **said)
    assert (row["state"], proof) == ("sent", "provider_changed:check_id")


@pytest.mark.parametrize(
    ("was", "now", "state", "proof"),
    [
        ({"account_code": "A"}, {"account_code": "A9"}, "sent", "provider_changed:account_code"),
        ({"session_id": "S"}, {"session_id": "S9"}, "sent", "provider_changed:session_id"),
        ({"account_code": "A"}, {"account_code": "A"}, "sent", "provider_changed:check_id"),
        ({"account_code": "A8"}, {"account_code": "A9"}, "withdrawn", "no_finding_stands:other"),
    ],
)
def test_a_check_that_its_institution_sends_to_another_account_ends_no_case(
    desk: Desk, was: Row, now: Row, state: str, proof: str
) -> None:
    """SPEC 8.1: R201 rests on the check that was the account's, also where tonight's row of it is another's."""
    opening = {"provider_code": "B01", "account_code": "A", "session_id": "S", "night": day(0), "file": "f"}
    check = {"provider_code": "B01", "check_id": "V", "checked_at": "2024-01-20"}
    rows = {"came": {"verifications": [{**check, **now}]}, "before": {"verifications": [{**check, **was}]}}
    found = _fallen(desk, finding("R201"), standing_openings=[{**opening, "row": 1, "line": 2}], **rows)
    assert (found[0]["state"], found[1]) == (state, proof)


def test_an_old_code_that_its_institution_rewrites_ends_no_case(desk: Desk) -> None:
    """SPEC 8.1: A was renamed to B and tells of somebody else tonight: the rename is contradicted, nothing is left."""
    codes = [{"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "B"} for c in "AB"]
    desk.night([finding(code="B")], lineage=codes)
    rename = {"provider_code": "B01", "old_account_code": "A", "new_provider_code": "B01", "new_account_code": "B"}
    found = desk.night(
        [],
        standing_account_renames=[{**rename, "night": day(0), "file": "f", "row": 1, "line": 2}],
        contradicted_renames=[{"provider_code": "B01", "old_account_code": "A"}],
        came={"accounts": [{**ACCOUNT, "id_number": OTHER}]},
        before={"accounts": [ACCOUNT]},
    )
    assert (one(found)["state"], one(found)["blind_spots"]) == ("sent", "provider_changed:id_number")


@pytest.mark.parametrize(
    ("rule", "now", "state", "spots"),
    [
        ("R101", {"id_number": OTHER}, "sent", "provider_changed:id_number"),
        ("R101", {"balance": 6}, "withdrawn", None),
        ("R301", {"id_number": OTHER}, "withdrawn", None),  # of data quality: what it says is put right, not away
    ],
)
def test_a_case_of_which_its_institution_took_a_finding_stays_when_a_registry_takes_the_last(
    desk: Desk, rule: str, now: Row, state: str, spots: str | None
) -> None:
    """SPEC 8.1: else the strongest goes first, by the bank's hand, and the case with the weakest."""
    other = finding("R203", notice_source="impostors", notice_id=None)
    desk.night([finding(rule), other])
    changed = one(desk.night([other], came={"accounts": [{**ACCOUNT, **now}]}, before={"accounts": [ACCOUNT]}))
    assert (changed["state"], changed["tier"], changed["blind_spots"]) == ("sent", "R203", spots)
    last = one(desk.night([]))
    assert (last["state"], last["blind_spots"]) == (state, spots)


@pytest.mark.parametrize(
    ("provider", "state", "proof"),
    [("B01", "sent", "provider_changed:opened_at"), ("B02", "withdrawn", "no_finding_stands:other")],
)
def test_a_chain_is_held_by_its_accounts_at_the_institution(desk: Desk, provider: str, state: str, proof: str) -> None:
    """SPEC 6.2, 8.1: the account at the chain's end is another person's."""
    chain = f'{{"chain": "B01/A>{provider}/S"}}'
    end = {**ACCOUNT, "provider_code": provider, "account_code": "S", "id_number": OTHER}
    told = finding("R109", "lead", notice_source=None, notice_id=None, evidence=chain)
    rows = {"came": {"accounts": [{**end, "opened_at": "2023-01-01"}]}, "before": {"accounts": [end]}}
    found = _fallen(desk, told, **rows)
    assert (found[0]["state"], found[1]) == (state, proof)


@pytest.mark.parametrize("feed", ["loss_reports", "invalid_cards", "issuances", "fraud_alerts", "impostors"])
def test_the_registry_is_named_also_where_its_row_now_tells_of_somebody_else(desk: Desk, feed: str) -> None:
    """SPEC 8.1, 9: withdrawn, and the log says which registry did it."""
    keys: Row = {"report_no": "L", "event_id": "E", "alert_id": "F", "person_ref": "P", "kind": "permanent"}
    of_feed = {"loss_reports": "report_no", "invalid_cards": "event_id", "fraud_alerts": "alert_id"}
    key = of_feed.get(feed, "person_ref" if feed == "impostors" else "kind")
    was: Row = {key: keys[key], "id_number": PERSON}
    if feed == "issuances":  # its number is a part of its key: a row of the same person
        was["card_valid_from"] = "2020-01-01"
        now = {**was, "reason": "x"}
    else:
        now = {**was, "id_number": OTHER}
    found = _fallen(desk, finding(), came={feed: [now]}, before={feed: [was]})
    assert (found[0]["state"], found[1]) == ("withdrawn", f"no_finding_stands:{feed}")
    assert events(desk.night([]), day(2)) == []
