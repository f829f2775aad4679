"""The calendar of duties (SPEC 7.2, 12), sentence by sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from unit.fault.lane import HERE, account, dated, duty, finding

if TYPE_CHECKING:
    from unit.fault.lane import Lane, Row

ON = "2024-03-15 10:00:00"


def bank(code: str = "B01", **cells: Any) -> Row:
    """Return a row of ``institutions``, in force without an end."""
    return dated({"provider_code": code, "kind": "bank", "region_code": "110000", **cells})


def asked(lane: Lane, *duties: Row, **tables: Any) -> tuple[str, str | None]:
    """What the calendar answers, and which row said so."""
    row = lane.one(duties=duties, **tables)
    return row["duty"], row["duty_id"]


def test_the_row_that_wins_gives_status_and_source(lane: Lane) -> None:
    row = lane.one(duties=[duty("D7", "not_in_force", source="notice 7")])
    assert (row["duty"], row["duty_id"], row["duty_source"]) == ("not_in_force", "D7", "notice 7")


def test_no_row_is_unknown_without_a_source(lane: Lane) -> None:
    """SPEC 7.2: None → unknown."""
    row = lane.one(duties=[])
    assert (row["duty"], row["duty_id"], row["duty_source"]) == ("unknown", None, None)
    assert asked(lane, duty(check_kind="network_check")) == ("unknown", None)


@pytest.mark.parametrize(
    ("moment", "cells", "holds"),
    [
        ("2024-03-14 23:59:59", {"in_force_from": "2024-03-15"}, False),
        ("2024-03-15 00:00:00", {"in_force_from": "2024-03-15"}, True),
        ("2024-03-15", {"in_force_from": "2024-03-15"}, True),
        ("2024-03-15 23:59:59", {"in_force_to": "2024-03-15"}, True),
        ("2024-03-16 00:00:00", {"in_force_to": "2024-03-15"}, False),
        ("1950-01-01", {}, True),
        ("1950-01-01", {"in_force_to": "2024-03-15"}, True),
        ("2026-11-20", {"in_force_from": "2024-03-15"}, True),
        ("2024-03-15", {"in_force_from": "2024-03-15", "in_force_to": "2024-03-15"}, True),
    ],
)
def test_days_are_whole_and_inclusive_and_an_empty_end_is_open(
    lane: Lane, moment: str, cells: dict[str, str], holds: bool
) -> None:
    found = asked(lane, duty(**cells), judged_accounts=[account(moment)])
    assert found == (("in_force", "D1") if holds else ("unknown", None))


@pytest.mark.parametrize(
    ("moment", "cells", "expected"),
    [
        ("2024-03-15", {"documented_to": "2024-03-15"}, "not_in_force"),
        ("2024-03-16", {"documented_to": "2024-03-15"}, "unknown"),
        ("2024-03-16", {"documented_to": "2024-03-15", "in_force_to": "2024-12-31"}, "not_in_force"),
    ],
)
def test_a_row_past_its_documents_is_unknown_with_its_source(
    lane: Lane, moment: str, cells: dict[str, str], expected: str
) -> None:
    """SPEC 7.2: on a day after documented_to, with in_force_to empty, it still competes; if it wins, unknown."""
    less = duty("A0", "in_force")
    row = lane.one(
        duties=[less, duty("D1", "not_in_force", account_type="D1", **cells)], judged_accounts=[account(moment)]
    )
    assert (row["duty"], row["duty_id"], row["duty_source"]) == (expected, "D1", "doc D1")


FIELDS = {
    "institution_kind": ("bank", "broker"),
    "region_code": ("1101", "1102"),
    "business_code": ("21", "2"),
    "account_type": ("D1", "R1"),
    "channel": ("counter", "online"),
    "provider_code": ("B01", "B02"),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_row_speaks_of_what_it_states(lane: Lane, field: str) -> None:
    """SPEC 7.2: rows that match the account; an empty cell is *."""
    known = {
        "judged_accounts": [account(region_code="110105", business_code="21")],
        "judged_openings": [{**HERE, "channel": "counter"}],
        "institutions": [bank()],
    }
    same, other = FIELDS[field]
    assert asked(lane, duty(**{field: same}), **known) == ("in_force", "D1")
    assert asked(lane, duty(**{field: other}), **known) == ("unknown", None)
    assert asked(lane, duty(**{field: "*"}), **known) == ("in_force", "D1")
    assert asked(lane, duty(**{field: None}), **known) == ("in_force", "D1")


@pytest.mark.parametrize("field", ["institution_kind", "region_code", "business_code", "channel"])
def test_a_value_that_the_account_lacks_matches_any_only(lane: Lane, field: str) -> None:
    """SPEC 7.2; here the account names no region or business, has no opening, and its institution no row."""
    lacking: dict[str, Any] = {"judged_openings": []}
    assert asked(lane, duty(**{field: FIELDS[field][0]}), **lacking) == ("unknown", None)
    assert asked(lane, duty(**{field: "*"}), **lacking) == ("in_force", "D1")
    assert asked(lane, duty(**{field: None}), **lacking) == ("in_force", "D1")


@pytest.mark.parametrize(
    ("own", "institution", "prefix", "holds"),
    [
        ("110105", "440300", "11", True),
        ("110105", "440300", "44", False),
        (None, "440300", "44", True),
        (None, "440300", "440300", True),
        (None, "440300", "4403001", False),
        (None, None, "44", False),
        ("4403", None, "440300", False),
    ],
)
def test_the_region_is_the_accounts_else_its_institutions(
    lane: Lane, own: str | None, institution: str | None, prefix: str, holds: bool
) -> None:
    found = asked(
        lane,
        duty(region_code=prefix),
        judged_accounts=[account(region_code=own)],
        institutions=[bank(region_code=institution)],
    )
    assert found[0] == ("in_force" if holds else "unknown")


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([("a", None, "2024-03-14"), ("b", "2024-03-15", None)], "b"),
        ([("a", None, "2024-03-15"), ("b", "2024-03-16", None)], "a"),
        ([("a", "2020-01-01", None), ("b", "2021-01-01", None)], "b"),
        ([("a", "2021-01-01", None), ("b", "2020-01-01", None)], "a"),
        ([("a", "2020-01-01", None), ("b", None, None)], "a"),
        ([("a", "2020-01-01", None), ("b", "2020-01-01", None)], "b"),
        ([("a", None, None), ("b", None, None)], "b"),
    ],
    ids=["ended", "not_begun", "latest", "latest_first", "open_beginning", "last_in_table", "last_of_open"],
)
def test_the_institution_is_in_force_at_the_moment(lane: Lane, rows: list[tuple[Any, ...]], kind: str) -> None:
    """SPEC 7.2, 12: several rows in force: the latest valid_from, then the last in the table."""
    institutions = [bank(kind=k, valid_from=f, valid_to=t) for k, f, t in rows]
    duties = [duty(k, institution_kind=k) for k in "ab"]
    assert asked(lane, *duties, institutions=institutions, judged_accounts=[account(ON)])[1] == kind


PARENTS = [bank("B01", parent_code="B02"), bank("B02", parent_code="G1"), bank("G1", parent_code="TOP")]


@pytest.mark.parametrize(
    ("codes", "winner"),
    [
        (["B01", "B02", "G1", "TOP", "*"], "B01"),
        (["B02", "G1", "TOP", "*"], "B02"),
        (["G1", "TOP"], "G1"),
        (["TOP"], "TOP"),
        (["B03"], None),
    ],
)
def test_the_nearer_provider_wins(lane: Lane, codes: list[str], winner: str | None) -> None:
    """SPEC 7.2, 12: own, parent, grandparent, …; a parent without a row of its own is an ancestor too."""
    duties = [duty(f"D-{code}", provider_code=code) for code in reversed(codes)]
    assert asked(lane, *duties, institutions=PARENTS)[1] == (winner and f"D-{winner}")


def test_any_provider_is_farther_than_the_farthest_ancestor(lane: Lane) -> None:
    """SPEC 12: …, `*`; with as many fields stated."""
    duties = [duty("A", account_type="D1"), duty("B", provider_code="TOP")]
    assert asked(lane, *duties, institutions=PARENTS)[1] == "B"


@pytest.mark.parametrize(
    "institutions",
    [
        [bank("B01", parent_code="B02"), bank("B02", parent_code="B01")],
        [bank("B01", parent_code="B02"), bank("B02", parent_code="B02")],
        [bank("B01", parent_code="B02"), bank("B02", parent_code="B03"), bank("B03", parent_code="B02")],
    ],
)
def test_a_cycle_of_parents_ends(lane: Lane, institutions: list[Row]) -> None:
    assert asked(lane, duty(provider_code="B02"), institutions=institutions) == ("in_force", "D1")
    assert asked(lane, duty(provider_code="B09"), institutions=institutions) == ("unknown", None)


def test_a_parent_is_the_one_of_the_moments_date(lane: Lane) -> None:
    institutions = [
        bank(parent_code="OLD", valid_to="2024-03-15"),
        bank(parent_code="NEW", valid_from="2024-03-16"),
    ]
    duties = [duty("old", provider_code="OLD"), duty("new", "not_in_force", provider_code="NEW")]
    for moment, row in (("2024-03-15", "old"), ("2024-03-16", "new")):
        found = asked(lane, *duties, institutions=institutions, judged_accounts=[account(moment)])
        assert found[1] == row


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ({"provider_code": "B01"}, {"region_code": "11", "account_type": "D1"}),
        ({"region_code": "110105"}, {"provider_code": "TOP"}),
        ({"region_code": "11", "in_force_from": "2024-01-01"}, {"region_code": "1101"}),
        ({"account_type": "D1"}, {"region_code": "1"}),
        ({"account_type": "D1", "in_force_from": None}, {"account_type": "D1", "in_force_from": "1990-01-01"}),
        ({"business_code": "21", "in_force_from": "2020-01-01"}, {"account_type": "D1", "in_force_from": "2020-01-02"}),
    ],
    ids=["fields_first", "provider_second", "prefix_third", "any_prefix_is_none", "from_fourth", "later_from"],
)
@pytest.mark.parametrize("is_last", [False, True])
def test_who_wins(lane: Lane, weaker: dict[str, str], stronger: dict[str, str], is_last: bool) -> None:
    """SPEC 7.2: fields, provider, prefix, in_force_from, in this order; duty_id only after them."""
    ids = ("A", "Z") if is_last else ("Z", "A")
    found = asked(
        lane,
        duty(ids[0], "in_force", **weaker),
        duty(ids[1], "not_in_force", **stronger),
        judged_accounts=[account(region_code="110105", business_code="21")],
        institutions=PARENTS,
    )
    assert found == ("not_in_force", ids[1])


def test_the_smallest_duty_id_wins_among_equals(lane: Lane) -> None:
    assert asked(lane, duty("D10"), duty("D2", "not_in_force"), duty("a"))[1] == "D10"
    assert asked(lane, duty("b"), duty("B", "not_in_force"))[1] == "B"


@pytest.mark.parametrize(
    ("rule", "verdict", "kind"),
    [
        *[(rule, "violation", "invalid_card_check") for rule in ("R101", "R102", "R104", "R105", "R107")],
        ("R201", "violation", "invalid_card_check"),
        ("R201", "lead", "network_check"),
        ("R108", "violation", "in_person"),
        ("R202", "violation", "face_match"),
    ],
)
def test_whose_duty_is_asked(lane: Lane, rule: str, verdict: str, kind: str) -> None:
    """SPEC 7.2, check_kind; an R202 asks for the check that failed."""
    kinds = ("invalid_card_check", "network_check", "in_person", "face_match", "fingerprint_match")
    row = lane.one(
        raw_findings=[finding(rule, verdict)],
        duties=[duty(f"D-{kind}", check_kind=kind) for kind in kinds],
        last_checks=[{**HERE, "person_check_kind": "face_match", "person_check_id": "C1"}],
    )
    assert row["duty_id"] == f"D-{kind}"


def test_r202_asks_for_the_kind_of_the_check_that_failed(lane: Lane) -> None:
    checks = [{**HERE, "person_check_kind": "fingerprint_match", "person_check_id": "C1"}]
    duties = [duty("F", check_kind="face_match"), duty("G", check_kind="fingerprint_match")]
    assert lane.one(raw_findings=[finding("R202")], duties=duties, last_checks=checks)["duty_id"] == "G"


def test_many_accounts_are_each_answered_as_if_alone(lane: Lane) -> None:
    """Accounts are asked in groups: that must not show."""
    duties = [
        duty("A", region_code="11", in_force_from="2024-03-10"),
        duty("B", "not_in_force", business_code="21", in_force_to="2024-03-12"),
        duty("C", provider_code="G1", in_force_from="2024-03-11", documented_to="2024-03-13"),
        duty("E", channel="online", account_type="R2"),
    ]
    institutions = [bank("B01", valid_to="2024-03-12"), bank("B01", parent_code="G1", valid_from="2024-03-13")]
    cells = [
        (f"{n}", day, region, business, kind, channel)
        for n, (day, region, business, kind, channel) in enumerate(
            (d, r, b, k, c)
            for d in range(8, 16)
            for r in (None, "44")
            for b in (None, "21")
            for k in ("D1", "R2")
            for c in (None, "online")
        )
    ]
    accounts = [
        account(f"2024-03-{day:02}", account_code=n, region_code=region, business_code=business, account_type=kind)
        for n, day, region, business, kind, _ in cells
    ]
    openings = [{**HERE, "account_code": n, "channel": channel} for n, *_, channel in cells]
    shared = {"duties": duties, "institutions": institutions, "judged_rows": [], "last_checks": []}
    together = lane.decide(
        raw_findings=[finding(account_code=n) for n, *_ in cells],
        judged_accounts=accounts,
        judged_openings=openings,
        **shared,
    )
    assert len({row["duty_id"] for row in together}) == 5
    for row in together[::7]:
        alone = lane.one(
            raw_findings=[finding(account_code=row["account_code"])],
            judged_accounts=accounts,
            judged_openings=openings,
            **shared,
        )
        assert alone == row
