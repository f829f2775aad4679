"""The splitter on random dialects: no crash, no row lost, as a slow reading has it, and what was written comes back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.slow_records import slow_records
from creditaudit.intake.blocklines import lines_of
from creditaudit.intake.csv_source import filled_lines, line_blocks
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.lines import Dialect
from creditaudit.intake.profile import Profile
from creditaudit.intake.receive import read_file
from creditaudit.intake.split import split
from creditaudit.source_settings import SourceSettings

QUOTES = ('"', "'", "`", "")
DELIMITERS = (
    ",",
    "|",
    "!",
    "\t",
    " ",
    "a",
    "\x00",
    "\x01",
    "\x1b",
    "\x1d",
    "|!",
    "||",
    "|@|",
    "aa",
    "aba",
    "，",
    "\x01\x02",
    "é|",
)


@st.composite
def dialects(draw: st.DrawFn, *, may_run_on: bool = True) -> Dialect:
    quote = draw(st.sampled_from(QUOTES))
    return Dialect(
        draw(st.sampled_from(DELIMITERS)), quote, multiline=bool(quote) and may_run_on and draw(st.booleans())
    )


@st.composite
def hostile(draw: st.DrawFn, dialect: Dialect) -> str:
    """Draw a text of the pieces that matter."""
    pieces = [dialect.delimiter, dialect.delimiter, dialect.quote or "x", dialect.quote * 2 or "y", *dialect.delimiter]
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]]))
    return "".join(draw(st.lists(st.sampled_from([*pieces, *ends, "b", "中", "\x00", "\x7f"]), max_size=60)))


def fast(text: str, columns: int, dialect: Dialect, block_lines: int) -> list[tuple[int, str, list[str] | str]]:
    """Read a text as a source does, some lines to a block."""
    profile = Profile(
        "p",
        SourceSettings(
            feed="accounts",
            files="*",
            delimiter=dialect.delimiter,
            quote=dialect.quote,
            multiline=dialect.multiline,
        ),
    )
    end = b"\n" if "\n" in text else b"\r"
    pieces = text.encode().split(end)
    whole = [piece + end for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
    blocks = [(b"".join(whole[at : at + block_lines]), end) for at in range(0, len(whole), block_lines)]
    rows: list[tuple[int, str, list[str] | str]] = []
    line = 1
    for lines in line_blocks(iter(blocks), profile):
        found = split(lines, columns, {str(place): place for place in range(columns)}, dialect)
        said: dict[int, list[str] | str] = dict(found.damaged)
        cells = [column.to_pylist() for column in found.cells.values()]
        for place, row in enumerate(found.rows):
            assert int(row) not in said
            said[int(row)] = [column[place] for column in cells]
        rows += [(int(lines.numbers[r]) + line, lines.text(r), said[r]) for r in range(len(lines.filled))]
        line += lines.physical
    if not dialect.multiline:
        assert sum(filled_lines(*block) for block in blocks) == len(rows)
    return rows


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_in_any_dialect_is_read_as_letter_by_letter(data):
    dialect = data.draw(dialects())
    text = data.draw(hostile(dialect))
    columns = data.draw(st.integers(1, 4))
    expected = slow_records(text, columns, dialect)
    assert fast(text, columns, dialect, data.draw(st.sampled_from([1, 2, 1000]))) == expected


def written(cells: list[str], dialect: Dialect, data: st.DataObject) -> str:
    """Write a row; cells are quoted where they must be, and now and then where they need not be."""
    quote = dialect.quote
    texts = [
        quote + cell.replace(quote, quote * 2) + quote
        if quote and (dialect.delimiter[0] in cell or quote in cell or "\n" in cell or data.draw(st.booleans()))
        else cell
        for cell in cells
    ]
    return dialect.delimiter.join(texts)


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_well_written_is_read_back(data):
    dialect = data.draw(dialects())
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    forbidden = "\r" if dialect.multiline else "\r\n"
    forbidden += "" if dialect.quote else dialect.delimiter
    letters = st.text(st.characters(exclude_characters=forbidden, exclude_categories=["Cs"]), max_size=8)
    rows = data.draw(st.lists(st.lists(letters, min_size=3, max_size=3), min_size=1, max_size=6))
    if not dialect.quote and len(dialect.delimiter) > 1:
        rows = [[cell.strip(dialect.delimiter) for cell in row] for row in rows]
    text = "".join(written(row, dialect, data) + ends for row in rows)
    assert [cells for _, _, cells in fast(text, 3, dialect, data.draw(st.sampled_from([1, 1000])))] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"delimiter": "|@|"},
        {"delimiter": "\x1d", "quote": ""},
        {"multiline": True},
        {"widths": [13, 1_000_013]},
        {"delimiter": "|!", "columns": ["provider_code", "account_code", "card_issuer"]},
    ],
    ids=str,
)
def test_files_of_the_largest_and_the_smallest_sort(said, mark, end, tmp_path):
    delimiter = said.get("delimiter", ",")
    big = "z" * 999_999 + "\x00"
    if "widths" in said:
        rows = ["provider_code".ljust(13) + "account_code".ljust(1_000_013), "B01".ljust(13) + big.ljust(1_000_013)]
    else:
        rows = [delimiter.join(row) for row in (("provider_code", "account_code", "card_issuer"), ("B01", "A1", big))]
        rows = rows[1:] if "columns" in said else rows
    profile = Profile("p", SourceSettings.model_validate({"feed": "openings", "files": "*", **said}))
    ends = end.split("\r\n")[0] or end  # mixed: the first line ends in LF, the second in CRLF
    text = mark + rows[0] + (ends if end == "\n\r\n" else end)
    text += (end.removeprefix("\n") if end == "\n\r\n" else end).join(
        [*rows[1:], delimiter.join("1" * 100_000), "\x00", ""]
    )
    for name, content, wanted in (
        ("whole", text.encode(), (1, 2)),
        ("empty", b"", None),
        ("mark", "\ufeff".encode(), None if "columns" not in said else (0, 0)),
        ("ends", b"\n\r\n\n", None if "columns" not in said else (0, 0)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        report = read_file(
            DeliveredFile("openings", name, path, profile=profile),
            night=date(2026, 11, 20),
            scratch=tmp_path,
            part=name,
        )
        got = None if report.refused is not None else (report.typed, report.quarantined)
        assert got == wanted, name


def test_a_lone_mark_counts_no_line():
    assert filled_lines(b"", b"\n") == len(lines_of(b"\n", b"\n").filled) == 0
