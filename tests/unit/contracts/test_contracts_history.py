"""Volume and mix against the last sealed nights: told where they are far, silent where chance would do."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from contract_cases import suite_of
from kit import typed

from creditaudit.book.files import write_parquet
from creditaudit.contracts.history import OTHER_FORM, compare, profile, write_profile
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.contracts.suite import Suite
    from creditaudit.engines import Engine

FIRST = date(2026, 11, 1)
HISTORY = {
    "nights": 3,
    "at_least_nights": 2,
    "at_least_rows": 10,
    "rows_below": 0.5,
    "rows_above": 2.0,
    "mix": {"account_type": 0.2},
    "shares": [{"column": "id_status", "values": ["bad_check", "bad_form"], "by": 0.1}],
}


class Desk:
    """Profiles of nights, one after the other."""

    def __init__(self, engine: Engine, folder: Path, history: dict[str, Any] | None = None) -> None:
        self.engine, self.folder = engine, folder
        self.suites: dict[str, Suite] = {"accounts": suite_of(history=history or HISTORY)}
        self.before: list[Path] = []

    def night(self, *rows: dict[str, Any], kind: str = "delta") -> list[str]:
        """Seal one night's profile; returns what was told of it."""
        day = FIRST + timedelta(days=len(self.before))
        tonight = self.profile(rows, day, kind)
        told = compare(self.engine, self.suites, tonight, self.before)
        path = self.folder / f"profile-{day}.parquet"
        write_profile(path, tonight)
        self.before.append(path)
        return told.get("accounts", [])

    def profile(self, rows: tuple[dict[str, Any], ...], day: date, kind: str = "delta") -> pa.Table:
        path = self.folder / f"rows-{day}.parquet"
        write_parquet(path, FEEDS["accounts"].schema, [typed("accounts", rows, night=day)])
        return profile(self.engine, self.suites, parts={"accounts": [path]}, kinds={"accounts/f.csv": kind}, night=day)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    return Desk(engine, tmp_path)


def accounts(count: int, provider: str = "B1", kind: str = "D1", status: str = "ok") -> tuple[dict[str, Any], ...]:
    """Rows of one provider."""
    row = {"provider_code": provider, "account_type": kind, "id_number": "x", "id_status": status}
    return (row,) * count


def test_nothing_is_told_of_the_first_nights_nor_of_a_steady_one(desk: Desk) -> None:
    assert [desk.night(*accounts(n)) for n in (20, 40, 30, 25)] == [[], [], [], []]


def test_too_few_and_too_many_rows_are_told(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(20))
    assert desk.night(*accounts(10)) == []
    assert desk.night(*accounts(9)) == ["accounts: B1 (delta): 9 rows, fewer than 0.5 of the usual 20"]
    for _ in range(3):
        desk.night(*accounts(20))
    assert desk.night(*accounts(40)) == []
    assert desk.night(*accounts(41)) == ["accounts: B1 (delta): 41 rows, more than 2 times the usual 20"]


def test_only_the_last_nights_count(desk: Desk) -> None:
    for rows in (500, 500, 20, 20, 20):
        desk.night(*accounts(rows))
    assert desk.night(*accounts(20)) == []


def test_small_deliveries_say_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(9))
    assert desk.night(*accounts(1, kind="R1")) == []


def test_a_full_file_is_compared_with_full_files(desk: Desk) -> None:
    for _ in range(2):
        desk.night(*accounts(100), kind="full")
        desk.night(*accounts(10))
    assert desk.night(*accounts(10)) == []
    assert desk.night(*accounts(40), kind="full") == ["accounts: B1 (full): 40 rows, fewer than 0.5 of the usual 100"]


def test_providers_are_apart(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(100), *accounts(10, "B2"))
    assert desk.night(*accounts(100), *accounts(30, "B2")) == [
        "accounts: B2 (delta): 30 rows, more than 2 times the usual 10"
    ]


def test_a_moved_mix_is_told_with_what_moved_most(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(80), *accounts(20, kind="R1"))
    assert desk.night(*accounts(60), *accounts(40, kind="R1")) == []  # a distance of 0.2
    assert desk.night(*accounts(50), *accounts(30, kind="R1"), *accounts(20, kind="R4")) == [
        "accounts: B1 (delta): the mix of account_type has moved by 0.23, most of all D1: 73.3% before, 50.0% now"
    ]


def test_a_grown_share_of_bad_numbers_is_told_and_a_shrunk_one_not(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(95), *accounts(5, status="bad_form"))
    assert desk.night(*accounts(85), *accounts(15, status="bad_check")) == []
    told = desk.night(*accounts(80), *accounts(15, status="bad_check"), *accounts(5, status="bad_form"))
    assert told == ["accounts: B1 (delta): id_status bad_check or bad_form: 8.3% before, 20.0% now"]
    assert desk.night(*accounts(100)) == []


def test_a_provider_that_always_came_and_did_not_is_told(desk: Desk) -> None:
    for _ in range(3):
        desk.night(*accounts(20), *accounts(30, "B2"), *accounts(9, "B3"))
    assert desk.night(*accounts(20)) == ["accounts: B2: nothing tonight; usual are 30 rows"]
    assert desk.night(*accounts(20)) == []  # it is no longer steady


def test_a_column_that_an_older_suite_did_not_count_says_nothing(desk: Desk) -> None:
    desk.suites["accounts"] = suite_of(history={**HISTORY, "mix": {}, "shares": []})
    for _ in range(3):
        desk.night(*accounts(20))
    desk.suites["accounts"] = suite_of(history=HISTORY)
    assert desk.night(*accounts(20, kind="R1", status="bad_form")) == []


def test_what_is_no_code_is_not_kept(desk: Desk) -> None:
    rows = tuple(
        row for code in ("110105194912310021", "13900001111", "张三", "b1", "B 1") for row in accounts(2, provider=code)
    )
    found = desk.profile(rows, FIRST).to_pylist()
    assert {row["provider_code"] for row in found} == {OTHER_FORM}
    assert [row["accepted"] for row in found if row["measure"] == ""] == [10]


def test_a_suite_without_bounds_keeps_no_profile(desk: Desk) -> None:
    desk.suites["accounts"] = suite_of()
    assert desk.profile(accounts(5), FIRST).num_rows == 0


def test_a_feed_without_providers_is_one(desk: Desk, engine: Engine, tmp_path: Path) -> None:
    suites = {"loss_reports": suite_of(feed="loss_reports", history={})}
    path = tmp_path / "losses.parquet"
    rows = [{"report_no": "1", "id_number": "x"}, {"report_no": "2", "id_number": "y"}]
    write_parquet(path, FEEDS["loss_reports"].schema, [typed("loss_reports", rows)])
    found = profile(engine, suites, parts={"loss_reports": [path]}, kinds={"loss_reports/f.csv": "full"}, night=FIRST)
    assert found.to_pylist() == [
        {
            "night": FIRST,
            "feed": "loss_reports",
            "provider_code": "",
            "kind": "full",
            "measure": "",
            "code": "",
            "accepted": 2,
        }
    ]
