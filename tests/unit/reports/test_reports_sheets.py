"""CSV files that a spreadsheet neither runs nor mangles (SPEC 10.1, 10.2)."""

from __future__ import annotations

import csv
import io
import json
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditaudit.reports.sheets import EXCEPTIONS, RETRACTIONS, SheetColumn, csvw, guarded, sheet
from creditaudit.reports.side_sheets import SUGGESTIONS, UNJUDGED

COLUMNS = (SheetColumn("a", "甲"), SheetColumn("b", "乙", "date"))
TITLES = (
    "case_id 案件编号, row_token 行令牌, change 变化, provider_code 机构代码, account_code 账户标识, "
    "id_masked 证件号码(脱敏), account_type 账户类型, opened 开户时间, tier 规则, verdict 判断, "
    "notice_source 通知来源, reported 挂失时间, fault 责任初判, due_on 期限, due_kind 期限性质, reasons 理由, "
    "next_step 下一步, ask_for 需调取材料, blind_spots 未能核查, lead_note 声明"
)


def guard(*cells: str | None) -> list[str | None]:
    return guarded(pa.chunked_array([pa.array(cells, pa.string())])).to_pylist()


def table(*rows: tuple[str | None, str | None]) -> pa.Table:
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])
    return pa.Table.from_pylist([{"a": a, "b": b} for a, b in rows], schema=schema)


def test_the_columns_are_those_of_the_page() -> None:
    assert [f"{c.name} {c.title_zh}" for c in EXCEPTIONS] == TITLES.split(", ")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "=", "-", "=a\nb", "1" * 16, "0" * 19, "'", "'x"]
)
def test_a_cell_that_a_spreadsheet_would_run_or_mangle_is_guarded(cell: str) -> None:
    assert guard(cell) == [f"'{cell}"]


@pytest.mark.parametrize(
    "cell", [None, "", "x", " =1", "a=b", "1" * 15, "1" * 16 + "x", "x" + "1" * 16, "a'b", "１" * 16, "\n="]
)
def test_any_other_cell_is_left_alone(cell: str | None) -> None:
    assert guard(cell) == [cell]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_taking_the_mark_off_gives_the_text_back(cells: list[str]) -> None:
    """Docs, decisions: a cell that begins with the mark is guarded too, so a leading mark is always ours."""
    found = guard(*cells)
    assert [cell.removeprefix("'") if cell else cell for cell in found] == cells


@given(st.lists(st.tuples(*[st.none() | st.text(st.characters(exclude_categories=["Cs"]))] * 2), max_size=8))
def test_a_sheet_reads_back(rows: list[tuple[str | None, str | None]]) -> None:
    content = sheet(table(*rows), COLUMNS, encoding="utf-8-sig", language="en")
    header, *read = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header == ["a", "b"]
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [[a or "", b or ""] for a, b in rows]


SPICY = st.lists(st.sampled_from([*" ,\"'\r\n\t=+-@0a账\x00\ufeff", "1" * 16]), max_size=6).map("".join)


@given(st.lists(st.tuples(*[st.none() | SPICY] * 2), max_size=8), st.sampled_from(["utf-8-sig", "gb18030"]))
def test_the_bytes_are_those_of_pythons_writer(rows: list[tuple[str | None, str | None]], encoding: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["甲", "乙"])
    writer.writerows(zip(*(guard(*(row[place] for row in rows)) for place in range(2)), strict=True))
    assert sheet(table(*rows), COLUMNS, encoding=encoding, language="zh") == out.getvalue().encode(encoding)


def test_a_sheet_of_many_batches_is_whole() -> None:
    many = 2 * 65_536 + 3
    rows = pa.table({"a": [f"{n}" for n in range(many)], "b": pa.nulls(many, pa.string())})
    lines = sheet(rows, COLUMNS, encoding="gb18030", language="en").decode("gb18030").split("\r\n")
    assert lines == ["a,b", *(f"{n}," for n in range(many)), ""]


def test_lines_end_as_spreadsheets_expect_and_the_language_is_chosen() -> None:
    rows = table(("字,", None), ('"', "x"))
    assert sheet(rows, COLUMNS, encoding="utf-8-sig", language="zh") == (
        b"\xef\xbb\xbf" + '甲,乙\r\n"字,",\r\n"""",x\r\n'.encode()
    )
    assert sheet(rows, COLUMNS, encoding="gb18030", language="zh") == '甲,乙\r\n"字,",\r\n"""",x\r\n'.encode("gb18030")
    assert sheet(table(), COLUMNS, encoding="utf-8-sig", language="en").decode("utf-8-sig") == "a,b\r\n"


def test_gb18030_holds_every_letter() -> None:
    letters = "𠀀￥é\u00a0\U0010ffff"
    content = sheet(table((letters, None)), COLUMNS, encoding="gb18030", language="en")
    assert content.decode("gb18030") == f"a,b\r\n{letters},\r\n"


# --- metadata ------------------------------------------------------------------------------------------------------

SHEETS = {
    "exceptions.csv": EXCEPTIONS,
    "retractions.csv": RETRACTIONS,
    "unjudged.csv": UNJUDGED,
    "suggestions.csv": SUGGESTIONS,
}
# W3C, Metadata Vocabulary for Tabular Data: what a table, its dialect and a column may say, and the names of columns.
TABLE = {"@context", "url", "dialect", "tableSchema"}
DIALECT = {"encoding", "header", "lineTerminators"}
COLUMN = {"name", "titles", "datatype"}
DATATYPES = {"string", "date", "integer"}


def test_retractions_have_the_columns_of_the_page() -> None:
    assert [c.name for c in RETRACTIONS] == [
        *("case_id", "row_token", "change", "provider_code", "account_code", "state", "reason")
    ]
    assert RETRACTIONS[:5] == EXCEPTIONS[:5]


@pytest.mark.parametrize(("encoding", "named"), [("utf-8-sig", "utf-8"), ("gb18030", "gb18030")])
def test_the_metadata_gives_english_names_titles_and_types(encoding: str, named: str) -> None:
    content = json.loads(csvw("x.csv", COLUMNS, encoding=encoding, language="zh"))
    assert (content["@context"], content["url"]) == ("http://www.w3.org/ns/csvw", "x.csv")
    assert content["dialect"] == {"encoding": named, "header": True, "lineTerminators": ["\r\n"]}
    assert content["tableSchema"]["columns"] == [
        {"name": "a", "titles": {"zh": "甲", "en": "a"}, "datatype": "string"},
        {"name": "b", "titles": {"zh": "乙", "en": "b"}, "datatype": "date"},
    ]
    english = json.loads(csvw("x.csv", COLUMNS, encoding=encoding, language="en"))
    assert english["tableSchema"]["columns"][0]["titles"] == {"en": "a"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", SHEETS)
def test_the_metadata_of_every_sheet_is_csvw(name: str, language: str) -> None:
    columns = SHEETS[name]
    content = json.loads(csvw(name, columns, encoding="gb18030", language=language))
    assert set(content) == TABLE
    assert (content["@context"], content["url"]) == ("http://www.w3.org/ns/csvw", name)
    assert set(content["dialect"]) == DIALECT
    assert content["dialect"] == {"encoding": "gb18030", "header": True, "lineTerminators": ["\r\n"]}
    found = content["tableSchema"]["columns"]
    assert [c["name"] for c in found] == [c.name for c in columns]
    for column, ours in zip(found, columns, strict=True):
        assert set(column) == COLUMN
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", column["name"])  # no URI escape, and no leading underscore
        assert column["datatype"] in DATATYPES
        assert column["titles"] == ({"zh": ours.title_zh, "en": ours.name} if language == "zh" else {"en": ours.name})
    header = sheet(
        pa.table({c.name: pa.array([], pa.string()) for c in columns}), columns, encoding="gb18030", language=language
    )
    assert header.decode("gb18030") == ",".join(c["titles"][language] for c in found) + "\r\n"
    for key in ("name", "titles"):
        said = [json.dumps(c[key]) for c in found]
        assert len(set(said)) == len(said)
