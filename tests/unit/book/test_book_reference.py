"""Reference tables: read as delivered cells are, or refused with file, line and column (SPEC 3.1, 3.2, 4, 12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.layout import Book
from creditaudit.book.reference import OPTIONAL_COLUMNS, TABLES, read, shipped, snapshot, write_shipped
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "provider_code,name,kind,region_code,parent_code,valid_from,valid_to"


def institutions(folder: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8", end: str = "\n") -> Path:
    (folder / "institutions.csv").write_bytes((end.join([header, *lines]) + end).encode(encoding))
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_the_shipped_tables_are_read_and_invent_nothing(tmp_path: Path, table: str) -> None:
    (tmp_path / f"{table}.csv").write_bytes(shipped(table))
    found = read(tmp_path, table)
    assert tuple(found.column_names) == (*TABLES[table], *OPTIONAL_COLUMNS.get(table, ()), "row")
    if "source" in found.column_names:
        assert found["source"].null_count == 0


def test_the_shipped_clocks_are_those_of_the_specification(tmp_path: Path) -> None:
    (tmp_path / "clocks.csv").write_bytes(shipped("clocks"))
    found = {r["clock_id"]: (r["kind"], r["days"], r["day_type"]) for r in read(tmp_path, "clocks").to_pylist()}
    assert found == {
        "objection_answer": ("legal", "20", "calendar"),
        "house_answer": ("house", "20", "calendar"),
        "house_correction": ("house", "20", "calendar"),
    }


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("gb18030", "\n")])
def test_text_dates_and_file_order(tmp_path: Path, encoding: str, end: str) -> None:
    folder = institutions(
        tmp_path,
        "B02,\u3000机构 二\u00a0,bank, 44 ,,2020-02-29,20301231",
        "",
        "B01,,bank,,B02,,",
        encoding=encoding,
        end=end,
    )
    first, second = read(folder, "institutions").to_pylist()
    assert (first["provider_code"], first["name"], first["region_code"], first["row"]) == ("B02", "机构 二", "44", 1)
    assert (first["valid_from"], first["valid_to"]) == (date(2020, 2, 29), date(2030, 12, 31))
    assert (second["name"], second["parent_code"], second["valid_from"], second["row"]) == (None, "B02", None, 2)


@pytest.mark.parametrize("text", ["1900-01-01", "19000101", "9999-12-31", "99991231", "0000-00-00", "00000000", "长期"])
def test_sentinel_dates_are_missing_in_every_spelling(tmp_path: Path, text: str) -> None:
    institutions(tmp_path, f"B01,长期,bank,,,2020-01-01,{text}")
    [row] = read(tmp_path, "institutions").to_pylist()
    assert (row["valid_to"], row["name"]) == (None, "长期")


@pytest.mark.parametrize(
    "text",
    ["2021-02-29", "2020-W05-1", "2020W051", "2020-0101", "202001-01", "2020/01/01", "20-01-01", "2020-1-1", "永久"],
)
def test_a_date_of_any_other_form_is_refused(tmp_path: Path, text: str) -> None:
    institutions(tmp_path, "B01,a,bank,,,,", f"B02,a,bank,,,{text},")
    with pytest.raises(UsageError) as refused:
        read(tmp_path, "institutions")
    assert "reference/institutions.csv, line 3, column valid_from" in str(refused.value)


def test_columns_in_any_order_and_others_beside(tmp_path: Path) -> None:
    institutions(
        tmp_path,
        "x,2020-01-01,B01,n,k,r,p,,y",
        header="source, valid_from ," + HEADER.replace(",valid_from", "") + ",z",
    )
    found = read(tmp_path, "institutions")
    assert found.column_names == [*TABLES["institutions"], "row"]
    assert found["valid_from"].to_pylist() == [date(2020, 1, 1)]
    assert found["region_code"].to_pylist() == ["r"]


@pytest.mark.parametrize(
    ("header", "lines", "where"),
    [
        (HEADER.replace(",kind", ""), [], "line 1, column kind"),
        (HEADER.replace("kind", "Kind"), [], "line 1, column kind"),
        (HEADER + ",name", [], "line 1"),
        (HEADER, ["B01,a,bank,,,"], "line 2"),
        (HEADER, ["B01,a,bank,,,,", "B01,a,bank,,,,,"], "line 3"),
    ],
    ids=["missing", "case", "twice", "short", "long"],
)
def test_a_table_of_another_shape_is_refused(tmp_path: Path, header: str, lines: list[str], where: str) -> None:
    institutions(tmp_path, *lines, header=header)
    with pytest.raises(UsageError) as refused:
        read(tmp_path, "institutions")
    assert f"reference/institutions.csv, {where}" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff"], ids=["empty", "no_encoding"])
def test_bytes_that_are_no_table_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "institutions.csv").write_bytes(content)
    with pytest.raises(UsageError, match="institutions"):
        read(tmp_path, "institutions")


def test_shipped_tables_are_written_once_and_never_over_another(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.reference.mkdir()
    (book.reference / "institutions.csv").write_bytes(b"own")
    assert sorted(write_shipped(book)) == sorted(set(TABLES) - {"institutions"})
    assert (book.reference / "institutions.csv").read_bytes() == b"own"
    assert write_shipped(book) == []


def test_a_night_copies_the_tables_and_takes_the_shipped_one_where_the_book_has_none(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    book.reference.mkdir(parents=True)
    institutions(book.reference, "B01,a,bank,,,,")
    snapshot(book, tmp_path / "copy")
    assert sorted(p.stem for p in (tmp_path / "copy").iterdir()) == sorted(TABLES)
    assert read(tmp_path / "copy", "institutions")["provider_code"].to_pylist() == ["B01"]
    assert (tmp_path / "copy" / "clocks.csv").read_bytes() == shipped("clocks")


# --- duties --------------------------------------------------------------------------------------------------------

DUTIES = ",".join(TABLES["duties"])
SOUND = {
    "duty_id": "A",
    "check_kind": "invalid_card_check",
    "in_force_from": "2020-01-01",
    "in_force_to": "2020-01-01",
    "status": "in_force",
}


def duties(folder: Path, *rows: dict[str, str]) -> Path:
    lines = [",".join(row.get(name, "") for name in TABLES["duties"]) for row in rows]
    (folder / "duties.csv").write_text("\n".join([DUTIES, *lines]) + "\n", encoding="utf-8")
    return folder


def test_a_table_of_duties_is_read_with_its_open_ends(tmp_path: Path) -> None:
    """SPEC 7.2: empty cells; a sentinel is an open end, and of one day is not before itself."""
    open_end = {**SOUND, "duty_id": "B", "in_force_to": "1900-01-01", "region_code": "44", "provider_code": "*"}
    found = read(duties(tmp_path, SOUND, open_end, {**SOUND, "duty_id": "C", "region_code": "*"}), "duties").to_pylist()
    assert [row["in_force_to"] for row in found] == [date(2020, 1, 1), None, date(2020, 1, 1)]
    assert (found[1]["region_code"], found[1]["provider_code"], found[0]["source"]) == ("44", "*", None)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"duty_id": ""}, "duty_id"),
        ({"duty_id": "A"}, "duty_id"),
        ({"check_kind": ""}, "check_kind"),
        ({"check_kind": "*"}, "check_kind"),
        ({"check_kind": "card_check"}, "check_kind"),
        ({"status": ""}, "status"),
        ({"status": "unknown"}, "status"),
        ({"status": "IN_FORCE"}, "status"),
        ({"region_code": "44x"}, "region_code"),
        ({"region_code": "４４"}, "region_code"),
        ({"region_code": "44*"}, "region_code"),
        ({"in_force_to": "2019-12-31"}, "in_force_to"),
        ({"in_force_from": "2020-13-01"}, "in_force_from"),
        ({"documented_to": "soon"}, "documented_to"),
    ],
)
def test_a_duty_that_cannot_be_is_refused_with_line_and_column(
    tmp_path: Path, cells: dict[str, str], column: str
) -> None:
    """SPEC 7.2, 9: exit 2, before the night begins."""
    duties(tmp_path, SOUND, {**SOUND, "duty_id": "B", **cells}, {**SOUND, "duty_id": "C", "status": "never"})
    with pytest.raises(UsageError) as refused:
        read(tmp_path, "duties")
    assert f"reference/duties.csv, line 3, column {column}" in str(refused.value)
    assert refused.value.exit_code == 2
