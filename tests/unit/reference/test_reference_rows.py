"""The reference reads rows by what SPEC.md says: splitting, typing, and 3.3's order."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from reference.cells import BadTypeError, read_date, read_instant
from reference.identity import birth_date, check_character, identify, in_reserved_area, known_name, normal_name
from reference.small import ACCOUNT, EVENT, ISSUANCE, NEXT, OPENING, REPORT, Nights, fates
from reference.split import cells_of, decode, lines_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a""b","",', ['a"b', "", ""]),
        ("\u3000a\t, \u00a0", ["a", ""]),
        ('" a "', ["a"]),
        ("\u2003a\r", ["\u2003a\r"]),  # other spaces stay
        ('a"b,c', "quote_in_unquoted"),
        ('"a"b,c', "text_after_quote"),
        ('"a,b', "unclosed_quote"),
        ('"a"b,"c', "text_after_quote"),  # the first from the left
        ('"a""', "unclosed_quote"),
    ],
)
def test_cells(line: str, expected: list[str] | str) -> None:
    cells, reason = cells_of(line)
    assert (cells if reason is None else reason) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\nc", ["a", "b", "c"]),
        ("a\rb\rc", ["a", "b", "c"]),
        ("a\rb\nc\r", ["a\rb", "c\r"]),  # CR ends a line only in a file that has no LF
        ("a\u2028b\u0085c\x0bd\n", ["a\u2028b\u0085c\x0bd", ""]),
    ],
)
def test_lines(text: str, expected: list[str]) -> None:
    assert lines_of(text) == expected


def test_decoding_tries_utf_8_then_gb18030() -> None:
    assert decode("\ufeff姓名".encode()) == ("姓名", "utf-8")
    assert decode("姓名".encode("gb18030")) == ("姓名", "gb18030")
    assert decode("\ufeff姓名".encode("gb18030")) == ("姓名", "gb18030")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024-02-29", "2024-02-29 00:00:00", "2024-02-29 23:59:59"),
        ("20240229", "2024-02-29 00:00:00", "2024-02-29 23:59:59"),
        ("2024-02-29 23:59", "2024-02-29 23:59:00", "2024-02-29 23:59:59"),
        ("2024-02-29 23:59:58", "2024-02-29 23:59:58", "2024-02-29 23:59:58"),
        ("2024-02-29T00:00:00", "2024-02-29 00:00:00", "2024-02-29 00:00:00"),
    ],
)
def test_instants(text: str, start: str, end: str) -> None:
    found = read_instant(text, "opened_at")
    assert found == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T10:00", "2024-02-29 24:00:00", "2024-02-29 10:60", "2024-02-29 10:00:60", "2024-02-29 10:00:00.0",
        "2024-02-29 10:00:00Z", "2024-02-29T10:00:00+08:00", "2023-02-29", "2024-2-9", "2024/02/29", "２０２４-02-29",
        "20240229 10:00", "长期", "2024-02-29  10:00",
    ],
)  # fmt: skip
def test_these_are_no_instants(text: str) -> None:
    with pytest.raises(BadTypeError):
        read_instant(text, "opened_at")


def test_sentinels_are_missing() -> None:
    assert read_instant("9999-12-31T08:00:00", "lost_at") is None
    assert read_instant("0000-00-00 00:00:00", "lost_at") is None
    assert read_date("00000000", "card_valid_to") is None
    assert read_date("长期", "card_valid_to") is None
    assert read_date("19700101", "closed_on") is None
    assert read_date("1970-01-01", "card_valid_to") == date(1970, 1, 1)
    with pytest.raises(BadTypeError):
        read_date("2024-02-29 10:00", "closed_on")


@pytest.mark.parametrize(
    ("raw", "id_norm", "status"),
    [
        ("11010519491231002X", "11010519491231002X", "ok"),  # the example of GB 11643
        ("440524188001010014", "440524188001010014", "ok"),  # and its second, born in 1880
        ("110105491231002", "11010519491231002X", "legacy15"),
        ("110105491231996", "110105491231996", "legacy15_centenarian"),
        ("110105194912310020", "110105194912310020", "bad_check"),
        ("110105491331002", "110105491331002", "bad_date"),
        ("身份证", "身份证", "bad_form"),
        ("1101051949123100", "1101051949123100", "bad_form"),
    ],
)
def test_identities(raw: str, id_norm: str, status: str) -> None:
    assert identify(raw) == (id_norm, status)


def test_more_of_identities() -> None:
    foreign = "810000" + "19800101" + "001"
    assert identify(foreign + check_character(foreign)).status == "not_resident"
    no_date = "110105" + "19800230" + "001"
    assert identify(no_date + check_character(no_date)).status == "bad_date"
    assert birth_date("110105194912310020") == date(1949, 12, 31)  # any check character
    assert birth_date("110105491231996") is None
    assert in_reserved_area("999999491231002")
    assert not in_reserved_area("9999991")


def test_names() -> None:
    assert normal_name(" 阿卜杜・买买提\u3000") == "阿卜杜·买买提"
    assert known_name("\ue000伟") is None
    assert known_name("\u200b") is None
    assert known_name("Ab") == "Ab"


def test_bad_cells_cost_the_row_or_are_dropped(nights: Nights) -> None:
    result = nights.night(
        accounts=[
            {**ACCOUNT, "opened_at": "x", "report_date": "", "amount": "1.0"},
            {**ACCOUNT, "account_code": "A2", "amount": "1.0", "closed_on": "2024-01-09"},
            {**ACCOUNT, "account_code": "A3", "opened_at": "1949-12-30"},
            {**ACCOUNT, "account_code": "A4", "agreement_at": "2026-11-22"},
            {**ACCOUNT, "account_code": "A5", "agreement_at": "2026-11-21"},
        ],
        loss_reports=[{**REPORT, "lost_at": "x", "card_valid_from": "1949-09-30"}],
        verifications=[
            {
                "provider_code": "B01",
                "check_id": "V1",
                "checked_at": "2024-01-01",
                "check_kind": "face_match",
                "result": "valid",
            }
        ],
    )
    assert fates(result, "accounts") == [
        "bad_type:opened_at;required_empty:report_date",
        "",
        "impossible_date:opened_at",
        "impossible_date:agreement_at",
        "",
    ]
    assert [row["dropped"] for row in result.rows if row["feed"] != "verifications"] == [
        "", "bad_type:amount;impossible_date:closed_on", "", "", "", "bad_type:lost_at;impossible_date:card_valid_from",
    ]  # fmt: skip
    assert fates(result, "verifications") == ["bad_code:result"]


def test_reserved_area_costs_the_row_of_a_registry(nights: Nights) -> None:
    result = nights.night(loss_reports=[{**REPORT, "id_number": "99999919800101001X"}])
    assert fates(result, "loss_reports") == ["reserved_area:id_number"]


def test_accounts_in_one_night(nights: Nights) -> None:
    result = nights.night(
        accounts=[
            {**ACCOUNT, "amount": "9", "name": "张 伟"},
            {**ACCOUNT, "amount": "10", "name": "张伟"},  # greater as a number
            {**ACCOUNT, "amount": "010", "name": "张伟"},  # identical after typing
            {**ACCOUNT, "amount": "99", "name": "张伟", "report_date": "2026-10-31"},
            {**ACCOUNT, "account_code": "A2"},
            {**ACCOUNT, "account_code": "A2", "region_code": "11"},
        ]
    )
    assert fates(result, "accounts") == ["duplicate", "", "duplicate", "stale", "conflict", "conflict"]


def test_a_row_before_that_of_the_book_is_stale(nights: Nights) -> None:
    nights.night(accounts=[ACCOUNT], loss_reports=[{**REPORT, "entered_at": "2024-01-10 12:00"}], invalid_cards=[EVENT])
    later = nights.night(
        NEXT,
        accounts=[{**ACCOUNT, "report_date": "2026-10-31"}, {**ACCOUNT, "region_code": "11"}],
        loss_reports=[{**REPORT, "entered_at": "2024-01-10"}],  # not certainly before
        invalid_cards=[{**EVENT, "effective_at": "2024-01-10 09:59:59", "entered_at": "2024-01-12"}],
    )
    assert fates(later, "accounts") == ["stale", ""]
    assert fates(later, "loss_reports") == [""]
    # the row of the book has no entered_at, so that effective_at decides
    assert fates(later, "invalid_cards") == ["stale"]


def test_issuances_are_keyed_by_id_norm(nights: Nights) -> None:
    rows = [ISSUANCE, {**ISSUANCE, "id_number": "110105491231002"}, {**ISSUANCE, "reason": "lost"}]
    assert fates(nights.night(issuances=rows[:2]), "issuances") == ["", "duplicate"]
    assert fates(nights.night(NEXT, issuances=rows), "issuances") == ["conflict", "duplicate", "conflict"]


@pytest.mark.parametrize(("rows", "bad", "refused"), [(50, 10, False), (50, 11, True), (49, 40, False)])
def test_more_than_a_fifth_bad_refuses_the_file(nights: Nights, rows: int, bad: int, *, refused: bool) -> None:
    openings = [{**OPENING, "account_code": f"A{number}"} for number in range(rows)]
    for row in openings[:bad]:
        row["channel"] = "pigeon"
    result = nights.night(openings=openings)
    (file,) = result.coverage
    assert (file["delivered"], file["accepted"]) == ((None, None) if refused else (rows, rows - bad))


@pytest.mark.parametrize("control", ["{", "[]", '{"rows": 3}', '{"sha256": "00"}'])
def test_a_control_that_disagrees_refuses(nights: Nights, control: str) -> None:
    path = nights.file("accounts", [ACCOUNT])
    path.with_name("f.csv.ctl").write_text(control)
    result = nights.night(loss_reports=[REPORT], invalid_cards=[EVENT])
    assert result.exit_code == 3  # it leaves accounts without any file
    nights.file("accounts", [ACCOUNT], night=NEXT)
    (nights.landing / "2026-11-21" / "accounts" / "g.csv").write_bytes(b"")
    result = nights.night(NEXT, loss_reports=[REPORT], invalid_cards=[EVENT])
    assert result.exit_code == 5
    assert result.notes == ["incomplete: accounts: a file of zero bytes: g.csv"]
