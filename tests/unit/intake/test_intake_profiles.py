"""Source profiles: what the configuration may say, and how files are read by it."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest
from landed import NIGHT, Outcome, csv_text, land

from creditaudit.errors import InternalError, UsageError
from creditaudit.intake import csv_source
from creditaudit.intake.landing import survey
from creditaudit.intake.profile import Profile, profiles_of
from creditaudit.intake.split import Split, split
from creditaudit.source_settings import SourceSettings

HEAD = ("provider_code", "account_code", "card_issuer")


def profile(feed: str = "openings", **said: object) -> Profile:
    return Profile("p", SourceSettings.model_validate({"feed": feed, "files": "*", **said}))


def openings(content: bytes | str, **said: object) -> Outcome:
    return land(content, feed="openings", profile=profile(**said))


def issuers(found: Outcome) -> list[str | None]:
    assert found.report.refused is None
    return [row["card_issuer"] for row in found.typed]


@pytest.mark.parametrize(
    "delimiter", ["|", "!", "\t", ";", "\x1b", "\x1d", "\x01", "\x00", "|!", "|@|", "||", "，", "¦", "\x1b\x1b"]
)
@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters(delimiter, quote, end):
    rows = [HEAD, ("B01", "A1", "甲,乙"), ("B01", "A2", ""), ("B01", "A3", "x")]
    text = end.join(delimiter.join(row) for row in rows) + end
    assert issuers(openings(text, delimiter=delimiter, quote=quote)) == ["甲,乙", None, "x"]


@pytest.mark.parametrize("delimiter", ["|", "|!", "|@|", "||"])
def test_quoted_cells_hold_delimiters(delimiter):
    rows = [
        HEAD,
        ("B01", "A1", f'"a{delimiter}{delimiter}b"'),
        ("B01", "A2", '"|""|"'),
        ("B01", "A3", "a|"),
        ("B01", "A4", 'b"'),
    ]
    text = "\n".join(delimiter.join(row) for row in rows)
    found = openings(text.replace("a|\n", "a\n"), delimiter=delimiter)
    assert issuers(found) == [f"a{delimiter}{delimiter}b", '|"|', "a"]
    assert found.reasons == {4: "quote_in_unquoted"}


def test_a_delimiter_that_overlaps_itself_is_found_from_the_left():
    assert issuers(openings("provider_code||account_code||card_issuer\nB01||A1|||x\n", delimiter="||")) == ["|x"]


def test_every_control_character_in_a_cell_is_kept():
    letters = "".join(map(chr, (*range(1, 9), *range(14, 32), 127)))
    text = f"provider_code|@|account_code|@|card_issuer\nB01|@|A1|@|x{letters}\ry\n"
    assert issuers(openings(text, delimiter="|@|")) == [f"x{letters}\ry"]


def test_a_cr_in_a_block_without_the_delimiter_is_no_delimiter():
    constants = {"provider_code": "B01"}
    found = openings("A\r1\n", delimiter="\x01", columns=["account_code"], constants=constants)
    assert [row["account_code"] for row in found.typed] == ["A\r1"]
    found = openings("A\r1\n", delimiter="\x01", columns=["account_code", "card_issuer"], constants=constants)
    assert found.reasons == {1: "wrong_cell_count"}


def test_a_file_of_constants_alone_is_refused():
    said = {"columns": ["x"], "constants": {"provider_code": "B01", "account_code": "A1"}}
    assert "no column of the feed" in openings("1\n", **said).report.refused


def test_without_quotes_a_quote_is_a_letter():
    text = 'provider_code,account_code,card_issuer\nB01,A1,"x"\nB01,A2,a"b\n'
    assert issuers(openings(text, quote="")) == ['"x"', 'a"b']


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block_bytes", [1, 30, 1 << 20])
def test_multiline_records(end, block_bytes):
    rows = ["provider_code,account_code,card_issuer", f'B01,A1,"a{end}{end}b"', "", f'B01,A2,"""{end}"', "B01,A3,x"]
    found = land(end.join(rows) + end, feed="openings", profile=profile(multiline=True), block_bytes=block_bytes)
    assert issuers(found) == [f"a{end}{end}b", f'"{end}', "x"]
    assert [row["line"] for row in found.typed] == [2, 6, 8]


@pytest.mark.parametrize("block_bytes", [1, 30, 1 << 20])
def test_a_broken_record_costs_its_first_line(block_bytes):
    rows = [
        "provider_code,account_code,card_issuer",
        'B01,A1,"open',  # 1: never closed properly, since the next quote is followed by text
        'B01,A2,"whole"',
        'B01,A3,"two',
        'lines"',
        'B01,A4,"three',  # 4: the quote of the next row closes it, and text follows
        'B01,"A5,x',
        "B01,A6,y",
        'B01,A7,"never closed',
        "B01,A8,z",
    ]
    found = land("\n".join(rows), feed="openings", profile=profile(multiline=True), block_bytes=block_bytes)
    assert [(row["account_code"], row["card_issuer"]) for row in found.typed] == [
        ("A2", "whole"),
        ("A3", "two\nlines"),
        ("A6", "y"),
        ("A8", "z"),
    ]
    assert [(row["line"], row["raw"], row["reasons"]) for row in found.quarantine] == [
        (2, rows[1], "unclosed_quote"),
        (6, rows[5], "unclosed_quote"),
        (7, rows[6], "unclosed_quote"),
        (9, rows[8], "unclosed_quote"),
    ]


def test_a_record_of_wrong_width_is_quarantined_whole():
    found = openings('provider_code,account_code,card_issuer\nB01,"A\n1",x,y\nB01,A2,z\n', multiline=True)
    assert [row["raw"] for row in found.quarantine] == ['B01,"A\n1",x,y']
    assert found.reasons == {1: "wrong_cell_count"}
    assert issuers(found) == ["z"]


def test_a_record_without_end_costs_its_line_and_no_memory(monkeypatch):
    monkeypatch.setattr("creditaudit.intake.blocklines.MAX_RECORD_BYTES", 200)
    rows = ["provider_code,account_code,card_issuer", 'B01,A0,"x', *[f"B01,A{n},y" for n in range(1, 100)], 'B01,B,z"']
    for block_bytes in (10, 1000, 1 << 20):
        found = land("\n".join(rows), feed="openings", profile=profile(multiline=True), block_bytes=block_bytes)
        assert found.reasons == {1: "unclosed_quote", 101: "quote_in_unquoted"}
        assert found.report.typed == 99


@pytest.mark.parametrize("unit", ["characters", "bytes"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "gbk"])
def test_fixed_widths(unit, encoding):
    def cell(text: str, width: int) -> str:
        size = len(text) if unit == "characters" else len(text.encode(encoding))
        return text + " " * (width - size)

    issuer = "北京市" if encoding == "gbk" else "北京𠮷"
    rows = [("B01", "A1", issuer), ("B01", "A2", ""), ("B01", "A3", "é" if encoding == "utf-8" else "x")]
    text = "\n".join(cell(a, 5) + cell(b, 4) + cell(c, 20) for a, b, c in rows)
    said = {"columns": HEAD, "widths": [5, 4, 20], "width_unit": unit, "encoding": encoding}
    found = openings((text + "\nB01  A4\n").encode(encoding), **said)
    assert issuers(found) == [issuer, None, rows[2][2]]
    assert found.reasons == {4: "wrong_cell_count"}


def test_a_border_inside_a_character_is_no_border():
    said = {"columns": HEAD, "widths": [3, 3, 3], "width_unit": "bytes", "encoding": "gb18030"}
    found = openings("B01A1中x \nB01A1 中x\n".encode("gb18030"), **said)
    assert found.reasons == {1: "wrong_cell_count"}
    assert issuers(found) == ["中x"]


def test_fixed_widths_with_a_header():
    found = openings("provider_codeaccount_code \nB01          A1           \n", widths=[13, 13])
    assert [row["account_code"] for row in found.typed] == ["A1"]
    assert "header cannot be split" in openings("provider_code account_code \n", widths=[13, 13]).report.refused


def test_renames_constants_and_a_column_list():
    found = openings(
        "1;甲;x\n2;乙;x\n",
        delimiter=";",
        columns=["ACCT", "ISS", "?"],
        renames={"ACCT": "account_code", "ISS": "card_issuer"},
        constants={"provider_code": "B01"},
    )
    assert [(r["row"], r["line"], r["provider_code"], r["account_code"], r["card_issuer"]) for r in found.typed] == [
        (1, 1, "B01", "1", "甲"),
        (2, 2, "B01", "2", "乙"),
    ]
    assert found.report.unknown_columns == ("?",)


def test_a_constant_for_a_column_that_is_there_refuses_the_file():
    assert (
        "constant"
        in openings("provider_code,account_code\nB01,A1\n", constants={"provider_code": "B02"}).report.refused
    )


RESULTS = ("00", "01", "07", "")
CHECKS = "provider_code,check_id,checked_at,result\n" + "".join(
    f"B01,C{number},2020-01-01,{result}\n" for number, result in enumerate(RESULTS, start=1)
)


@pytest.mark.parametrize(("photo", "none"), [("00", "01"), ("01", "00")])
def test_code_maps_are_the_banks_own(photo, none):
    said = {
        "constants": {"check_kind": "network_check"},
        "codes": {"result": {photo: "match_photo", none: "match_no_photo"}},
    }
    found = land(CHECKS, feed="verifications", profile=profile("verifications", **said))
    assert {r["check_id"]: r["result"] for r in found.typed} == {
        "C1": "match_photo" if photo == "00" else "match_no_photo",
        "C2": "match_photo" if photo == "01" else "match_no_photo",
    }
    assert found.reasons == {3: "bad_code:result", 4: "required_empty:result"}


def test_there_is_no_default_code_map():
    said = {"constants": {"check_kind": "network_check"}}
    found = land(CHECKS, feed="verifications", profile=profile("verifications", **said))
    assert found.report.typed == 0
    mapped = {"constants": {"check_kind": "network_check"}, "codes": {"result": {"x": "match_photo"}}}
    text = CHECKS.replace(",00", ",match_photo")
    assert land(text, feed="verifications", profile=profile("verifications", **mapped)).report.typed == 0


@pytest.mark.parametrize(
    ("formats", "cell", "day"),
    [
        ("YYYY.MM.DD", "2020.02.29", dt.date(2020, 2, 29)),
        ("DD/MM/YYYY", "03/04/2020", dt.date(2020, 4, 3)),
        ("MM/DD/YYYY", "03/04/2020", dt.date(2020, 3, 4)),
        ("YYYY年M月D日", "2020年3月4日", dt.date(2020, 3, 4)),
        ("YYYY/M/D", "2020/12/31", dt.date(2020, 12, 31)),
        ("YYYY.MM.DD", "2020-02-29", "bad_type"),
        ("YYYY.MM.DD", "2020.2.29", "bad_type"),
        ("YYYY.MM.DD", "2020.02.30", "bad_type"),
        ("YYYY.MM.DD", "2020.02.29 ", dt.date(2020, 2, 29)),
        ("YYYY.MM.DD", "２０２０.02.29", "bad_type"),
        ("YYYY.MM.DD", "1900.01.01", None),
        ("DD/MM/YYYY", "00/00/0000", None),
        ("DD/MM/YYYY", "31/12/9999", None),
        ("YYYY.MM.DD", "长期", None),
        ("YYYY.MM.DD", "19000101", None),
        (["YYYY.MM.DD", "YYYYMMDD"], "20200229", dt.date(2020, 2, 29)),
    ],
)
@pytest.mark.parametrize("key", ["*", "closed_on"])
def test_date_formats(formats, cell, day, key):
    found = land(
        csv_text("accounts", {"closed_on": cell, "opened_at": "", "report_date": ""}),
        profile=profile("accounts", dates={key: formats}),
    )
    said = {**found.dropped, **found.reasons}[1].split(";")
    if day == "bad_type":
        # The row is lost for its empty required cells; a date that is none is only dropped.
        assert not found.typed
    else:
        assert "bad_type:closed_on" not in said
    good = land(csv_text("accounts", {"closed_on": cell}), profile=profile("accounts", dates={"closed_on": formats}))
    if day == "bad_type":
        assert good.dropped == {1: "bad_type:closed_on"}
    elif isinstance(day, dt.date) and day < dt.date(2020, 2, 29):
        assert good.dropped == {1: "impossible_date:closed_on"}
    else:
        assert (good.typed[0]["closed_on"], good.dropped) == (day, {})


@pytest.mark.parametrize(
    ("fmt", "cell", "first", "last"),
    [
        ("YYYY.MM.DD HH:MM:SS", "2020.02.29 01:02:03", "01:02:03", "01:02:03"),
        ("YYYY.MM.DD HH:MM", "2020.02.29 01:02", "01:02:00", "01:02:59"),
        ("YYYYMMDDHHMMSS", "20200229010203", "01:02:03", "01:02:03"),
        ("DD/MM/YYYY H:MM", "29/02/2020 1:02", "01:02:00", "01:02:59"),
        ("DD/MM/YYYY", "29/02/2020", "00:00:00", "23:59:59"),
    ],
)
def test_instant_formats(fmt, cell, first, last):
    found = land(csv_text("accounts", {"opened_at": cell}), profile=profile("accounts", dates={"opened_at": fmt}))
    row = found.typed[0]
    assert (str(row["opened_from"]), str(row["opened_to"])) == (f"2020-02-29 {first}", f"2020-02-29 {last}")


def test_a_required_date_of_another_form_is_bad_and_not_empty():
    found = land(csv_text("accounts", {}), profile=profile("accounts", dates={"opened_at": "YYYY.MM.DD"}))
    assert found.reasons == {1: "bad_type:opened_at"}


def test_sentinels_are_of_a_column_or_of_all():
    text = csv_text(
        "accounts", {"closed_on": "-", "name": "NULL", "amount": "NULL"}, {"closed_on": "NULL", "id_type": "NULL"}
    )
    found = land(text, profile=profile("accounts", sentinels={"*": "NULL", "closed_on": ["-"]}))
    assert [(r["closed_on"], r["name"], r["amount"]) for r in found.typed] == [(None, None, None)]
    assert found.reasons == {2: "required_empty:id_type"}
    assert found.quarantine[0]["reasons"] == "required_empty:id_type"


def test_one_encoding_is_the_only_one_tried():
    text = "provider_code,account_code,card_issuer\nB01,A1,公安\n"
    assert openings(text.encode("gb18030"), encoding="utf-8").report.refused == "not UTF-8 (byte 46)"
    assert "not GBK" in openings((text + "B01,A2,𠮷\n").encode("gb18030"), encoding="gbk").report.refused
    found = openings(text.encode("gbk"), encoding="gbk")
    assert (found.report.encoding, issuers(found)) == ("gbk", ["公安"])


def test_packed_files_are_read_by_the_pattern_of_their_content(tmp_path):
    source = SourceSettings.model_validate({"feed": "openings", "files": "*.dat", "delimiter": "|"})
    folder = tmp_path / "openings"
    folder.mkdir()
    for name in ("a.dat", "b.dat.gz", "c.csv", "d.txt"):
        (folder / name).write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    found = survey(tmp_path, profiles=profiles_of({"bank": source}))
    assert [(f.name, f.profile.name) for f in found.files] == [
        ("a.dat", "bank"),
        ("b.dat.gz", "bank"),
        ("c.csv", "default"),
    ]
    assert "d.txt" in found.warnings[0]
    both = profiles_of({"bank": source, "other": source.model_copy(update={"files": "a*"})})
    with pytest.raises(UsageError, match="more than one source profile"):
        survey(tmp_path, profiles=both)


CHECK_ROWS = b"B01\x1bC1\x1b2020.01.01\x1b01\r\nB01\x1bC2\x1b2020.01.02\x1b07\r\n"
CHECK_PROFILE = """
[sources.log]
feed = "verifications"
files = "LOG-*.dat"
delimiter = "\\u001b"
quote = ""
columns = ["provider_code", "check_id", "checked_at", "result"]
constants = { check_kind = "network_check" }
dates = { checked_at = "YYYY.MM.DD" }
codes = { result = { "01" = "match_photo" } }
"""


def test_a_night_reads_by_profiles_and_names_them(place):
    place.config.write_text(place.config.read_text(encoding="utf-8") + CHECK_PROFILE, encoding="utf-8")
    place.drop(NIGHT, "verifications", CHECK_ROWS, name="LOG-01-20261120.dat")
    place.drop(NIGHT, "verifications", CHECK_ROWS, name="LOG-02-20261120.dat.ok")
    place.night(NIGHT)
    [row] = [r for r in place.rows(NIGHT, "coverage") if r["feed"] == "verifications"]
    assert (row["file"], row["delivered"], row["accepted"], row["quarantined"]) == ("LOG-01-20261120.dat", 2, 1, 1)
    [lost] = [r for r in place.rows(NIGHT, "quarantine") if r["feed"] == "verifications"]
    assert (lost["line"], lost["reasons"]) == (2, "bad_code:result")
    manifest = json.loads((place.folder(NIGHT) / "manifest.json").read_text(encoding="utf-8"))
    assert [i["profile"] for i in manifest["inputs"] if i["file"] == row["file"]] == ["log"]
    page = (place.folder(NIGHT) / "night.html").read_text(encoding="utf-8")
    assert "<td><bdi>log</bdi></td>" in page
    assert "LOG-02-20261120.dat.ok ends in none of" in page


@pytest.mark.parametrize("more", [1, -1])
def test_a_count_that_disagrees_seals_nothing(monkeypatch, more):
    real = csv_source.filled_lines
    monkeypatch.setattr(csv_source, "filled_lines", lambda block, end: real(block, end) + more)
    with pytest.raises(InternalError, match="lost or made up"):
        land(csv_text("accounts", {}, {}))


def test_a_splitter_that_loses_rows_is_noticed(monkeypatch):
    def forgetful(lines, columns, wanted, dialect):
        found = split(lines, columns, wanted, dialect)
        return Split({name: cells.slice(1) for name, cells in found.cells.items()}, found.rows[1:], found.damaged)

    monkeypatch.setattr(csv_source, "split", forgetful)
    with pytest.raises(InternalError, match="lost or made up"):
        land(csv_text("accounts", {}, {}))
