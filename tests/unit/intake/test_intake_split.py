"""Splitting: the fast path against a slow one, and every damage by hand."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landed import land
from slow_split import slow_lines, slow_row

from creditaudit.intake import split as split_module
from creditaudit.intake.blocklines import lines_of
from creditaudit.intake.lines import damage, split_line
from creditaudit.intake.split import split

COLUMNS = {"a": 0, "b": 1, "c": 2}
HOSTILE = st.text(st.sampled_from('ab中,,""\r\n\x00 \x01\x02\t'), max_size=60)


def fast(text: str, columns: int = 3) -> list[tuple[int, str, list[str] | str]]:
    end = b"\n" if "\n" in text else b"\r"
    lines = lines_of(text.encode(), end)
    found = split(lines, columns, {name: place for name, place in COLUMNS.items() if place < columns})
    out: dict[int, list[str] | str] = dict(found.damaged)
    cells = [column.to_pylist() for column in found.cells.values()]
    for place, row in enumerate(found.rows):
        assert int(row) not in out
        out[int(row)] = [column[place] for column in cells]
    return [(int(lines.filled[row]) + 1, lines.text(row), out[row]) for row in range(len(lines.filled))]


def slow(text: str, columns: int = 3) -> list[tuple[int, str, list[str] | str]]:
    return [(number, line, slow_row(line, columns)) for number, line in slow_lines(text)]


@given(HOSTILE)
@settings(max_examples=80, deadline=None)
def test_fast_and_slow_agree_on_hostile_text(text):
    assert fast(text) == slow(text)


@given(
    st.lists(
        st.sampled_from(["a,b,c", '"a",b,c', '"a""",,"c"', 'a"b,c', '"a"b,c,d', '"a,b', "a,b", "", "\r", "a,b,c\r"])
    )
)
@settings(max_examples=80, deadline=None)
def test_fast_and_slow_agree_on_whole_lines(lines):
    text = "\n".join(lines)
    assert fast(text) == slow(text)


def test_fast_and_slow_agree_on_a_long_random_text():
    rng = random.Random(7)  # noqa: S311 - a test's data
    pieces = [
        "a,b,c\n",
        '"x","y""z","w"\n',
        "中,文,字\r\n",
        "a,\r,c\n",
        "\n",
        'a"\n',
        '"\n',
        "a,b\n",
        "a,b,c,d\n",
        '"a"b,,\n',
    ]
    text = "".join(rng.choices(pieces, weights=[40, 20, 20, 3, 3, 2, 2, 2, 2, 2], k=4000))
    assert fast(text) == slow(text)


def test_a_block_that_uses_every_control_character():
    letters = "".join(map(chr, (*range(1, 10), *range(11, 13), *range(14, 32), 127)))
    text = letters + ",b\rb,c\n1,2,3\n"
    assert fast(text) == slow(text)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,3", None),
        ("1,2,", None),
        ("1,2,3,", "wrong_cell_count"),
        ("1,2", "wrong_cell_count"),
        ("   ", "wrong_cell_count"),
        ('1,2"2,3', "quote_in_unquoted"),
        ('1, "2",3', "quote_in_unquoted"),
        ('1,"2"x,3', "text_after_quote"),
        ('1,"2" ,3', "text_after_quote"),
        ('1,"2,3', "unclosed_quote"),
        ('1,"2"",3', "unclosed_quote"),
        ('1,2"2,"3"x', "quote_in_unquoted"),
        ('1,"2"x,3"', "text_after_quote"),
        ('1,"2"x', "text_after_quote"),
        ('"1","2,""",3', None),
        ('"","",""', None),
    ],
)
def test_reasons_of_the_splitter(line, reason):
    assert damage(line, 3) == reason
    (found,) = fast(line + "\n")
    assert (found[2] if isinstance(found[2], str) else None) == reason


def test_split_line_unquotes():
    assert split_line('"a""b",,c') == (['a"b', "", "c"], None)


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=2, max_size=2)
    )
)
@settings(max_examples=80, deadline=None)
def test_round_trip_of_well_formed_csv(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    assert [cells for _, _, cells in fast(out.getvalue(), 2)] == rows


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1),
            st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])),
        ),
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([16, 64, 1 << 20]),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_round_trip_through_a_file(rows, end, block_bytes):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(["provider_code", "account_code", "card_issuer"])
    writer.writerows([["B01", "x" + code, issuer] for code, issuer in rows])
    found = land(out.getvalue(), feed="openings", block_bytes=block_bytes)
    strip = " \t\u00a0\u3000"
    assert [(r["account_code"], r["card_issuer"]) for r in found.typed] == [
        (("x" + code).strip(strip), issuer.strip(strip) or None) for code, issuer in rows
    ]


def test_cells_of_a_megabyte_and_lines_of_many_cells():
    big = "z" * 1_000_000
    wide = ",".join("1" * 100_000)
    found = land(f"provider_code,account_code,card_issuer\nB01,A1,{big}\n{wide}\nB01,A2,\n", feed="openings")
    assert [r["card_issuer"] for r in found.typed] == [big, None]
    assert found.reasons == {2: "wrong_cell_count"}


def test_a_header_of_many_columns():
    names = [f"n{i}" for i in range(5000)]
    header = ",".join(["provider_code", "account_code", *names])
    found = land(f"{header}\n{','.join(['B01', 'A1', *names])}\n", feed="openings")
    assert found.report.typed == 1
    assert found.report.unknown_columns == tuple(names)


@pytest.mark.parametrize("piece", [64, 192, 1 << 17])
def test_quotes_are_asked_of_every_letter(monkeypatch, piece):
    """SPEC 3.1: a quote in an unquoted cell, text behind a closing one and an unclosed one, wherever they stand."""
    monkeypatch.setattr(split_module, "_AT_ONCE", piece)
    rng = random.Random(5)  # noqa: S311 - a test's data
    cells = ['"a"', '""', "a", "", '"a""b"', '"a,b"', '"' + "x" * 70 + '"']
    for _ in range(300):
        text = "\n".join(",".join(rng.choices(cells, k=3)) for _ in range(rng.choice([1, 2, 9])))
        at = rng.randrange(len(text))
        for content in (text, text[:at] + rng.choice(['"', "", ",", "\n", "a"]) + text[at + 1 :]):
            lines = lines_of(content.encode(), b"\n")
            found = split(lines, 3, {"x": 0, "z": 2})
            said = [damage(lines.text(row), 3) for row in range(len(lines.filled))]
            assert found.damaged == {row: reason for row, reason in enumerate(said) if reason is not None}
            good = [split_line(lines.text(row))[0] for row, reason in enumerate(said) if reason is None]
            assert [array.to_pylist() for array in found.cells.values()] == [[row[i] for row in good] for i in (0, 2)]


def test_nul_and_lone_cr_are_cell_data():
    found = land("provider_code,account_code,card_issuer\nB\x0001,A\r1,\x00\n", feed="openings")
    assert [(r["provider_code"], r["account_code"], r["card_issuer"]) for r in found.typed] == [
        ("B\x0001", "A\r1", "\x00")
    ]


def test_a_last_line_may_lack_its_end_and_keep_a_cr():
    found = land("provider_code,account_code\nB01,A1\r\nB01,A2\r", feed="openings")
    assert [r["account_code"] for r in found.typed] == ["A1", "A2\r"]


def test_empty_lines_are_no_rows_but_lines():
    found = land("\n\r\nprovider_code,account_code\n\nB01,A1\n\n\n \nB01,A2\n\n", feed="openings")
    assert [(r["row"], r["line"]) for r in found.typed] == [(1, 5), (3, 9)]
    assert [(r["row"], r["line"], r["raw"]) for r in found.quarantine] == [(2, 8, " ")]


def test_wrong_bookkeeping_of_the_reader_is_noticed(monkeypatch):
    # Should pyarrow ever leave out a good row, the block is split letter by letter.
    real = split_module._read

    def forgetful(*asked):
        cells, skipped = real(*asked)
        return {name: column.slice(1) for name, column in cells.items()}, [*skipped, 0]

    monkeypatch.setattr(split_module, "_read", forgetful)
    assert fast("a,b,c\nd,e,f\n") == slow("a,b,c\nd,e,f\n")
