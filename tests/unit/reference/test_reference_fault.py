"""The fault lane of the reference, sentence by sentence (SPEC 7.1 to 7.3)."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from reference.fault import grid, must_be_kept
from reference.small import ACCOUNT, EVENT, OPENING, REPORT, Cells, Nights

if TYPE_CHECKING:
    from pathlib import Path

INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
H1,h,holding,110000,,2000-01-01,
G1,g,state_bank,110000,H1,2000-01-01,
B01,a,state_bank,440300,G1,2000-01-01,2024-01-09
B01,a,city_bank,440300,G1,2024-01-10,
"""
COLUMNS = (
    "duty_id,check_kind,provider_code,institution_kind,region_code,business_code,account_type,channel,in_force_from,"
    "in_force_to,documented_to,status,source"
)


def duty(duty_id: str = "D1", status: str = "in_force", **cells: str) -> str:
    """Return a line of duties.csv that matches everything but for the cells given; its source is its id."""
    given = {"duty_id": duty_id, "status": status, "source": duty_id, "check_kind": "invalid_card_check", **cells}
    dates = ("in_force_from", "in_force_to", "documented_to")
    return ",".join(given.get(name, "" if name in dates else "*") for name in COLUMNS.split(","))


IN_FORCE = duty()
FULL = {
    "kind": "full",
    "provider_code": "B01",
    "region_code": None,
    "business_codes": None,
    "covers_from": "2024-01-10",
    "covers_to": "2024-01-10",
}
OTHERS = {**EVENT, "id_number": "110105199001011997"}
# Seen the second before the account was opened, with the card that was lost.
SEEN = {"visible_at": "2024-01-10 10:00:00"}


def place(folder: Path, *duties: str) -> Nights:
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / "institutions.csv").write_text(INSTITUTIONS)
    (folder / "reference" / "duties.csv").write_text("\n".join([COLUMNS, *duties]) + "\n")
    return Nights(folder)


def check(result: str, at: str, kind: str = "invalid_card_check", **cells: str) -> Cells:
    row = {"provider_code": "B01", "check_id": f"V{at}{kind}", "account_code": "A1", "session_id": ""}
    return {**row, "checked_at": at, "check_kind": kind, "result": result, **cells}


def judged(
    nights: Nights,
    *,
    report: Cells | None = None,
    account: Cells | None = None,
    opening: Cells | None = None,
    checks: tuple[Cells, ...] = (),
    control: dict[str, object] | None = None,
) -> dict[str, Any]:
    """Return the one case of the account; ``control`` makes the verifications a full file."""
    other = check("valid", "2024-01-05", account_code="A9")  # so that there is a file at all
    path = nights.file("verifications", [other, *checks])
    if control is not None:
        path.with_name("f.csv.ctl").write_text(json.dumps(control))
    result = nights.night(
        accounts=[{**ACCOUNT, **(account or {})}],
        openings=[{**OPENING, **(opening or {})}],
        loss_reports=[{**REPORT, **SEEN, **(report or {})}],
        invalid_cards=[OTHERS],
    )
    [case] = result.cases()
    return case


@pytest.mark.parametrize(
    ("report", "knowable"),
    [
        ({}, "could_have_known"),
        ({"visible_at": "2024-01-10 10:00:01"}, "undecidable"),  # the same second
        ({"visible_at": "2024-01-10 10:00:02"}, "could_not_have_known"),
        ({"visible_at": "2024-01-10 10:00"}, "undecidable"),
        ({"visible_at": "", "entered_at": "2024-01-10 10:00:00"}, "undecidable"),  # entered, and seen some time after
        ({"visible_at": "", "entered_at": "2024-01-11"}, "could_not_have_known"),
        ({"visible_at": ""}, "undecidable"),  # reported, and seen some time after
        ({"visible_at": "不详", "entered_at": "2024-01-11"}, "could_not_have_known"),  # unreadable is missing
    ],
)
def test_knowable(tmp_path: Path, report: Cells, knowable: str) -> None:
    case = judged(place(tmp_path, IN_FORCE), report=report)
    assert (case["tier"], case["knowable"]) == ("R101", knowable)


def test_knew_comes_first(tmp_path: Path) -> None:
    seen_later = {"visible_at": "2024-01-12"}
    warned = check("reported_lost", "2024-01-10 09:00:00")
    case = judged(place(tmp_path, IN_FORCE), report=seen_later, checks=(warned,))
    assert (case["knowable"], case["performed"], case["fault"]) == ("knew", "warned", "fault_indicated")


@pytest.mark.parametrize(
    ("duties", "said", "source"),
    [
        ([], "unknown", None),
        ([duty(check_kind="network_check")], "unknown", None),  # of another check
        ([IN_FORCE], "in_force", "D1"),
        (
            [duty(status="not_in_force", source="", provider_code="", channel="")],
            "not_in_force",
            None,
        ),  # an empty cell is *
        ([duty(in_force_from="2024-01-10", in_force_to="2024-01-10")], "in_force", "D1"),
        ([duty(in_force_from="2024-01-11")], "unknown", None),
        ([duty(in_force_to="2024-01-09")], "unknown", None),
        ([duty(documented_to="2024-01-10")], "in_force", "D1"),
        ([duty(documented_to="2024-01-09")], "unknown", "D1"),
        ([duty(in_force_to="9999-12-31", documented_to="2024-01-09")], "unknown", "D1"),  # no end
        ([duty(in_force_to="2026-01-01", documented_to="2024-01-09")], "in_force", "D1"),
        # the institution in force at the moment, and the region of the institution where the account has none
        ([duty(institution_kind="state_bank")], "unknown", None),
        ([duty(institution_kind="city_bank", region_code="4403")], "in_force", "D1"),
        # a value that the account lacks matches * only
        ([duty(business_code="11")], "unknown", None),
        ([duty(channel="counter")], "unknown", None),
        # most fields
        (
            [duty(provider_code="B01"), duty("D2", "not_in_force", institution_kind="city_bank", account_type="D1")],
            "not_in_force",
            "D2",
        ),
        # the nearer provider_code: own, parent, grandparent, *
        ([duty(provider_code="H1"), duty("D2", "not_in_force", provider_code="G1")], "not_in_force", "D2"),
        ([duty(institution_kind="city_bank"), duty("D2", "not_in_force", provider_code="H1")], "not_in_force", "D2"),
        # the longest prefix, the latest in_force_from, the smallest duty_id
        (
            [duty(region_code="44", in_force_from="2024-01-01"), duty("D2", "not_in_force", region_code="4403")],
            "not_in_force",
            "D2",
        ),
        (
            [duty(region_code="44"), duty("D2", "not_in_force", region_code="44", in_force_from="2018-04-09")],
            "not_in_force",
            "D2",
        ),
        ([duty("D2", region_code="44"), duty("D1", "not_in_force", region_code="44")], "not_in_force", "D1"),
    ],
)
def test_duty(tmp_path: Path, duties: list[str], said: str, source: str | None) -> None:
    case = judged(place(tmp_path, *duties))
    assert (case["duty"], case["duty_source"]) == (said, source)


AT = "2024-01-10 10:00:01"
URGENT = {"exception_code": "urgent_need", "exception_followed_up_on": "2024-02-10"}


@pytest.mark.parametrize(
    ("checks", "opening", "control", "performed"),
    [
        ([check("valid", AT)], {}, None, "passed"),
        ([check("valid", "2024-01-10 10:00:02")], {}, FULL, "unknown"),  # soon after
        ([check("error", "2024-01-11 10:00:01")], {}, FULL, "unknown"),
        ([check("error", "2024-01-11 10:00:02")], {}, FULL, "missing"),  # a second too late
        ([check("error", AT)], {}, None, "errored"),
        ([check("valid", "2024-01-01"), check("error", AT)], {}, None, "passed"),
        ([check("invalid", AT)], {}, None, "warned"),
        ([check("invalid", AT)], URGENT, None, "excepted"),
        ([check("invalid", AT)], {**URGENT, "exception_followed_up_on": "2024-01-09"}, None, "warned"),
        ([check("invalid", AT)], {**URGENT, "exception_followed_up_on": "2024-02-11"}, None, "warned"),
        ([check("invalid", AT, provider_code="B02")], {}, None, "unknown"),  # of another provider
        ([check("invalid", AT, account_code="", session_id="S")], {"session_id": "S"}, None, "warned"),
        ([], {}, FULL, "missing"),
        ([], {}, None, "unknown"),
        ([], {}, {**FULL, "covers_from": "2024-01-11", "covers_to": "2025-01-01"}, "unknown"),
        ([], {}, {**FULL, "covers_from": "2023-01-11", "covers_to": "2024-01-09"}, "unknown"),
        ([], {}, {**FULL, "provider_code": "B02"}, "unknown"),
        ([], {}, {**FULL, "region_code": "44"}, "unknown"),  # the account's own region alone (SPEC 12)
        ([], {}, {**FULL, "business_codes": ["11"]}, "unknown"),
        ([], {}, {name: value for name, value in FULL.items() if name != "region_code"}, "unknown"),
        ([], {}, {**FULL, "kind": "delta"}, "unknown"),
        # holes: the account's code, its session, a line that does not split; not another's, not a duplicate
        ([check("pass", AT)], {}, FULL, "unknown"),
        ([check("pass", AT, account_code="", session_id="S")], {"session_id": "S"}, FULL, "unknown"),
        ([check("pass", AT, account_code="A7")], {}, FULL, "missing"),
        ([check("valid", AT, account_code="A7"), check("valid", AT, account_code="A7")], {}, FULL, "missing"),
        ([check("valid", AT, account_code='"')], {}, FULL, "missing"),  # quoted well by the writer: no hole
    ],
)
def test_performed(
    tmp_path: Path, checks: list[Cells], opening: Cells, control: dict[str, object] | None, performed: str
) -> None:
    case = judged(place(tmp_path, IN_FORCE), checks=tuple(checks), opening=opening, control=control)
    assert case["performed"] == performed


def test_a_line_that_does_not_split_ends_what_its_file_covers(tmp_path: Path) -> None:
    nights = place(tmp_path, IN_FORCE)
    path = nights.file("verifications", [check("valid", "2024-01-05", account_code="A9")], name="g.csv")
    path.write_text(path.read_text() + "B01\n")
    path.with_name("g.csv.ctl").write_text(json.dumps(FULL))
    assert judged(nights)["performed"] == "unknown"


@pytest.mark.parametrize(
    ("closed_on", "night", "kept"),
    [
        (None, "2026-11-20", True),
        ("2021-11-20", "2026-11-20", True),
        ("2021-11-19", "2026-11-20", False),
        ("2024-12-31", "2030-01-01", False),  # five years
        ("2025-01-01", "2030-02-01", True),  # ten
        ("2025-01-01", "2035-01-02", False),
        ("2023-02-28", "2028-02-29", True),  # 29 Feb -> 28 Feb
        ("2023-02-27", "2028-02-29", False),
    ],
)
def test_records_must_be_kept(closed_on: str | None, night: str, kept: bool) -> None:
    closed = None if closed_on is None else date.fromisoformat(closed_on)
    assert must_be_kept(closed, date.fromisoformat(night)) is kept


def test_beyond_retention_is_unproven(tmp_path: Path) -> None:
    """An account of 2018, closed five years and a day before the night, with a report that was to be seen."""
    days = {"opened_at": "2018-05-01", "closed_on": "2021-11-19"}
    report = {"card_valid_from": "2010-01-01", "reported_at": "2018-04-10", "visible_at": "2018-04-11"}
    scope = {**FULL, "covers_from": "2018-01-01"}
    nights = place(tmp_path, IN_FORCE)
    case = judged(nights, account=days, report=report, opening={"card_valid_from": "2010-01-01"}, control=scope)
    assert (case["performed"], case["fault"]) == ("beyond_retention", "fault_unproven")


@pytest.mark.parametrize(
    ("rule", "verdict", "known", "duty", "done", "covered", "row", "fault"),
    [
        ("R105", "violation", "could_have_known", "in_force", "warned", True, 1, "no_fault_indicated"),
        ("R202", "violation", "not_applicable", "unknown", "warned", True, 2, "fault_indicated"),
        ("R202", "violation", "not_applicable", "in_force", "warned", False, 3, "needs_evidence"),
        ("R201", "lead", "not_applicable", "in_force", "warned", True, 4, "needs_evidence"),
        ("R108", "violation", "not_applicable", "in_force", "excepted", True, 5, "fault_indicated"),
        ("R108", "violation", "not_applicable", "not_in_force", "warned", True, 6, "no_fault_indicated"),
        ("R108", "violation", "not_applicable", "unknown", "warned", True, 7, "needs_evidence"),
        ("R201", "violation", "not_applicable", "not_in_force", "warned", True, 8, "fault_indicated"),
        ("R101", "violation", "knew", "in_force", "excepted", True, 9, "no_fault_indicated"),
        ("R101", "violation", "could_not_have_known", "unknown", "missing", True, 10, "no_fault_indicated"),
        ("R101", "violation", "undecidable", "not_in_force", "missing", True, 11, "no_fault_indicated"),
        ("R101", "violation", "undecidable", "unknown", "missing", True, 12, "needs_evidence"),
        ("R101", "violation", "undecidable", "in_force", "missing", True, 13, "needs_evidence"),
        ("R102", "violation", "could_have_known", "in_force", "missing", True, 14, "needs_evidence"),
        ("R101", "undecidable", "could_have_known", "in_force", "missing", True, 14, "needs_evidence"),
        ("R101", "violation", "could_have_known", "in_force", "missing", True, 15, "fault_indicated"),
        ("R104", "violation", "could_have_known", "in_force", "errored", False, 15, "fault_indicated"),
        ("R101", "violation", "could_have_known", "in_force", "beyond_retention", True, 16, "fault_unproven"),
        ("R101", "violation", "could_have_known", "in_force", "unknown", False, 17, "needs_evidence"),
        ("R101", "violation", "could_have_known", "in_force", "passed", False, 17, "needs_evidence"),
    ],
)
def test_the_grid(
    *, rule: str, verdict: str, known: str, duty: str, done: str, covered: bool, row: int, fault: str
) -> None:
    assert grid(rule, verdict, known, duty, done, covered=covered) == (row, fault)


def test_a_buyer_of_debts_had_no_card_to_check(tmp_path: Path) -> None:
    """SPEC 7: for every C1 the four columns are not applicable."""
    nights = place(tmp_path, IN_FORCE)
    debt = {**ACCOUNT, "provider_code": "B02", "account_code": "C1", "account_type": "C1"}
    debt |= {"original_provider_code": "B01", "original_account_code": "A1"}
    result = nights.night(
        accounts=[ACCOUNT, debt], openings=[OPENING], loss_reports=[{**REPORT, **SEEN}], invalid_cards=[OTHERS]
    )
    cases = {case["account_code"]: case for case in result.cases()}
    assert cases["C1"]["tier"] == cases["A1"]["tier"] == "R101"
    assert {cases["C1"][name] for name in ("knowable", "duty", "performed", "fault")} == {"not_applicable"}
    assert cases["A1"]["fault"] == "needs_evidence"
