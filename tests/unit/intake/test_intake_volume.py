"""Deliveries much smaller than the last ones make their feed incomplete (SPEC 3.1, min_share_of_last)."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book.files import write_parquet
from creditaudit.book.layout import FORMAT, Book
from creditaudit.book.state import DELTA_ROWS, FULL_DELIVERIES
from creditaudit.intake.control import Control
from creditaudit.intake.coverage import full_deliveries
from creditaudit.intake.landing import DeliveredFile, ReportFile
from creditaudit.intake.readmission import ReadmittedFile
from creditaudit.intake.receive import FileReport
from creditaudit.intake.volume import delta_rows, shrunken
from creditaudit.settings import FeedSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from place import Place

TONIGHT = date(2026, 11, 20)
SCOPE: dict[str, Any] = {"region_given": True, "business_given": True, "provider_given": True}


def delta(rows: int, *, feed: str = "accounts", provider: str | None = "B01") -> FileReport:
    """A delta file of which the control names the provider."""
    control = Control(provider_code=provider, provider_given=provider is not None)
    return FileReport(DeliveredFile(feed, "x.csv", Path("x")), control=control, delivered=rows)


def full(rows: int, *, feed: str = "accounts", name: str = "x.csv", **control: Any) -> FileReport:
    """A full file of provider B01 for all regions and business, unless the control says else."""
    said = Control(kind="full", **{"provider_code": "B01", **SCOPE, **control})
    return FileReport(DeliveredFile(feed, name, Path("x")), control=said, delivered=rows)


def book_of(root: Path, table: str, *nights: pa.Table) -> Book:
    """A book whose last nights, the newest last, sealed these rows of a table."""
    for back, rows in enumerate(reversed(nights), start=1):
        folder = root / "nights" / (TONIGHT - timedelta(days=back)).isoformat()
        if rows.num_rows:
            write_parquet(folder / "state" / table / "part-00001.parquet", rows.schema, [rows])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "state": "changes"}))
    return Book(root)


def after_deltas(root: Path, *rows: int, feed: str = "accounts", provider: str = "B01") -> Book:
    """A book whose last nights had these delta rows."""
    tables = []
    for back, number in zip(range(len(rows), 0, -1), rows, strict=True):
        row = {"night": TONIGHT - timedelta(days=back), "feed": feed, "provider_code": provider, "delivered": number}
        tables.append(pa.Table.from_pylist([row], schema=DELTA_ROWS.schema))
    return book_of(root, DELTA_ROWS.name, *tables)


def after_fulls(root: Path, *nights: list[FileReport]) -> Book:
    """A book whose last nights had these full files."""
    days = [TONIGHT - timedelta(days=back) for back in range(len(nights), 0, -1)]
    tables = [full_deliveries(files, day) for files, day in zip(nights, days, strict=True)]
    return book_of(root, FULL_DELIVERIES.name, *tables)


def said(book: Book, *reports: FileReport, **feeds: FeedSettings) -> dict[str, tuple[str, ...]]:
    return shrunken(book, reports, delta_rows(reports, TONIGHT), Settings(feeds=feeds), TONIGHT)


# --- deltas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "is_less"), [(50, False), (49, True), (100, False), (0, True), (5000, False)])
def test_a_delta_below_half_the_median_is_incomplete(tmp_path: Path, rows: int, is_less: bool) -> None:
    """SPEC 3.1: "default 0.5 of the median rows of that provider's last 7 nights … less makes the feed incomplete"."""
    book = after_deltas(tmp_path, 100, 90, 5000, 100, 110, 3, 100)
    found = said(book, delta(rows))
    assert list(found) == (["accounts"] if is_less else [])
    if is_less:
        (why,) = found["accounts"]
        assert why == f"incomplete: B01: {rows} rows, less than 0.5 of 100, the median of its last 7 nights"


@pytest.mark.parametrize(("rows", "is_less"), [(51, False), (50, True)])
def test_the_median_of_an_even_number_of_nights_lies_between_two(tmp_path: Path, rows: int, is_less: bool) -> None:
    assert bool(said(after_deltas(tmp_path, 50, 100, 101, 800), delta(rows))) is is_less


def test_only_the_last_seven_nights_count(tmp_path: Path) -> None:
    book = after_deltas(tmp_path, *[10_000] * 5, *[10] * 7)
    assert said(book, delta(5)) == {}
    assert said(book, delta(4))


@pytest.mark.parametrize("nights", [0, 1, 2])
def test_fewer_than_three_nights_say_nothing(tmp_path: Path, nights: int) -> None:
    """The first delivery of a provider is often all that it has; the second tells nothing of what is usual."""
    assert said(after_deltas(tmp_path / "few", *[1000] * nights), delta(1)) == {}
    assert said(after_deltas(tmp_path / "enough", *[1000] * 3), delta(1))


def test_the_files_of_one_provider_are_added(tmp_path: Path) -> None:
    book = after_deltas(tmp_path, 100, 100, 100)
    assert said(book, delta(30), delta(20)) == {}
    assert said(book, delta(30), delta(19))


def test_providers_and_feeds_do_not_speak_for_each_other(tmp_path: Path) -> None:
    book = after_deltas(tmp_path, 100, 100, 100)
    assert said(book, delta(1, provider="B02"), delta(1, feed="openings"), delta(100)) == {}


def test_without_a_control_the_rows_name_their_provider(tmp_path: Path) -> None:
    """A provider that never sends a control file is still measured, also where several share a file."""
    typed, lost = tmp_path / "typed.parquet", tmp_path / "lost.parquet"
    pq.write_table(pa.table({"provider_code": ["B01", "B02", "B01", "110101199003070011", "13800138000"]}), typed)
    dropped = pa.table(
        {
            "disposition": ["row_quarantined", "cell_dropped", "row_quarantined"],
            "provider_code": ["B01", "B02", None],
        }
    )
    pq.write_table(dropped, lost)
    report = FileReport(
        DeliveredFile("accounts", "x.csv", Path("x")), delivered=7, typed_part=typed, quarantine_part=lost
    )
    rows = {r["provider_code"]: r["delivered"] for r in delta_rows([report], TONIGHT).to_pylist()}
    assert rows == {"B01": 3, "B02": 1}
    assert said(after_deltas(tmp_path / "book", 6, 6, 6), report) == {}
    assert said(after_deltas(tmp_path / "more", 7, 7, 7), report)


def test_a_registry_without_a_named_provider_is_one(tmp_path: Path) -> None:
    """loss_reports have no provider_code: without a control the feed is its provider."""
    book = after_deltas(tmp_path, 10, 10, 10, feed="loss_reports", provider="")
    assert said(book, delta(5, feed="loss_reports", provider=None)) == {}
    assert said(book, delta(4, feed="loss_reports", provider=None)) == {
        "loss_reports": ("incomplete: 4 rows, less than 0.5 of 10, the median of its last 3 nights",)
    }


def test_what_no_provider_delivered_does_not_count() -> None:
    """Readmitted rows come from people, a credit report speaks for one person, a refused file for nobody."""
    readmitted = FileReport(ReadmittedFile("loss_reports", "inbox/1", Path("x"), (1,)), delivered=1)
    report = FileReport(ReportFile("fraud_alerts", "reports/x.xml", Path("x")), delivered=1)
    refused = FileReport(DeliveredFile("loss_reports", "x.csv", Path("x")), refused="zero bytes")
    assert delta_rows([readmitted, report, refused], TONIGHT).num_rows == 0


def test_a_full_file_is_no_usual_night_of_deltas() -> None:
    assert delta_rows([full(1000), delta(7)], TONIGHT)["delivered"].to_pylist() == [7]


# --- full files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "is_less"), [(90, False), (89, True), (100, False), (900, False), (0, True)])
def test_a_full_file_below_nine_tenths_of_the_last_one_is_incomplete(tmp_path: Path, rows: int, is_less: bool) -> None:
    """SPEC 3.1: "0.9 of the last full delivery for full files"; one earlier delivery is enough."""
    book = after_fulls(tmp_path, [full(5000)], [full(100)], [])
    found = said(book, full(rows))
    wanted = f"incomplete: B01: {rows} rows in full, less than 0.9 of the 100 of 2026-11-18"
    assert found == ({"accounts": (wanted,)} if is_less else {})


def test_full_files_of_one_scope_and_night_are_one_delivery(tmp_path: Path) -> None:
    """SPEC 8.3 says what a delivery is."""
    book = after_fulls(tmp_path, [full(60), full(40, name="y.csv")])
    assert said(book, full(45), full(45, name="y.csv")) == {}
    assert said(book, full(45), full(44, name="y.csv"))


@pytest.mark.parametrize(
    "other",
    [
        {"region_code": "11"},
        {"region_given": False},
        {"business_codes": ("11",)},
        {"business_given": False},
        {"provider_code": "B02"},
    ],
)
def test_full_files_of_another_scope_are_not_compared(tmp_path: Path, other: Mapping[str, Any]) -> None:
    book = after_fulls(tmp_path, [full(100)])
    assert said(book, full(1, **other)) == {}


def test_full_files_of_nobody_known_are_not_compared(tmp_path: Path) -> None:
    """SPEC 3.1: "A scope key that is missing proves nothing": two such files may be of two providers."""
    nobody = {"provider_code": None, "provider_given": False}
    book = after_fulls(tmp_path, [full(100, **nobody)])
    assert said(book, full(1, **nobody)) == {}


# --- settings, and a whole night -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "rows", "is_less"), [(0.07, 7, False), (0.07, 6, True), (1, 99, True), (0, 0, False)]
)
def test_the_configuration_sets_the_share_of_a_feed(tmp_path: Path, share: float, rows: int, is_less: bool) -> None:
    """SPEC 3.1: `[feeds.<name>] min_share_of_last`, for deltas and full files alike; 0 turns it off."""
    mine = FeedSettings(min_share_of_last=share)
    deltas = after_deltas(tmp_path / "deltas", 100, 100, 100)
    fulls = after_fulls(tmp_path / "fulls", [full(100)])
    assert bool(said(deltas, delta(rows), accounts=mine)) is is_less
    assert bool(said(fulls, full(rows), accounts=mine)) is is_less
    assert said(deltas, delta(49), openings=mine)


def test_a_shrunken_delivery_degrades_the_night_and_is_named(place: Place) -> None:
    """SPEC 2: exit 5, sealed; every case that rests on the feed names it in stale_inputs."""
    number = "11010519491231002X"
    account = {
        "provider_code": "B01",
        "report_date": "2026-11-01",
        "id_type": "10",
        "id_number": number,
        "account_type": "D1",
        "opened_at": "2024-03-01",
    }
    loss = {"report_no": "L1", "id_number": number, "card_valid_from": "2020-01-01", "reported_at": "2024-01-10"}
    opening = {"provider_code": "B01", "account_code": "N0R0", "card_valid_from": "2020-01-01"}
    codes = []
    for number_of_night, rows in enumerate((40, 4, 4, 4, 2, 1)):
        night = TONIGHT + timedelta(days=number_of_night)
        place.deliver(
            night, "accounts", [{**account, "account_code": f"N{number_of_night}R{row}"} for row in range(rows)]
        )
        place.deliver(night, "openings", [opening])
        place.deliver(night, "loss_reports", [loss])
        place.drop(night, "invalid_cards", b"event_id,id_number,event,effective_at\n")
        outcome = place.night(night)
        codes.append(int(outcome.exit_code(fail_on_findings=False)))
    assert codes == [0, 0, 0, 0, 0, 5]
    why = "incomplete: B01: 1 rows, less than 0.5 of 4, the median of its last 5 nights"
    assert outcome.summary["stale"] == {"accounts": [why]}
    assert why in (place.folder(night) / "night.html").read_text()
    assert {row["stale_inputs"] for row in place.rows(night, "cases")} == {"accounts"}
