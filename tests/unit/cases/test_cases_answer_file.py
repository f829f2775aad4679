"""Answer files as sent, and as spreadsheets save them again (SPEC 8.2, 10.2)."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from creditaudit import answer_sheet
from creditaudit.answer_sheet import read_sheet
from creditaudit.cases.answer_file import COLUMNS, known_columns, read_answers
from creditaudit.errors import UsageError
from creditaudit.reports.sheets import EXCEPTIONS

CASE, TOKEN = "CA-" + "0a" * 12, "RT-" + "0b" * 16
NAMES = tuple(c.name for c in COLUMNS)
TITLES = tuple(c.title_zh for c in COLUMNS)
SOUND = (CASE, TOKEN, "4", "2026-03-01", "人行", "函 7", "已删除")
LATEST = date(2027, 1, 1)
DAY = date(2026, 3, 1)


def text(header: tuple[str, ...], *rows: tuple[str, ...], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return out.getvalue()


def answers(folder: Path, content: bytes) -> list[dict[str, Any]]:
    file = folder / "answers.csv"
    file.write_bytes(content)
    sheet = read_sheet(file)
    return list(read_answers(sheet.known(), len(sheet.rows), latest=LATEST).to_pylist())


def one(folder: Path, **cells: str) -> dict[str, Any]:
    """Read a file of one sound row with some cells changed."""
    row = tuple(cells.get(name, cell) for name, cell in zip(NAMES, SOUND, strict=True))
    [found] = answers(folder, text(NAMES, row).encode())
    return found


READ = {
    **dict(zip(NAMES, SOUND, strict=True)),
    "answered_on": DAY,
    "flaws": None,
    "is_blank": False,
    "is_unanswered": False,
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("header", [NAMES, TITLES])
def test_every_way_of_saving_reads_the_same(
    tmp_path: Path, encoding: str, delimiter: str, end: str, header: tuple[str, ...]
) -> None:
    content = text(header, SOUND, delimiter=delimiter, end=end).encode(encoding)
    assert answers(tmp_path, content) == [READ]


def test_utf_16_of_the_other_byte_order(tmp_path: Path) -> None:
    content = b"\xfe\xff" + text(TITLES, SOUND, delimiter="\t").encode("utf-16-be")
    assert answers(tmp_path, content) == [READ]


def test_the_sheet_that_was_sent_with_the_answer_at_its_right(tmp_path: Path) -> None:
    """Its first two columns have the titles of the report; all other columns are passed over, whatever they hold."""
    for titles in ([c.title_zh for c in EXCEPTIONS], [c.name for c in EXCEPTIONS]):
        header = (*titles, *(NAMES[2:] if titles[0] == "case_id" else TITLES[2:]))
        row = (CASE, TOKEN, *["'=x"] * (len(EXCEPTIONS) - 2), *SOUND[2:])
        assert answers(tmp_path, text(header, row).encode("utf-8-sig")) == [READ]


def test_columns_in_any_order_with_blank_ones_between(tmp_path: Path) -> None:
    header, row = ("", *reversed(NAMES), "", "note"), ("", *reversed(SOUND), "", "x")
    assert answers(tmp_path, text(header, row).encode()) == [READ]


def test_optional_columns_may_be_missing(tmp_path: Path) -> None:
    [found] = answers(tmp_path, text(NAMES[:5], (*SOUND[:2], "1", *SOUND[3:5])).encode())
    assert found == {**READ, "outcome": "1", "evidence_ref": None, "comment": None}


def test_a_line_for_the_spreadsheet_and_empty_lines_are_no_rows(tmp_path: Path) -> None:
    content = "\r\nsep=;\r\n" + text(NAMES, SOUND, ("",) * 7, delimiter=";") + "\r\n"
    found = answers(tmp_path, content.encode("utf-8-sig"))
    assert [row["is_blank"] for row in found] == [False, True]


def test_a_spreadsheet_leaves_out_what_is_empty_at_the_end_of_a_row(tmp_path: Path) -> None:
    short = text(NAMES[:5], *[SOUND[:5]] * 3).split("\r\n", 1)[1]
    content = text(NAMES, SOUND) + short + text(SOUND[:2], (*SOUND[:6], 'a "quoted", cell'))
    found = answers(tmp_path, content.encode())
    assert [row["comment"] for row in found] == ["已删除", None, None, None, None, 'a "quoted", cell']
    assert [row["flaws"] is None for row in found] == [True, True, True, True, False, True]
    assert found[4]["is_unanswered"]


@pytest.mark.parametrize(
    "written",
    [
        *("2026-03-01", "2026/3/1", "2026-3-1", "2026/03/01", "2026.3.1", "20260301", "2026年3月1日", "2026年03月01日"),
        *("2026/3/1 0:00", "2026-03-01 00:00:00", "2026-03-01T00:00:00", "２０２６／３／１", " 2026-03-01 "),
    ],
)
def test_dates_that_can_mean_one_day_only(tmp_path: Path, written: str) -> None:
    found = one(tmp_path, answered_on=written)
    assert (found["answered_on"], found["flaws"]) == (DAY, None)


@pytest.mark.parametrize(
    ("written", "flaw"),
    [
        *((d, "unclear_date") for d in ("3/1/2026", "1.3.2026", "01-03-26", "26/3/1", "3/1/2026 0:00")),
        *((d, "day_number") for d in ("46082", "46082.0")),
        *((d, "bad_date") for d in ("2026-02-30", "2026/3-1", "2026-3-1 08:00", "1-Mar-26", "tomorrow", "2026-13-01")),
        *((d, "no_answered_on") for d in ("", "1900-01-01", "9999-12-31")),
        ("2027-01-02", "too_late"),
    ],
)
def test_dates_that_are_refused(tmp_path: Path, written: str, flaw: str) -> None:
    found = one(tmp_path, answered_on=written)
    assert found["flaws"] == flaw
    assert (found["answered_on"] is None) is (flaw != "too_late")


@pytest.mark.parametrize("written", ["4", " 4 ", "4.0", "4.00", "04", "４"])
def test_outcomes_as_a_spreadsheet_writes_them(tmp_path: Path, written: str) -> None:
    found = one(tmp_path, outcome=written)
    assert (found["outcome"], found["flaws"]) == ("4", None)


@pytest.mark.parametrize(
    ("written", "flaw"), [("", "no_outcome"), *((o, "bad_outcome") for o in ("6", "-1", "4.5", "x"))]
)
def test_outcomes_that_are_refused(tmp_path: Path, written: str, flaw: str) -> None:
    found = one(tmp_path, outcome=written)
    assert (found["outcome"], found["flaws"]) == (None, flaw)


def test_what_is_missing_is_named_and_all_of_it(tmp_path: Path) -> None:
    found = one(tmp_path, **{**dict.fromkeys(("case_id", "row_token", "answered_by"), " "), "answered_on": "3/1/2026"})
    assert found["flaws"] == "no_case_id;no_row_token;unclear_date;no_answered_by"


def test_a_row_that_nobody_filled_in_is_told_from_a_blank_one(tmp_path: Path) -> None:
    rows = [(CASE, TOKEN, *[""] * 5), ("",) * 7, SOUND]
    found = answers(tmp_path, text(NAMES, *rows).encode())
    assert [(r["is_unanswered"], r["is_blank"]) for r in found] == [(True, False), (True, True), (False, False)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'=1+1", "=1+1"),
        ("'110105194912310021", "110105194912310021"),
        ("''x", "'x"),
        ("'plain", "'plain"),
        ("'@SUM(A1)", "@SUM(A1)"),
        ("line\r\nend", "line\r\nend"),
    ],
)
def test_the_quote_mark_of_the_reports_is_taken_off(tmp_path: Path, written: str, meant: str) -> None:
    assert one(tmp_path, comment=written)["comment"] == meant


def test_a_broken_row_costs_its_own_line_only(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    broken = f'{CASE},{TOKEN},1,2026-03-01,pboc,,"never closed\r\n'
    wide = ",".join((*SOUND, "one", "more")) + "\r\n"
    file.write_bytes((text(NAMES, SOUND) + broken + text(SOUND, SOUND) + wide).encode())
    sheet = read_sheet(file)
    assert sheet.rows.to_pylist() == [1, 3, 4]
    assert {row: code for row, (code, _) in sheet.damaged.items()} == {2: "bad_quotes", 5: "wrong_cell_count"}
    assert sheet.damaged[2][1] == broken.removesuffix("\r\n")


def test_line_ends_and_delimiters_inside_quotes_are_text(tmp_path: Path) -> None:
    said = 'first; line\nsecond, "line"\n'
    assert one(tmp_path, comment=said)["comment"] == said.strip() + "\n"  # only blanks are stripped
    [found] = answers(tmp_path, text(TITLES, (*SOUND[:6], said), delimiter="\t").encode("utf-16"))
    assert found["comment"] == said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"PK\x03\x04rest", ".xlsx"),
        (b"\xd0\xcf\x11\xe0rest", ".xls"),
        (b"\xff\xfe\x00\xd8\x41\x00", "UTF-16"),
        (b"case_id,\xff\xff\n", "neither UTF-8"),
        (b"case_id\0,row_token\n", "no text has"),
        (text(NAMES[1:], SOUND[1:]).encode(), "lacks case_id"),
        (text(tuple(c.title_zh for c in EXCEPTIONS)).encode(), "lacks outcome, answered_on, answered_by"),
        (text((*NAMES, "案件编号"), (*SOUND, CASE)).encode(), "names case_id more than once"),
        (b'"case_id,row_token\n', "cannot be split"),
        ("姓名 110105194912310021".encode(), "lacks case_id"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read_sheet(file)
    assert why in refused.value.why
    assert "110105194912310021" not in str(refused.value)
    assert refused.value.where is not None
    assert refused.value.where.file == str(file)


def test_a_file_without_end_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a recipient hands in is from outside: more than anybody has to answer is not read into the memory."""
    monkeypatch.setattr(answer_sheet, "_LARGEST", 1 << 20)
    for file in (Path("/dev/zero"), tmp_path / "long.csv"):
        if not file.exists():
            file.write_bytes(b"x" * ((1 << 20) + 1))
        with pytest.raises(UsageError, match="larger than 1 MiB"):
            read_sheet(file)
    (tmp_path / "long.csv").write_bytes(b"x" * (1 << 20))
    with pytest.raises(UsageError, match="lacks"):
        read_sheet(tmp_path / "long.csv")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_sheet(tmp_path / "gone.csv")


def test_titles_are_known_in_any_width_and_case() -> None:
    assert known_columns([" Case_ID ", "ｏｕｔｃｏｍｅ", "备注", "x"]) == (
        {"case_id": 0, "outcome": 1, "comment": 2},
        (),
    )
    assert len({*NAMES, *TITLES}) == 14
    assert {c.name: c.title_zh for c in EXCEPTIONS}.items() >= dict(zip(NAMES[:2], TITLES[:2], strict=True)).items()


def test_many_rows_over_several_blocks(tmp_path: Path) -> None:
    """Blocks are cut at line ends: 20,000 rows of 300 bytes are two of them, with a cell of two lines in each row."""
    rows = [(CASE, TOKEN, str(n % 6), "2026/3/1", "pboc", f"e{n}", f"{n}\n" + "x" * 200) for n in range(20_000)]
    content = text(NAMES, *rows).encode()
    file = tmp_path / "many.csv"
    file.write_bytes(content)
    sheet = read_sheet(file)
    found = read_answers(sheet.known(), len(sheet.rows), latest=LATEST)
    assert len(content) > 4 << 20
    assert (sheet.sha256, sheet.damaged) == (hashlib.sha256(content).hexdigest(), {})
    assert sheet.rows.to_pylist() == list(range(1, 20_001))
    assert found["evidence_ref"].to_pylist() == [row[5] for row in rows]
    assert found["comment"].to_pylist() == [row[6] for row in rows]
    assert found["outcome"].to_pylist() == [row[2] for row in rows]
    assert found["flaws"].null_count == 20_000
    assert found["answered_on"].unique() == pa.array([DAY])
