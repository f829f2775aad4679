"""Cells to typed columns: every reason, both sides of each border."""

# ruff: noqa: DTZ001, DTZ007 - delivered instants have no zone

from __future__ import annotations

import re
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landed import GOOD, csv_text, land, one

from creditaudit.errors import InternalError
from creditaudit.feeds import FEEDS, RESULTS_BY_KIND, Kind
from creditaudit.intake.cells import cells_of
from creditaudit.intake.dates import read_dates, read_instants
from creditaudit.intake.faults import Faults
from creditaudit.intake.integers import read_integers

SENTINELS = ["1900-01-01", "19000101", "9999-12-31", "99991231", "0000-00-00", "00000000"]


def reason(feed: str, **cells: str) -> str | None:
    """Return what costs a row, or ``dropped: …``, or None."""
    found = one(feed, **cells)
    if found.dropped:
        return f"dropped: {found.dropped[1]}"
    return found.reasons.get(1)


@pytest.mark.parametrize(
    ("feed", "column"), [(spec.name, column) for spec in FEEDS.values() for column in spec.required]
)
@pytest.mark.parametrize("empty", ["", " \t\u00a0\u3000"])
def test_required_cells(feed, column, empty):
    assert reason(feed, **{column: empty}) == f"required_empty:{column}"


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_sentinels_are_empty(sentinel):
    assert reason("accounts", report_date=sentinel) == "required_empty:report_date"
    assert reason("accounts", opened_at=sentinel) == "required_empty:opened_at"
    assert one("accounts", agreement_at=sentinel).typed[0]["agreement_from"] is None
    assert one("openings", card_valid_to=sentinel).typed[0]["card_valid_to"] is None


@pytest.mark.parametrize("sentinel", ["1900-01-01 23:59", "9999-12-31T00:00:00", "0000-00-00 00:00:00"])
def test_sentinels_count_with_any_time_of_day(sentinel):
    assert reason("accounts", opened_at=sentinel) == "required_empty:opened_at"
    assert reason("accounts", report_date=sentinel) == "bad_type:report_date"


def test_long_term_is_a_word_of_date_columns_only():
    assert one("openings", card_valid_to="长期").typed[0]["card_valid_to"] is None
    assert reason("accounts", report_date="长期") == "required_empty:report_date"
    assert reason("accounts", opened_at="长期") == "bad_type:opened_at"
    assert reason("openings", card_valid_to="长月") == "bad_type:card_valid_to"


def test_never_closed_is_a_sentinel_of_closed_on_only():
    for spelled in ("1970-01-01", "19700101"):
        found = one("accounts", closed_on=spelled)
        assert found.typed[0]["closed_on"] is None
        assert not found.quarantine
    assert one("accounts", report_date="1970-01-01").typed[0]["report_date"] == date(1970, 1, 1)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020-02-29", datetime(2020, 2, 29), datetime(2020, 2, 29, 23, 59, 59)),
        ("20200229", datetime(2020, 2, 29), datetime(2020, 2, 29, 23, 59, 59)),
        ("2020-02-29 10:11", datetime(2020, 2, 29, 10, 11), datetime(2020, 2, 29, 10, 11, 59)),
        ("2020-02-29 23:59:59", datetime(2020, 2, 29, 23, 59, 59), datetime(2020, 2, 29, 23, 59, 59)),
        ("2020-02-29T00:00:00", datetime(2020, 2, 29), datetime(2020, 2, 29)),
        ("　2020-02-29 ", datetime(2020, 2, 29), datetime(2020, 2, 29, 23, 59, 59)),
        ("1949-10-01", datetime(1949, 10, 1), datetime(1949, 10, 1, 23, 59, 59)),
    ],
)
def test_instants(text, first, last):
    row = one("accounts", agreement_at=text).typed[0]
    assert (row["agreement_from"], row["agreement_to"]) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "2020-02-30", "2019-02-29", "2020-13-01", "2020-00-10", "2020-01-00", "0000-01-01", "20200230", "2020-2-29",
        "2020/02/29", "20-02-29", "2020-02-29 ,", "2020-02-29 24:00", "2020-02-29 10:60", "2020-02-29 10:11:60",
        "2020-02-29T10:11", "2020-02-29  10:11", "2020-02-29 10:11:12.0", "2020-02-29 10:11:12+08:00",
        "2020-02-29t10:11:12", "2020-02-29 10:1１", "２０２０-02-29", "2020-02-2９", "2020022", "+2020-01-1", "-", "x",
        "0000-00-00 24:00", "202002291011", "2020-02-29 1:11:12", "1900-01-01 25:00", "2020:02:29", "2020-02-29 10-11",
    ],
)  # fmt: skip
def test_what_is_no_instant(text):
    assert reason("accounts", agreement_at=text.replace(",", "")) == (
        "bad_type:agreement_at" if text != "2020-02-29 ," else None
    )


@pytest.mark.parametrize(
    "text", ["2020-02-29 00:00:00", "2020-02-29 00:00", "2020-02-29T00:00:00", "2020-02-30", "20200230"]
)
def test_what_is_no_date(text):
    assert reason("accounts", report_date=text) == "bad_type:report_date"


@given(
    st.dates(),
    st.times(),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d"]),
    st.sampled_from([" %H:%M", " %H:%M:%S", "T%H:%M:%S", ""]),
)
@settings(max_examples=60, deadline=None)
def test_every_date_is_read_as_python_reads_it(day, time, spelled, clock):
    if spelled == "%Y%m%d" and clock:
        spelled = "%Y-%m-%d"
    moment = datetime.combine(day, time)
    year = f"{day.year:04}"
    text = moment.strftime((spelled + clock).replace("%Y", year))
    read = read_instants(cells_of(pa.array([text, "", text + "0"])), "x")
    if day in {date(1900, 1, 1), date(9999, 12, 31)}:
        assert not read.given.any()
        return
    step = {"": 86399, " %H:%M": 59}.get(clock, 0)
    begin = datetime.combine(
        day, datetime.strptime(time.strftime(clock), clock).time() if clock else datetime.min.time()
    )
    first, last = (column[0].as_py() for column in read.arrays())
    assert first == begin
    assert (last - first).total_seconds() == step
    assert read.given.tolist() == [True, False, False]
    assert read.bad.tolist() == [False, False, True]


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_date(text):
    column = cells_of(pa.array([text, "2020-01-01"]))
    for read in (read_dates(column, "x"), read_instants(column, "x")):
        assert read.given[1]
        assert not (read.given[0] and read.bad[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("-0", 0), ("007", 7), ("-12", -12), ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)), ("0" * 5000 + "1", 1), ("-" + "0" * 30 + "5", -5),
    ],
)  # fmt: skip
def test_integers(text, value):
    assert one("accounts", amount=text).typed[0]["amount"] == value


@pytest.mark.parametrize(
    "text",
    [
        "1.0",
        "+1",
        "1e3",
        "0x1F",
        "1,000",
        "--1",
        "1-",
        "-",
        "١",
        "１",
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 5000,
        "1 2",
    ],
)
def test_what_is_no_integer(text):
    assert reason("accounts", amount=text) == "dropped: bad_type:amount"


@given(st.lists(st.text(st.sampled_from("0123456789-+ x"), max_size=22)))
@settings(max_examples=60, deadline=None)
def test_integers_are_read_as_python_reads_them(texts):
    read = read_integers(cells_of(pa.array(texts, pa.string())))
    for text, value, bad in zip(texts, read.array.to_pylist(), read.bad, strict=True):
        cell = text.strip(" ")
        good = re.fullmatch("-?[0-9]+", cell) is not None and -(2**63) <= int(cell) < 2**63
        assert value == (int(cell) if good else None)
        assert bad == (cell != "" and not good)


@pytest.mark.parametrize(
    ("feed", "column"),
    [(spec.name, column.name) for spec in FEEDS.values() for column in spec.columns if column.kind is Kind.CODE],
)
def test_codes(feed, column):
    spec = FEEDS[feed].by_name[column]
    assert reason(feed, **{column: "nonsense"}) == f"bad_code:{column}"
    assert reason(feed, **{column: spec.codes[0].upper() + "x"}) == f"bad_code:{column}"
    if feed != "verifications":
        for code in spec.codes:
            assert reason(feed, **{column: code}) is None


@pytest.mark.parametrize("kind", list(RESULTS_BY_KIND))
def test_pairs_of_check_and_result(kind):
    for result in FEEDS["verifications"].by_name["result"].codes:
        expected = None if result in RESULTS_BY_KIND[kind] else "bad_code:result"
        assert reason("verifications", check_kind=kind, result=result) == expected


def test_a_bad_kind_of_check_says_nothing_of_its_result():
    assert reason("verifications", check_kind="x", result="pass") == "bad_code:check_kind"
    assert reason("verifications", check_kind="", result="pass") == "required_empty:check_kind"


@pytest.mark.parametrize(
    ("feed", "column"),
    [
        (s.name, c.name)
        for s in FEEDS.values()
        for c in s.columns
        if c.kind in {Kind.DATE, Kind.INSTANT} and c.name != "closed_on"
    ],
)
def test_impossible_dates(feed, column):
    spec = FEEDS[feed].by_name[column]
    extra = {"id_type": "0123"} if feed == "accounts" else {}
    name = f"impossible_date:{column}"
    expected = None if spec.any_date else f"dropped: {name}" if spec.droppable else name
    assert reason(feed, **extra | {column: "1949-09-30"}) == expected
    assert reason(feed, **extra | {column: "2026-11-22"}) == expected
    assert reason(feed, **extra | {column: "1949-10-01"}) is None
    assert reason(feed, **extra | {column: "2026-11-21"}) is None
    if spec.kind is Kind.INSTANT:
        assert reason(feed, **extra | {column: "1949-09-30 23:59:59"}) == expected
        assert reason(feed, **extra | {column: "2026-11-21 23:59:59"}) is None


@pytest.mark.parametrize("number", ["11010520000102002X", "110105000102002"])
@pytest.mark.parametrize("id_type", ["10", "0", "7"])
def test_opened_before_birth(number, id_type):
    born = "2000-01-02" if len(number) == 18 else "1900-01-02"
    before = "2000-01-01 23:59:59" if len(number) == 18 else "1949-10-01"
    expected = "impossible_date:opened_at" if len(number) == 18 else None
    assert reason("accounts", id_number=number, id_type=id_type, opened_at=before) == expected
    if len(number) == 18:
        assert reason("accounts", id_number=number, id_type=id_type, opened_at=born) is None
        assert reason("accounts", id_number=number, id_type="1", opened_at=before) is None


def test_birth_dates_of_short_numbers_and_of_none():
    assert reason("accounts", id_number="110105600102002", opened_at="1960-01-01") == "impossible_date:opened_at"
    assert reason("accounts", id_number="110105600102002", opened_at="1960-01-02") is None
    assert reason("accounts", id_number="110105600102998", opened_at="1960-01-01") is None
    assert reason("accounts", id_number="110105600230002", opened_at="1960-01-01") is None
    assert reason("accounts", id_number="G12345678", opened_at="1960-01-01") is None


def test_closed_before_opened_drops_the_cell():
    found = one("accounts", opened_at="2020-02-29 10:11", closed_on="2020-02-28")
    assert found.dropped == {1: "impossible_date:closed_on"}
    assert found.typed[0]["closed_on"] is None
    assert found.typed[0]["dropped"] == "impossible_date:closed_on"
    assert one("accounts", opened_at="2020-02-29 10:11", closed_on="2020-02-29").typed[0]["closed_on"] == date(
        2020, 2, 29
    )
    assert reason("accounts", closed_on="2026-11-22") == "dropped: impossible_date:closed_on"


@pytest.mark.parametrize(
    ("number", "reserved"),
    [
        ("999999199001010014", True), ("999999199002300019", True), ("999999900101001", True),
        ("９９９９９９199001010014", True), ("99999 9199001010014", True), ("99999919900101001", False),
        ("9999991990010100145", False), ("999998199001010014", False), ("99999919900101001A", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("feed", ["accounts", "fraud_alerts"])
def test_reserved_area(feed, number, reserved):
    assert reason(feed, id_number=number) == ("reserved_area:id_number" if reserved else None)


def test_reserved_area_is_asked_of_id_number_only():
    assert reason("openings", handler_id_number="999999199001010014") is None


def test_all_reasons_of_a_row_sorted():
    found = one("accounts", account_type="?", opened_at="x", provider_code="", amount="x", report_date="1900-01-01")
    assert found.reasons == {
        1: "bad_code:account_type;bad_type:opened_at;required_empty:provider_code;required_empty:report_date"
    }
    assert found.dropped == {}


def test_all_dropped_cells_sorted():
    found = one("loss_reports", withdrawn_at="x", card_valid_from="1800-01-01", card_valid_to="?", lost_at="2030-01-01")
    assert found.dropped == {
        1: "bad_type:card_valid_to;bad_type:withdrawn_at;impossible_date:card_valid_from;impossible_date:lost_at"
    }
    row = found.typed[0]
    assert (row["withdrawn_from"], row["card_valid_from"], row["card_valid_to"], row["lost_to"]) == (None,) * 4


@pytest.mark.parametrize("given_type", ["0", "7", "10"])
def test_older_citizen_types(given_type):
    assert one("accounts", id_type=given_type).typed[0]["id_type"] == "10"
    assert one("accounts", id_type="1").typed[0]["id_type"] == "1"


def test_missing_optional_columns_are_null_and_a_missing_name_is_unknown():
    row = one("openings").typed[0]
    assert all(row[name] is None for name in ("session_id", "card_valid_from", "handler_id_norm", "handler_id_status"))
    text = csv_text("accounts", {}).replace(",name,", ",nick,")
    row = land(text).typed[0]
    assert (row["name"], row["name_norm"], row["name_known"]) == (None, None, False)


def test_columns_in_any_order_and_unknown_ones():
    names = list(reversed(GOOD["accounts"]))
    text = ",".join(["extra", *names]) + "\n" + ",".join(["?", *[GOOD["accounts"][name] for name in names]]) + "\n"
    found = land(text)
    assert found.report.unknown_columns == ("extra",)
    assert found.typed == one("accounts").typed


def test_provenance():
    row = one("accounts").typed[0]
    assert (row["night"], row["file"], row["row"], row["line"], row["dropped"]) == (
        date(2026, 11, 20),
        "x.csv",
        1,
        2,
        None,
    )


@given(st.lists(st.text(st.sampled_from(" \t\u00a0\u3000ab\u00a1\u3001\u2000\u4e00\u0120é"), max_size=6)))
@settings(max_examples=80, deadline=None)
def test_cells_are_stripped(texts):
    found = cells_of(pa.chunked_array([pa.array(texts, pa.string())]))
    assert found.array.to_pylist() == [text.strip(" \t\u00a0\u3000") or None for text in texts]
    assert found.given.tolist() == [text is not None for text in found.array.to_pylist()]


def test_slices_and_nulls_of_columns():
    column = pa.array(["x", None, " a", "", "b"]).slice(1, 3)
    assert cells_of(column).array.to_pylist() == [None, "a", None]
    assert cells_of(pa.array([], pa.string())).array.to_pylist() == []


def test_more_kinds_of_faults_than_bits_are_a_mistake_of_ours():
    faults = Faults(1)
    for place in range(64):
        faults.add("bad_type", f"c{place}", np.array([True]), droppable=False)
    assert faults.reasons()[0].as_py().count(";") == 63
    with pytest.raises(InternalError):
        faults.add("bad_type", "one_more", np.array([True]), droppable=False)
