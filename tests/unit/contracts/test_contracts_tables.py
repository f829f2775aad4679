"""The contract of the reference tables: shipped suites, asked before a night's work, sealed with it (SPEC 3.2, 3.4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kit import NIGHT

from creditaudit.book.layout import Book
from creditaudit.book.reference import TABLES, snapshot
from creditaudit.contracts.contract import open_contract
from creditaudit.contracts.reference_tables import compiled_tables, rows_of, spec_of
from creditaudit.contracts.suite import shipped_suites
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.contracts.asking import Outcome
    from creditaudit.engines import Engine
    from place import Place

SUITED = ("institutions", "recipients", "duties", "clocks", "remedies")
ROWS = {
    "institutions": {"provider_code": "B01", "name": "甲银行", "kind": "bank", "region_code": "44"},
    "duties": {
        "duty_id": "P1",
        "check_kind": "invalid_card_check",
        "in_force_from": "2018-04-09",
        "status": "in_force",
        "source": "a document",
    },
    "clocks": {
        "clock_id": "c",
        "starts_on": "sent",
        "days": "20",
        "day_type": "calendar",
        "kind": "house",
        "source": "x",
    },
    "recipients": {"recipient": "r", "kind": "pboc_liaison"},
    "remedies": {"remedy_id": "r", "state": "sent", "next_step": "核实", "source": "a law"},
}


def asked(engine: Engine, root: Path, table: str, *changes: dict[str, str]) -> list[Outcome]:
    """Open the contract of a book whose table has one good row for each change, changed so."""
    book = Book(root / "book")
    book.reference.mkdir(parents=True, exist_ok=True)
    lines = [",".join(TABLES[table])]
    lines += [",".join({**ROWS[table], **change}.get(name, "") for name in TABLES[table]) for change in changes]
    (book.reference / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    snapshot(book, root / "night" / "reference")
    return open_contract(engine, book, NIGHT, root / "night").tables[table][1]


def failed(outcomes: list[Outcome]) -> list[str]:
    return [outcome.check.name for outcome in outcomes if outcome.failed]


def test_every_table_has_a_suite_and_the_shipped_tables_keep_it(engine: Engine, tmp_path: Path) -> None:
    assert set(SUITED) == set(TABLES)
    book = Book(tmp_path / "book")
    snapshot(book, tmp_path / "night" / "reference")
    contract = open_contract(engine, book, NIGHT, tmp_path / "night")
    assert [table for table in contract.tables if table in SUITED] == [table for table in TABLES if table in SUITED]
    for table, (compiled, outcomes) in contract.tables.items():
        assert failed(outcomes) == []
        copied = tmp_path / "night" / "reference" / "contracts" / table / "v1.json"
        assert copied.read_bytes() == compiled.suite.data


@pytest.mark.parametrize("table", SUITED)
def test_good_rows_keep_the_contract(engine: Engine, tmp_path: Path, table: str) -> None:
    assert failed(asked(engine, tmp_path, table, {})) == []


@pytest.mark.parametrize(
    ("table", "changes", "name"),
    [
        ("institutions", [{"kind": ""}], "expect_column_values_to_not_be_null(kind)"),
        ("institutions", [{"region_code": "广东"}], "expect_column_values_to_match_regex(region_code)"),
        (
            "institutions",
            [{"valid_from": "2020-01-02", "valid_to": "2020-01-01"}],
            "expect_column_pair_values_a_to_be_greater_than_b(valid_to, valid_from)",
        ),
        ("institutions", [{}, {}], "expect_compound_columns_to_be_unique(provider_code, valid_from)"),
        ("duties", [{"source": ""}], "expect_column_values_to_not_be_null(source)"),
        ("duties", [{"channel": "window"}], "expect_column_values_to_be_in_set(channel)"),
        ("duties", [{"account_type": "loan"}], "expect_column_values_to_be_in_set(account_type)"),
        ("duties", [{"in_force_from": ""}], "expect_column_values_to_not_be_null(in_force_from)"),
        (
            "duties",
            [{"documented_to": "2018-04-08"}],
            "expect_column_pair_values_a_to_be_greater_than_b(documented_to, in_force_from)",
        ),
        ("clocks", [{"starts_on": "someday"}], "expect_column_values_to_be_in_set(starts_on)"),
        ("clocks", [{"source": ""}], "expect_column_values_to_not_be_null(source)"),
        ("remedies", [{"source": ""}], "expect_column_values_to_not_be_null(source)"),
        ("recipients", [{"region_prefix": "GD"}], "expect_column_values_to_match_regex(region_prefix)"),
    ],
)
def test_a_doubt_about_a_table_is_a_warning(
    engine: Engine, tmp_path: Path, table: str, changes: list[dict[str, str]], name: str
) -> None:
    assert failed(asked(engine, tmp_path, table, *changes)) == [name]


@pytest.mark.parametrize(
    ("table", "changes", "why"),
    [
        ("clocks", [{}, {}], "not met by 2 of 2 rows, first reference/clocks.csv row 1"),
        ("clocks", [{}, {"clock_id": "d", "day_type": "weekday"}], "first reference/clocks.csv row 2"),
        ("clocks", [{"kind": ""}], "kind"),
        ("clocks", [{"starts_on": ""}], "starts_on"),
        ("remedies", [{}, {}], "not met by 2 of 2 rows, first reference/remedies.csv row 1"),
        ("remedies", [{}, {"remedy_id": "s", "next_step": ""}], "first reference/remedies.csv row 2"),
        ("remedies", [{"state": ""}], "state"),
    ],
)
def test_a_table_that_cannot_be_meant_refuses_the_night_with_its_row(
    engine: Engine, tmp_path: Path, table: str, changes: list[dict[str, str]], why: str
) -> None:
    """SPEC 2: exit 2; people edit these tables, so a failed promise is theirs to mend and no internal error."""
    with pytest.raises(UsageError) as refused:
        asked(engine, tmp_path, table, *changes)
    assert why in str(refused.value)
    assert f"reference/{table}.csv" in str(refused.value)


def test_rows_are_named_by_their_number(tmp_path: Path) -> None:
    book = Book(tmp_path)
    snapshot(book, tmp_path / "copy")
    rows = rows_of(tmp_path / "copy", "duties", NIGHT)
    assert rows.schema == spec_of("duties").schema
    assert rows["row"].to_pylist() == list(range(1, rows.num_rows + 1))
    assert set(rows["file"].to_pylist()) == {"reference/duties.csv"}


def own_suite(book: Book, table: str, **ours: Any) -> None:
    """Put a suite of a table into the book: a file, no Python."""
    shipped = json.loads((shipped_suites() / table / "v1.json").read_bytes())
    shipped["meta"]["creditaudit"] |= ours
    kwargs = {"column": "region_code", "regex": "^44"}
    shipped["expectations"].append(
        {"type": "expect_column_values_to_match_regex", "kwargs": kwargs, "severity": "warning", "notes": "ours alone"}
    )
    path = book.reference / "contracts" / table / "v1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(shipped), encoding="utf-8")


def test_a_table_has_no_history(tmp_path: Path) -> None:
    book = Book(tmp_path)
    own_suite(book, "institutions", history={})
    with pytest.raises(UsageError, match="history"):
        compiled_tables(book, NIGHT)


def test_a_night_seals_what_the_tables_said_and_tells_the_warnings(place: Place) -> None:
    """SPEC 3.4: tier 3 warns; the results are sealed with the night, and the pages show them."""
    number = "11010519491231002X"
    account = {"provider_code": "B01", "account_code": "A1", "report_date": "2026-11-19", "id_type": "10"}
    place.deliver(
        NIGHT, "accounts", [{**account, "id_number": number, "account_type": "D1", "opened_at": "2024-03-01"}]
    )
    place.deliver(NIGHT, "loss_reports", [{"report_no": "L1", "id_number": number, "reported_at": "2024-01-10"}])
    place.drop(NIGHT, "invalid_cards", b"event_id,id_number,event,effective_at\n")
    own_suite(Book(place.book), "institutions")
    header = ",".join(TABLES["institutions"])
    (place.book / "reference" / "institutions.csv").write_text(f"{header}\nB01,n,bank,44,,,\nB02,n,bank,11,,,\n")
    outcome = place.night(NIGHT)
    said = "institutions: expect_column_values_to_match_regex(region_code) is not met by 1 of 2 rows"
    assert any(w == f"{said}, first reference/institutions.csv row 2" for w in outcome.summary["warnings"])
    result = json.loads((place.folder(NIGHT) / "contracts" / "institutions.json").read_text())
    assert (result["success"], result["statistics"]["unsuccessful_expectations"]) == (False, 1)
    assert result["meta"]["batch_spec"]["path"] == "reference/institutions.csv"
    assert json.loads((place.folder(NIGHT) / "contracts" / "duties.json").read_text())["success"]
    sealed = {f["path"] for f in json.loads((place.folder(NIGHT) / "manifest.json").read_text())["files"]}
    assert {f"contracts/{table}.json" for table in SUITED} <= sealed
