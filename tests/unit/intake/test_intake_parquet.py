"""Parquet files are read as the CSV that they could have been."""

# ruff: noqa: DTZ001 - delivered instants have no zone

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed import GOOD, NIGHT, csv_text, land

from creditaudit.feeds import INSTANT
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.receive import read_file
from creditaudit.intake.reread import raw_lines


def packed(**columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def good(feed: str = "accounts", **columns: pa.Array) -> bytes:
    rows = len(next(iter(columns.values()))) if columns else 1
    return packed(**{name: pa.array([text] * rows) for name, text in GOOD[feed].items()} | columns)


def test_the_same_as_csv():
    table = good(
        report_date=pa.array([date(2026, 11, 19)]),
        opened_at=pa.array([datetime(2020, 2, 29, 10, 11, 12)], pa.timestamp("ns")),
        amount=pa.array([100]),
        closed_on=pa.nulls(1),
        name=pa.array(["张三"]).dictionary_encode(),
        account_code=pa.array(["A1"], pa.large_string()),
        id_type=pa.array([10], pa.int8()),
    )
    found = land(table, name="x.parquet")
    wanted = land(csv_text("accounts", {})).typed
    assert found.report.encoding == "parquet"
    assert found.typed == [row | {"file": "x.parquet"} for row in wanted]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps(unit):
    whole = datetime(2020, 2, 29, 10, 11, 12)
    column = pa.array([whole, None, datetime(1969, 12, 31, 23, 59, 59)], pa.timestamp(unit))
    found = land(good(agreement_at=column), name="x.parquet")
    assert [row["agreement_from"] for row in found.typed] == column.cast(INSTANT).to_pylist()
    assert [row["agreement_to"] for row in found.typed] == column.cast(INSTANT).to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime(2020, 2, 29, 10, 11, 12, 1), datetime(2020, 1, 1), None], INSTANT),
        pa.array([datetime(2020, 2, 29), None, None], pa.timestamp("s", "Asia/Shanghai")),
        pa.array([datetime(2020, 2, 29), None, None], pa.timestamp("us", "UTC")),
    ],
)
@pytest.mark.parametrize("name", ["agreement_at", "business_code", "id_number"])
def test_timestamps_with_a_fraction_or_a_zone_are_bad(column, name):
    found = land(good(**{name: column}), name="x.parquet")
    assert found.reasons[1] == f"bad_type:{name}"
    assert found.reasons.get(3) == ("required_empty:id_number" if name == "id_number" else None)


def test_a_timestamp_in_a_date_column_has_a_time_of_day():
    found = land(good(report_date=pa.array([datetime(2020, 2, 29)], INSTANT)), name="x.parquet")
    assert found.reasons == {1: "bad_type:report_date"}


def test_other_types_become_their_text():
    found = land(
        good(
            amount=pa.array([Decimal("12.00"), Decimal("12.50")]),
            balance=pa.array([1.0, 2.5]),
            status=pa.array([True, None]),
        ),
        name="x.parquet",
    )
    assert found.dropped == {1: "bad_type:amount", 2: "bad_type:amount;bad_type:balance"}
    assert [row["status"] for row in found.typed] == ["true", None]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string()])
def test_the_raw_text_of_other_layouts_of_text(kind):
    content = packed(
        provider_code=pa.array(["B01", "B01"], kind),
        account_code=pa.array(["A1", "A,2"], kind),
        card_valid_from=pa.array(["2020-02-29", "x"], kind),
    )
    found = land(content, name="x.parquet", feed="openings")
    assert [row["account_code"] for row in found.typed] == ["A1"]
    assert [row["raw"] for row in found.quarantine] == ['B01,"A,2",x']


def test_unreadable_files_and_columns():
    whole = good()
    assert "zero bytes" in land(b"", name="x.parquet").report.refused
    for content in (b"x" * 100, whole[:-20], whole[: len(whole) // 2] + b"PAR1"):
        assert "Parquet" in land(content, name="x.parquet").report.refused
    nested = good(name=pa.array([["a"]]))
    assert "column name" in land(nested, name="x.parquet").report.refused
    latin = good(name=pa.array([b"\xff"], pa.binary()))
    assert "column name" in land(latin, name="x.parquet").report.refused
    assert "required column missing" in land(packed(a=pa.array([1])), name="x.parquet").report.refused


def test_header_rows_and_control():
    content = good(**{" extra ": pa.array(["a", "b"])})
    found = land(content, name="x.parquet", control={"rows": 2})
    assert found.report.unknown_columns == ("extra",)
    assert [(r["row"], r["line"]) for r in found.typed] == [(1, 2), (2, 3)]
    assert "3 rows" in land(content, name="x.parquet", control={"rows": 3}).report.refused
    assert (
        land(
            packed(**{n: pa.array([], pa.string()) for n in GOOD["openings"]}), feed="openings", name="x.parquet"
        ).report.delivered
        == 0
    )


def test_raw_text(tmp_path):
    content = packed(
        provider_code=pa.array(["B01", "B\n01", ""]),
        account_code=pa.array(["A1", 'A"2', "A,3"]),
        card_valid_from=pa.array([datetime(2020, 1, 1, 1, 2, 3), datetime(2020, 1, 1, 0, 0, 0, 5), None]),
        odd=pa.array([[1], None, [2]]),
    )
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    found = land(content, name="x.parquet", feed="openings")
    lines = ["B01,A1,2020-01-01 01:02:03,[1]", '"B\n01","A""2",2020-01-01 00:00:00.000005,', ',"A,3",,[2]']
    raw = [row["raw"] for row in found.quarantine]
    assert raw == lines
    report = read_file(
        DeliveredFile("openings", "x.parquet", path), night=NIGHT, scratch=tmp_path, part="p", max_quarantine_share=1
    )
    assert raw_lines(report, [1, 2, 3]) == lines
    assert raw_lines(report, [3]) == [lines[2]]
