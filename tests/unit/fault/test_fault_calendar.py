"""``creditaudit duties check``, and the calendar that is shipped (SPEC 7.2; the documented pilot of 2018)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.reference import read, shipped
from creditaudit.fault.calendar_lint import doubts_of
from place import Place
from unit.fault.lane import HERE, SCHEMAS, account, duty

if TYPE_CHECKING:
    from pathlib import Path

    from unit.fault.lane import Lane, Row


def doubts(*rows: Row) -> list[tuple[str, tuple[str, ...]]]:
    return [(d.kind, d.duties) for d in doubts_of(pa.Table.from_pylist(list(rows), schema=SCHEMAS["duties"]))]


# --- what a person should look at ----------------------------------------------------------------------------------


def test_a_sound_table_has_nothing_to_look_at() -> None:
    first = duty("A", in_force_to="2023-12-31")
    assert doubts(first, duty("B", "not_in_force", in_force_from="2024-01-01"), duty("C", region_code="11")) == []
    assert doubts() == []


@pytest.mark.parametrize("status", ["in_force", "not_in_force"])
@pytest.mark.parametrize(
    "other",
    [
        {},
        {"provider_code": "*", "channel": "*"},
        {"in_force_to": "2024-12-31"},
        {"documented_to": "2024-12-31"},
    ],
)
def test_rows_that_only_duty_id_tells_apart(other: dict[str, str], status: str) -> None:
    kind = "tie" if status == "in_force" else "contradiction"
    assert doubts(duty("A"), duty("B", status, **other)) == [(kind, ("A", "B"))]


def test_a_tie_may_be_of_different_fields() -> None:
    """Both state one field, and one account can have both values."""
    assert doubts(duty("A", business_code="21"), duty("B", channel="online")) == [("tie", ("A", "B"))]
    both = {"region_code": "11", "in_force_from": "2020-01-01"}
    found = doubts(duty("A", account_type="D1", **both), duty("B", "not_in_force", channel="online", **both))
    assert found == [("contradiction", ("A", "B"))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"check_kind": "network_check"}),
        ({"account_type": "D1"}, {"account_type": "R1"}),
        ({"account_type": "D1"}, {"account_type": "D1", "channel": "online"}),
        ({"provider_code": "B01"}, {"provider_code": "B02"}),
        ({"provider_code": "B01"}, {"account_type": "D1"}),
        ({"region_code": "11"}, {"region_code": "1101"}),
        ({"region_code": "11"}, {"account_type": "D1"}),
        ({"in_force_from": "2020-01-01"}, {"in_force_from": "2021-01-01"}),
        ({"in_force_from": "2020-01-01"}, {}),
        ({"account_type": "D1", "channel": "mail"}, {"account_type": "D1", "channel": "online"}),
    ],
)
def test_rows_that_the_order_tells_apart_do_not_tie(one: dict[str, str], other: dict[str, str]) -> None:
    """SPEC 7.2: fields, nearer provider, longer prefix, later in_force_from; or no account is both."""
    assert doubts(duty("A", **one), duty("B", "not_in_force", **other)) == []


@pytest.mark.parametrize(
    ("rows", "gaps"),
    [
        ([(None, "2023-12-31"), ("2024-01-02", None)], 1),
        ([(None, "2023-12-31"), ("2024-01-01", None)], 0),
        ([("2024-01-02", None), (None, "2023-12-31")], 1),
        ([("2020-01-01", "2030-01-01"), ("2021-01-01", "2022-01-01"), ("2025-01-01", None)], 0),
        ([("2020-01-01", "2020-12-31"), ("2022-01-01", "2022-12-31"), ("2024-01-01", None)], 2),
    ],
)
def test_days_between_rows_of_one_cell(rows: list[tuple[Any, ...]], gaps: int) -> None:
    made = [duty(f"D{n}", in_force_from=first, in_force_to=last) for n, (first, last) in enumerate(rows)]
    assert [kind for kind, _ in doubts(*made)] == ["gap"] * gaps
    apart = [{**row, "region_code": f"4{n}"} for n, row in enumerate(made)]
    assert doubts(*apart) == []


def test_the_days_of_a_gap_are_named() -> None:
    rows = [duty("A", in_force_to="2023-12-30"), duty("B", in_force_from="2024-01-02")]
    [doubt] = doubts_of(pa.Table.from_pylist(rows, schema=SCHEMAS["duties"]))
    assert "2023-12-31 to 2024-01-01" in doubt.words


def test_single_rows_that_say_less_than_they_seem_to() -> None:
    assert doubts(duty("A", source=None)) == [("no_source", ("A",))]
    assert doubts(duty("A", account_type="loan"), duty("B", account_type="D1", channel="branch")) == [
        ("unknown_word", ("A",)),
        ("unknown_word", ("B",)),
    ]
    late = duty("A", in_force_from="2024-01-02", documented_to="2024-01-01")
    assert doubts(late) == [("undocumented", ("A",))]
    assert doubts(duty("A", in_force_from="2024-01-01", documented_to="2024-01-01")) == []


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_looks_through_the_shipped_table_or_a_books(tmp_path: Path) -> None:
    """Exit 2 with a line per doubt; 0 where there is none."""
    place = Place(tmp_path)
    answer = place.say("duties", "check")
    assert (answer.code, answer.out) == (0, "")
    assert "75 rows of duties, 0 to look at" in answer.err
    place.made()
    assert place.say("duties", "check", "--book", str(place.book)).code == 0
    table = place.book / "reference" / "duties.csv"
    header = table.read_text(encoding="utf-8").splitlines()[0]
    table.write_text(f"{header}\nA,in_person,,,,,,,,,,in_force,doc\nB,in_person,,,,,,,,,,not_in_force,\n")
    answer = place.say("duties", "check", "--book", str(place.book))
    assert answer.code == 2
    assert [line.split(":")[:2] for line in answer.out.splitlines()] == [
        ["no_source", " B"],
        ["contradiction", " A, B"],
    ]
    table.write_text(f"{header}\nA,in_person,,,,,,,,,,maybe,doc\n")
    answer = place.say("duties", "check", "--book", str(place.book))
    assert (answer.code, answer.out) == (2, "")
    assert "reference/duties.csv, line 2, column status" in answer.err


def test_a_night_with_a_table_that_cannot_be_used_is_refused_before_its_work(tmp_path: Path) -> None:
    place = Place(tmp_path).made()
    place.deliver(date(2026, 11, 20), "accounts", [{"provider_code": "B01"}])
    table = place.book / "reference" / "duties.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",in_force,", ",In force,", 1), encoding="utf-8")
    answer = place.say(*place.asked("--night", "2026-11-20"))
    assert answer.code == 2
    assert "line 2, column status" in answer.err
    assert list((place.book / "nights").iterdir()) == []


# --- what is shipped -----------------------------------------------------------------------------------------------

LINE = [
    {"provider_code": code, "parent_code": parent, "kind": "bank", "region_code": None}
    for code, parent in (("B01", "HEAD"), ("HEAD", "ICBC"), ("B02", "OTHER"))
]


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The shipped rows."""
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "duties.csv").write_bytes(shipped("duties"))
    rows: list[Row] = read(folder, "duties").to_pylist()
    return rows


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("2018-04-08", "120101", "deposit"), ("unknown", None)),
        (("2018-04-09", "120101", "deposit"), ("in_force", "P1-ICBC-deposit")),
        (("2018-04-10", "120101", "deposit"), ("in_force", "P1-ICBC-deposit")),
        (("2018-04-11", "120101", "deposit"), ("unknown", "P1-ICBC-deposit")),
        (("2018-04-09", "350102", "deposit"), ("in_force", "P2-ICBC-deposit")),
        (("2018-04-09", "140105", "deposit"), ("in_force", "P3-ICBC-deposit")),
        (("2018-04-15", "350200", "deposit"), ("unknown", None)),
        (("2018-04-16", "350200", "deposit"), ("in_force", "P4-ICBC-deposit")),
        (("2018-04-17", "350200", "deposit"), ("unknown", "P4-ICBC-deposit")),
        (("2018-04-16", "350102", "deposit"), ("unknown", "P2-ICBC-deposit")),
        (("2018-04-09", "140200", "deposit"), ("unknown", None)),
        (("2018-04-09", "310101", "deposit"), ("unknown", None)),
        (("2018-04-08", "120101", "D1"), ("unknown", None)),
        (("2018-04-09", "120101", "D1"), ("not_in_force", "P6-ICBC-12-D1")),
        (("2018-04-10", "350102", "R2"), ("not_in_force", "P6-ICBC-3501-R2")),
        (("2018-04-11", "120101", "D1"), ("unknown", "P6-ICBC-12-D1")),
        (("2018-04-16", "350200", "D1"), ("unknown", None)),
        (("2018-04-09", "310101", "D1"), ("unknown", None)),
    ],
)
def test_the_documented_pilot(
    lane: Lane, pilot: list[Row], place: tuple[str, str, str], expected: tuple[Any, ...]
) -> None:
    """From 8 to 9 April 2018, or from a deposit to a loan, the answer changes; past the documents it is unknown."""
    day, region, kind = place
    here = account(day, region_code=region, account_type=kind)
    row = lane.one(duties=pilot, institutions=LINE, judged_accounts=[here])
    assert (row["duty"], row["duty_id"]) == expected


def test_every_other_bank_stays_unknown(lane: Lane, pilot: list[Row]) -> None:
    row = lane.one(
        duties=pilot,
        institutions=LINE,
        raw_findings=[{**HERE, "provider_code": "B02", "rule_id": "R101", "verdict": "violation", "subject": "s"}],
        judged_accounts=[account("2018-04-09", provider_code="B02", region_code="120101", account_type="deposit")],
    )
    assert (row["duty"], row["duty_source"]) == ("unknown", None)


def test_the_row_is_cited_with_its_source(lane: Lane, pilot: list[Row]) -> None:
    here = account("2018-04-09", region_code="120101", account_type="deposit")
    row = lane.one(duties=pilot, institutions=LINE, judged_accounts=[here])
    assert row["duty_source"].startswith("银发〔2018〕60号 (xntax.net.cn/")


def test_nothing_but_the_pilot_is_shipped(pilot: list[Row]) -> None:
    """Every row: the invalid-card check of three banks, documented to a day, with a source; none without an end."""
    assert {(r["check_kind"], r["in_force_to"]) for r in pilot} == {("invalid_card_check", None)}
    assert {r["provider_code"] for r in pilot} == {"ICBC", "BOC", "CCB"}
    assert {r["documented_to"] for r in pilot} == {date(2018, 4, 10), date(2018, 4, 16)}
    assert {(r["account_type"] == "deposit", r["status"]) for r in pilot} == {
        (True, "in_force"),
        (False, "not_in_force"),
    }
    assert {r["region_code"] for r in pilot} == {"12", "35", "3501", "1401"}
    assert (
        len({tuple(r[n] for n in r if n not in {"duty_id", "provider_code", "row"}) for r in pilot}) == len(pilot) / 3
    )
