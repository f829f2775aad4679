"""Clocks: due dates by the calendar and by official working days, and what cannot be a clock (SPEC 8.4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import chinese_calendar
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditaudit.book.reference import read, shipped
from creditaudit.cases.clocks import days_left_sql, due_dates, holder_sql, read_clocks, start_clocks
from creditaudit.cases.working_days import published_years
from creditaudit.errors import UsageError
from place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.cases.clocks import DayType
    from creditaudit.engines import Engine

HEADER = "clock_id,starts_on,days,day_type,kind,source"


def due(start: date | None, days: int, day_type: DayType) -> tuple[date | None, bool | None]:
    ends, provisional = due_dates(pa.array([start], type=pa.date32()), days, day_type)
    return ends[0].as_py(), provisional[0].as_py()


def clocks(folder: Path, *lines: str) -> pa.Table:
    (folder / "clocks.csv").write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return read(folder, "clocks")


def test_calendar_days_begin_on_the_day_after_the_start_and_end_on_any_day() -> None:
    assert due(date(2026, 11, 20), 20, "calendar") == (date(2026, 12, 10), False)
    assert due(date(2026, 9, 11), 20, "calendar") == (date(2026, 10, 1), False)
    assert due(date(2090, 12, 31), 20, "calendar") == (date(2091, 1, 20), False)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        # Week of the National Day 2024: 1 to 7 October are off, Sunday 29 September and Saturday 12 October are worked.
        (date(2024, 9, 27), 1, date(2024, 9, 29)),
        (date(2024, 9, 30), 1, date(2024, 10, 8)),
        (date(2024, 10, 1), 1, date(2024, 10, 8)),
        (date(2024, 10, 11), 1, date(2024, 10, 12)),
        # Spring Festival 2025: 28 January to 4 February are off, Sunday 26 January and Saturday 8 February are worked.
        (date(2025, 1, 24), 3, date(2025, 2, 5)),
        (date(2025, 2, 7), 2, date(2025, 2, 10)),
    ],
)
def test_working_days_are_those_of_the_official_calendar(start: date, days: int, expected: date) -> None:
    assert due(start, days, "working") == (expected, False)


def test_a_year_without_a_published_calendar_counts_monday_to_friday_and_is_provisional() -> None:
    unknown = max(published_years()) + 1
    last = date(unknown - 1, 12, 31)
    weekdays = [day for day in (last + timedelta(days=n) for n in range(1, 60)) if day.weekday() < 5]
    assert due(last, 20, "working") == (weekdays[19], True)
    assert due(last, 20, "calendar") == (last + timedelta(days=20), False)
    assert due(date(unknown - 1, 6, 1), 20, "working")[1] is False
    before = date(min(published_years()) - 1, 7, 1)
    assert due(before, 1, "working")[1] is True


@given(
    st.lists(st.one_of(st.none(), st.dates(date(2003, 6, 1), date(2028, 6, 30))), max_size=6),
    st.integers(1, 70),
    st.sampled_from(["calendar", "working"]),
)
def test_due_dates_equal_counting_day_by_day(starts: list[date | None], days: int, day_type: DayType) -> None:
    ends, provisional = due_dates(pa.array(starts, type=pa.date32()), days, day_type)
    for start, end, may_change in zip(starts, ends.to_pylist(), provisional.to_pylist(), strict=True):
        assert (end, may_change) == counted(start, days, day_type)


def counted(start: date | None, days: int, day_type: DayType) -> tuple[date | None, bool | None]:
    if start is None:
        return None, None
    day, left, may_change = start, days, False
    while left:
        day += timedelta(days=1)
        is_known = 2004 <= day.year <= max(published_years())
        may_change |= day_type == "working" and not is_known
        is_working = chinese_calendar.is_workday(day) if is_known else day.weekday() < 5
        left -= day_type == "calendar" or is_working
    return day, may_change


def test_no_due_date_is_later_than_a_date_can_be() -> None:
    assert due(date(9999, 12, 30), 20, "calendar") == (date.max, False)
    assert due(date(9999, 12, 30), 20, "working") == (date.max, True)


def test_the_shipped_clocks_start_and_are_frozen_with_their_kind(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "clocks.csv").write_bytes(shipped("clocks"))
    engine.load("clocks", read(tmp_path, "clocks"))
    starts = [
        ("CA-2", 1, "house_correction", date(2026, 11, 21)),
        ("CA-1", 2, "house_answer", date(2026, 11, 20)),
        ("CA-1", 2, "objection_answer", date(2026, 11, 2)),
        ("CA-3", 1, "house_answer", None),
    ]
    columns = zip(*starts, strict=True)
    kinds = (pa.string(), pa.int32(), pa.string(), pa.date32())
    names = ("case_id", "episode", "clock_id", "starts_on")
    arrays = [pa.array(c, type=k) for c, k in zip(columns, kinds, strict=True)]
    engine.load("clock_starts", pa.table(dict(zip(names, arrays, strict=True))))
    start_clocks(engine)
    assert [tuple(row.values()) for row in engine.fetch("SELECT * FROM clock_dues").to_pylist()] == [
        ("CA-1", 2, "house_answer", date(2026, 11, 20), date(2026, 12, 10), False, "house"),
        ("CA-1", 2, "objection_answer", date(2026, 11, 2), date(2026, 11, 22), False, "legal"),
        ("CA-2", 1, "house_correction", date(2026, 11, 21), date(2026, 12, 11), False, "house"),
    ]


def test_a_clock_that_the_table_lacks_is_not_opened(tmp_path: Path, engine: Engine) -> None:
    engine.load("clocks", clocks(tmp_path, "house_answer,sent,3,working,house,x"))
    engine.table(
        "clock_starts",
        "SELECT 'CA-1' AS case_id, 1 AS episode, 'house_correction' AS clock_id, DATE '2026-11-20' AS starts_on"
        " UNION ALL SELECT 'CA-2', 1, 'house_answer', DATE '2026-11-20'",
    )
    start_clocks(engine)
    assert engine.fetch("SELECT case_id, due_on FROM clock_dues").to_pylist() == [
        {"case_id": "CA-2", "due_on": date(2026, 11, 25)}
    ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("house_reply,sent,20,calendar,house,x", "clock_id"),
        (",sent,20,calendar,house,x", "clock_id"),
        ("house_answer,received_on,20,calendar,house,x", "starts_on"),
        ("house_answer,sent,20,calendar,private,x", "kind"),
        ("house_answer,sent,20,weekday,house,x", "day_type"),
        ("house_answer,sent,20,,house,x", "day_type"),
        ("house_correction,answer_taken,20,calendar,house,x", "clock_id"),
    ],
)
def test_a_row_that_is_no_clock_is_refused_with_its_column(tmp_path: Path, line: str, column: str) -> None:
    table = clocks(tmp_path, "house_correction,answer_taken,20,calendar,house,x", line)
    with pytest.raises(UsageError, match="row 2") as refused:
        read_clocks(table)
    assert f"reference/clocks.csv, column {column}" in str(refused.value)


def test_a_night_with_a_clock_that_nobody_knows_is_refused_before_its_work(tmp_path: Path) -> None:
    place = Place(tmp_path).made()
    place.deliver(date(2026, 11, 20), "accounts", [{"provider_code": "B01"}])
    table = place.book / "reference" / "clocks.csv"
    table.write_text(f"{HEADER}\nhouse_reply,sent,20,calendar,house,x\n", encoding="utf-8")
    answer = place.say(*place.asked("--night", "2026-11-20"))
    assert answer.code == 2
    assert "reference/clocks.csv, column clock_id" in answer.err
    assert list((place.book / "nights").iterdir()) == []


@pytest.mark.parametrize(
    ("state", "holder"),
    [
        ("lead", "house"),
        ("sent", "institution"),
        ("undetermined", "pboc_liaison"),
        ("correction_due", "institution"),
        ("correction_overdue", "institution"),
        ("holder_confirmed", None),
        ("correction_verified", None),
        ("withdrawn", None),
        ("reappeared", None),
    ],
)
def test_who_holds_the_ball(engine: Engine, state: str, holder: str | None) -> None:
    assert engine.fetch(f"SELECT {holder_sql(repr(state))} AS h").to_pylist() == [{"h": holder}]


@pytest.mark.parametrize(("due_on", "left"), [("2026-11-25", 5), ("2026-11-20", 0), ("2026-11-17", -3)])
def test_days_left_are_negative_when_late(engine: Engine, due_on: str, left: int) -> None:
    sql = days_left_sql(f"DATE '{due_on}'", "DATE '2026-11-20'")
    assert engine.fetch(f"SELECT {sql} AS n").to_pylist() == [{"n": left}]
