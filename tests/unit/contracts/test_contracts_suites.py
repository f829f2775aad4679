"""Suites: the shipped ones promise what the feeds say, a bad one is refused by name, the right one is in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from contract_cases import compiled_of, said, suite_bytes, suite_of
from kit import NIGHT

from creditaudit.book.layout import Book
from creditaudit.contracts.asking import check_patterns
from creditaudit.contracts.compiler import compile_suite
from creditaudit.contracts.contract import open_contract
from creditaudit.contracts.history import limits_of
from creditaudit.contracts.suite import read_suite, suites_in_force
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS, RESULTS_BY_KIND, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine


@pytest.fixture
def book(tmp_path: Path) -> Book:
    (tmp_path / "reference").mkdir()
    return Book(tmp_path)


def promises(book: Book, feed: str) -> dict[str, list[dict[str, Any]]]:
    """Critical expectations of a shipped suite: type to arguments."""
    found: dict[str, list[dict[str, Any]]] = {}
    for expectation in suites_in_force(book, NIGHT)[feed].expectations:
        if expectation.severity == "critical":
            found.setdefault(expectation.type, []).append(expectation.kwargs)
    return found


@pytest.mark.parametrize("feed", FEEDS)
def test_a_shipped_suite_promises_what_its_feed_says(book: Book, feed: str) -> None:
    spec, found = FEEDS[feed], promises(book, feed)
    given = {k["column"] for k in found["expect_column_values_to_not_be_null"]}
    sets = {k["column"]: k["value_set"] for k in found.get("expect_column_values_to_be_in_set", [])}
    windows = {k["column"] for k in found["expect_column_values_to_be_between"]}
    for column in spec.columns:
        names = [f"{column.stem}_from", f"{column.stem}_to"] if column.kind is Kind.INSTANT else [column.name]
        if column.required:
            assert set(names) <= given
        if column.kind is Kind.CODE:
            assert sets[column.name] == list(column.codes)
        if column.kind in {Kind.DATE, Kind.INSTANT} and not column.any_date:
            assert set(names) <= windows
    keys = [[k["column"]] for k in found.get("expect_column_values_to_be_unique", [])]
    keys += [k["column_list"] for k in found.get("expect_compound_columns_to_be_unique", [])]
    assert list(spec.key) in keys


def test_the_shipped_pairs_of_checks_are_those_of_the_feed(book: Book) -> None:
    (pairs,) = promises(book, "verifications")["expect_column_pair_values_to_be_in_set"]
    assert {tuple(p) for p in pairs["value_pairs_set"]} == {(k, r) for k, rs in RESULTS_BY_KIND.items() for r in rs}


def test_every_shipped_suite_is_compiled_on_its_first_day(book: Book, engine: Engine) -> None:
    compiled = [compile_suite(suite, NIGHT) for suite in suites_in_force(book, date(2015, 1, 1)).values()]
    check_patterns(engine, compiled)
    assert [c.suite.feed for c in compiled] == list(FEEDS)
    assert all(c.suite.content["meta"]["great_expectations_version"] for c in compiled)
    assert sum(limits_of(c.suite) is not None for c in compiled) >= 5


def put(book: Book, feed: str, name: str, data: bytes) -> None:
    path = book.reference / "contracts" / feed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_book_s_suites_stand_beside_the_shipped_ones_by_date(book: Book) -> None:
    put(book, "accounts", "v2.json", suite_bytes(version=2, in_force_from="2026-01-01", in_force_to="2026-06-30"))
    versions = {day: suites_in_force(book, date.fromisoformat(day))["accounts"].version for day in DAYS}
    assert versions == dict(zip(DAYS, (1, 2, 2, 1), strict=True))


DAYS = ("2025-12-31", "2026-01-01", "2026-06-30", "2026-07-01")


def test_a_book_s_suite_replaces_the_shipped_one_of_its_number(book: Book) -> None:
    put(book, "accounts", "v1.json", suite_bytes(said("table_row_count_to_equal", value=1)))
    found = suites_in_force(book, NIGHT)
    assert found["accounts"].place == "reference/contracts/accounts/v1.json"
    assert len(found["accounts"].expectations) == 1
    assert found["openings"].place == "contracts/suites/openings/v1.json"


def test_two_suites_of_one_day_are_refused(book: Book) -> None:
    put(book, "accounts", "v2.json", suite_bytes(version=2, in_force_from="2026-01-01"))
    put(book, "accounts", "v3.json", suite_bytes(version=3, in_force_from="2026-01-01"))
    with pytest.raises(UsageError, match=r"v3\.json.*as reference/contracts/accounts/v2\.json does"):
        suites_in_force(book, NIGHT)


def test_a_night_without_a_suite_is_refused(book: Book) -> None:
    put(book, "accounts", "v1.json", suite_bytes(in_force_from="2027-01-01"))
    with pytest.raises(UsageError, match="no suite is in force on 2026-11-20"):
        suites_in_force(book, NIGHT)


@pytest.mark.parametrize("name", ["v01.json", "version1.json", "v1.1.json"])
def test_a_file_of_another_name_is_refused(book: Book, name: str) -> None:
    put(book, "accounts", name, suite_bytes())
    with pytest.raises(UsageError, match="its name is not v<number>"):
        suites_in_force(book, NIGHT)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "it is not a suite"),
        (b"\xff", "it is not a suite"),
        (b"[]", "it is not a suite"),
        (b'{"name": "accounts", "expectations": []}', "it is not a suite"),
        (suite_bytes(in_force_from="2026-13-01"), "it is not a suite"),
        (suite_bytes(feed="openings"), "does not say feed 'accounts' and version 1"),
        (suite_bytes(version=2), "does not say feed 'accounts' and version 1"),
        (suite_bytes({"type": "expect_x", "kwargs": {}}), "has no severity"),
        (suite_bytes({"type": "expect_x", "kwargs": {}, "severity": "high"}), "has no severity"),
        (suite_bytes({"type": "expect_x", "severity": "info"}), "not an object with type and kwargs"),
        (suite_bytes({"type": "expect_x", "kwargs": {}, "severity": "info", "mostly": 1}), "'mostly' is no part"),
    ],
)
def test_what_is_no_suite_is_refused_with_its_place(data: bytes, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_suite(data, "accounts", 1, "reference/contracts/accounts/v1.json")
    assert why in str(refused.value)
    assert "reference/contracts/accounts/v1.json" in str(refused.value)


REFUSED = [
    *(
        (said("column_values_to_not_be_null", column="name", row_condition=condition), why)
        for condition, why in (
            ({"type": "and", "conditions": 5}, "no column None"),
            ({"type": "and", "conditions": []}, "no conditions"),
        )
    ),
    *(
        (said("column_values_to_be_between", column="night", max_value={"$PARAMETER": name}), "is not one of")
        for name in ([], {}, None)
    ),
    *(
        (said("column_values_to_match_regex", column="status", regex=regex), "cannot be read")
        for regex in ("a{99999999999999999999}", "(" * 5_000 + ")" * 5_000)
    ),
    (said("column_values_to_be_json_parseable", column="name"), "this type is not known"),
    (said("column_values_to_not_be_null", column="nothing"), "no column 'nothing'"),
    (said("column_values_to_not_be_null"), "no column None"),
    (said("column_values_to_not_be_null", column="row; DROP TABLE x"), "no column"),
    (said("column_values_to_not_be_null", column="name", mostly=1.5), "mostly 1.5"),
    (said("column_values_to_not_be_null", column="name", mostly=True), "mostly True"),
    (said("column_values_to_not_be_null", column="name", strict=True), "'strict' is not known here"),
    (said("column_values_to_be_in_set", column="status", value_set=[]), "value_set"),
    (said("column_values_to_be_in_set", column="status", value_set=[1]), "1 cannot be compared with status"),
    (said("column_values_to_be_in_set", column="amount", value_set=["1"]), "cannot be compared with amount"),
    (said("column_values_to_be_in_set", column="closed_on", value_set=["2020-01-01"]), "to_be_between"),
    (said("column_values_to_be_in_set", column="id_number", value_set=["1"]), "may not hold values of it"),
    (said("column_values_to_be_between", column="status", min_value="a"), "not a number, date or instant"),
    (said("column_values_to_be_between", column="amount"), "neither min_value nor max_value"),
    (said("column_values_to_be_between", column="amount", min_value=2, max_value=1), "greater than max_value"),
    (said("column_values_to_be_between", column="closed_on", min_value="2020-1-1"), "YYYY-MM-DD"),
    (said("column_values_to_be_between", column="closed_on", min_value="2020-02-30"), "no day of the calendar"),
    (said("column_values_to_be_between", column="opened_from", min_value="2020-01-01"), "HH:MM:SS"),
    (said("column_values_to_be_between", column="night", max_value={"$PARAMETER": "today"}), "parameter 'today'"),
    (said("column_values_to_match_regex", column="amount", regex="1"), "amount is not text"),
    (said("column_values_to_match_regex", column="status", regex="("), "cannot be read"),
    (said("column_values_to_match_regex", column="status", regex=r"^\d$"), r"means something else"),
    (said("column_values_to_match_regex", column="status", regex="(?=a)"), "means something else"),
    (said("column_value_lengths_to_equal", column="status", value="3"), "not a whole number"),
    (
        said("column_pair_values_a_to_be_greater_than_b", column_A="closed_on", column_B="opened_from"),
        "an instant's day is <name>_on",
    ),
    (
        said("column_pair_values_a_to_be_greater_than_b", column_A="amount", column_B="balance", ignore_row_if="x"),
        "ignore_row_if 'x'",
    ),
    (said("compound_columns_to_be_unique", column_list=["status"]), "two or more columns"),
    (said("table_row_count_to_be_between", min_value="1"), "not a whole number"),
    (said("table_row_count_to_equal"), "value is not given"),
    (said("column_values_to_not_be_null", column="name", row_condition='id_type=="10"'), "not a condition object"),
    (
        said(
            "column_values_to_not_be_null",
            column="name",
            row_condition={"type": "comparison", "column": {"name": "id_type"}, "operator": "!=", "parameter": "10"},
        ),
        "row_condition may be",
    ),
    (
        said(
            "column_values_to_not_be_null",
            column="status",
            row_condition={"type": "comparison", "column": {"name": "name"}, "operator": "==", "parameter": "张"},
        ),
        "may not hold values of it",
    ),
]


@pytest.mark.parametrize(("expectation", "why"), REFUSED, ids=[f"{n} {why}" for n, (_, why) in enumerate(REFUSED)])
def test_what_cannot_be_compiled_is_refused_with_its_place(expectation: dict[str, Any], why: str) -> None:
    fine = said("column_values_to_not_be_null", column="name")
    with pytest.raises(UsageError) as refused:
        compiled_of(fine, expectation)
    text = str(refused.value)
    assert why in text
    assert f"expectation 2 ({expectation['type']})" in text
    assert "reference/contracts/accounts/v1.json" in text


def test_a_regex_that_the_engine_cannot_read_is_the_suite_s_mistake(engine: Engine) -> None:
    possessive = said("column_values_to_match_regex", column="status", regex="a++")  # Python 3.11 reads it, RE2 not
    with pytest.raises(UsageError, match=r"expectation 2 .*cannot read its regex"):
        check_patterns(engine, [compiled_of(said("column_values_to_not_be_null", column="name"), possessive)])


@pytest.mark.parametrize(
    ("history", "why"),
    [
        ({"night": 7}, "cannot be read"),
        ({"nights": "7"}, "no number"),
        ({"rows_below": -1}, "below 0"),
        ({"mix": {"name": 0.1}}, "'name' is not one of account_type, id_status"),
        ({"mix": {"status": 0.1}}, "'status' is not one of"),
        ({"shares": [{"column": "id_status"}]}, "cannot be read"),
    ],
)
def test_bounds_against_the_last_nights_are_checked(history: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        limits_of(suite_of(history=history))


def test_a_condition_without_end_is_refused() -> None:
    condition: dict[str, Any] = {"type": "nullity", "column": {"name": "status"}, "is_null": True}
    for _ in range(5_000):
        condition = {"type": "and", "conditions": [condition]}
    suite = suite_of(said("column_values_to_not_be_null", column="name"))
    [expectation] = suite.expectations
    deep = replace(expectation, kwargs={"column": "name", "row_condition": condition})
    with pytest.raises(UsageError, match="nested too deeply"):
        compile_suite(replace(suite, expectations=(deep,)), NIGHT)


@pytest.mark.parametrize("number", ["13912345678", "\\u0031391234\\u0035678", "11010519491231002X"])
def test_a_suite_with_the_number_of_a_person_stops_the_night(
    book: Book, engine: Engine, tmp_path: Path, number: str
) -> None:
    """SPEC 10.4: the file is copied into every night, and its pages show it."""
    fine = suite_bytes({**said("column_values_to_not_be_null", column="name"), "notes": "ask NUMBER"})
    put(book, "accounts", "v1.json", fine.replace(b"NUMBER", number.encode()))
    with pytest.raises(UsageError, match="ID number or a phone") as refused:
        open_contract(engine, book, NIGHT, tmp_path / "night")
    assert "reference/contracts/accounts/v1.json" in str(refused.value)
