"""The book as it was, for any reader: on the command line and in Python (SPEC 9)."""

from __future__ import annotations

import csv
import io
import stat
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import creditaudit
from creditaudit.book.layout import Book, held
from creditaudit.book.state import TABLES
from creditaudit.errors import UsageError
from creditaudit.tables import PUBLISHED
from place import Place
from reference.small import ACCOUNT, EVENT, NIGHT, NUMBER, OPENING, REPORT

if TYPE_CHECKING:
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)
HOLDER = "欧阳测试"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two nights; the second changes an account, withdraws the notice and brings a new account."""
    place = Place(tmp_path_factory.mktemp("as_of")).made()
    place.deliver(NIGHT, "accounts", [{**ACCOUNT, "name": HOLDER, "report_date": "2026-11-01"}])
    place.deliver(NIGHT, "openings", [OPENING])
    place.deliver(NIGHT, "loss_reports", [REPORT])
    place.deliver(NIGHT, "invalid_cards", [EVENT])
    place.night(NIGHT)
    place.deliver(NEXT, "accounts", [{**ACCOUNT, "report_date": "2026-11-20", "balance": "7"}])
    place.deliver(NEXT, "accounts", [{**ACCOUNT, "account_code": "A2"}], name="g.csv")
    place.deliver(NEXT, "loss_reports", [{**REPORT, "withdrawn_at": "2024-01-01"}])
    place.night(NEXT)
    return place


def asked(place: Place, *arguments: str) -> list[str]:
    return ["as-of", NIGHT.isoformat(), "--book", str(place.book), *arguments]


def test_published_tables_are_those_of_that_night(sealed: Place) -> None:
    book = creditaudit.open_book(str(sealed.book))
    assert book.nights == (NIGHT, NEXT)
    for night in book.nights:
        then = book.as_of(night)
        assert sorted(then.paths) == sorted(PUBLISHED)
        for name in PUBLISHED:
            assert then.table(name).equals(sealed.published(night, name))
            assert pq.read_table(then.paths[name]).equals(then.table(name))
    assert book.as_of().night == NEXT
    assert book.as_of("2026-11-20").night == NIGHT


def test_rows_in_force_are_those_known_then(sealed: Place) -> None:
    """The later row replaces the earlier one from its night on, and not before."""
    book = creditaudit.open_book(sealed.book)
    before, after = (book.as_of(night).standing("accounts") for night in (NIGHT, NEXT))
    assert before.schema.equals(TABLES["accounts"].schema)
    named = ("account_code", "report_date", "balance", "night")
    assert before.select(named).to_pylist() == [
        {"account_code": "A1", "report_date": date(2026, 11, 1), "balance": None, "night": NIGHT}
    ]
    assert after.select(named).to_pylist() == [
        {"account_code": "A1", "report_date": date(2026, 11, 20), "balance": 7, "night": NEXT},
        {"account_code": "A2", "report_date": date(2026, 11, 1), "balance": None, "night": NEXT},
    ]
    withdrawn = [book.as_of(n).standing("loss_reports")["withdrawn_from"].null_count for n in (NIGHT, NEXT)]
    assert withdrawn == [1, 0]


def test_a_table_that_the_book_does_not_have_yet_is_empty(sealed: Place) -> None:
    """SPEC 9: state tables of a later program version are read as empty from an older book."""
    then = creditaudit.open_book(sealed.book).as_of(NIGHT)
    for name in ("issuances", "check_gaps", "readmitted_rows"):
        assert not (sealed.folder(NIGHT) / "state" / name).exists()
        found = then.standing(name)
        assert (found.num_rows, found.schema) == (0, TABLES[name].schema)


def test_readers_are_not_blocked_by_a_writer(sealed: Place) -> None:
    with held(Book(sealed.book)):
        assert creditaudit.open_book(sealed.book).as_of(NIGHT).standing("accounts").num_rows == 1
        assert sealed.say(*asked(sealed)).code == 0


@pytest.mark.parametrize("night", ["2026-11-22", "2026-11-19", "20261120", "soon", date(2027, 1, 1)])
def test_a_night_that_is_not_sealed_is_refused(sealed: Place, night: str | date) -> None:
    with pytest.raises(UsageError, match="no sealed night"):
        creditaudit.open_book(sealed.book).as_of(night)


def test_no_night_and_no_book(tmp_path: Path) -> None:
    place = Place(tmp_path).made()
    with pytest.raises(UsageError, match="no sealed night"):
        creditaudit.open_book(place.book).as_of()
    with pytest.raises(UsageError, match="no such book"):
        creditaudit.open_book(tmp_path / "gone")


def test_the_command_lists_tables_with_their_rows(sealed: Place) -> None:
    said = sealed.say(*asked(sealed))
    listed = dict(line.split("\t") for line in said.out.splitlines())
    assert (said.code, said.err) == (0, "")
    assert listed == {name: str(sealed.published(NIGHT, name).num_rows) for name in PUBLISHED}


def test_the_command_prints_a_published_table_as_csv(sealed: Place) -> None:
    said = sealed.say(*asked(sealed, "findings"))
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert said.code == 0
    assert list(rows[0]) == PUBLISHED["findings"].names
    assert [r["fingerprint"] for r in rows] == sealed.published(NIGHT, "findings")["fingerprint"].to_pylist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("table", ["findings", "cases", "accounts", "loss_reports"])
def test_the_command_writes_a_table_for_its_owner_alone(sealed: Place, tmp_path: Path, table: str, suffix: str) -> None:
    out = tmp_path / f"out.{suffix}"
    said = sealed.say(*asked(sealed, table, "--to", str(out)))
    then = creditaudit.open_book(sealed.book).as_of(NIGHT)
    expected = then.table(table) if table in PUBLISHED else then.standing(table)
    assert (said.code, stat.S_IMODE(out.stat().st_mode)) == (0, 0o600)
    assert ("PERSONAL DATA" in said.err) is (table not in PUBLISHED)
    assert f"{expected.num_rows} rows of {table}" in said.err
    if suffix == "parquet":
        assert pq.read_table(out).equals(expected)
    else:
        text = pa_csv.ConvertOptions(column_types=dict.fromkeys(expected.schema.names, pa.string()))
        assert pa_csv.read_csv(out, convert_options=text).num_rows == expected.num_rows
    assert sealed.say(*asked(sealed, table, "--to", str(out))).code == 2, "a file that is there is not overwritten"


def test_no_cell_of_a_csv_runs_in_a_spreadsheet(tmp_path: Path) -> None:
    """And none loses digits; Parquet has every cell as it is."""
    place = Place(tmp_path / "house").made()
    code, number = '=HYPERLINK("http://x")', ACCOUNT["id_number"]
    place.deliver(NIGHT, "accounts", [{**ACCOUNT, "account_code": code}])
    place.night(NIGHT)
    csv_file, parquet = tmp_path / "out.csv", tmp_path / "out.parquet"
    for file in (csv_file, parquet):
        assert place.say(*asked(place, "accounts", "--to", str(file))).code == 0
    [row] = csv.DictReader(io.StringIO(csv_file.read_text(encoding="utf-8"), newline=""))
    assert row["account_code"] == "'" + code
    assert row["id_number"] == ("'" + number if number.isdigit() else number)
    assert pq.read_table(parquet)["account_code"].to_pylist() == [code]


def test_rows_of_persons_are_not_shown_on_a_terminal(sealed: Place) -> None:
    """SPEC 10.4: no raw ID number, name or phone in any output but the files that may hold them."""
    said = sealed.say(*asked(sealed, "accounts"))
    assert (said.code, said.out) == (2, "")
    assert "--to FILE" in said.err
    for table in PUBLISHED:
        told = sealed.say(*asked(sealed, table))
        assert not any(secret in told.out + told.err for secret in (NUMBER, HOLDER))


@pytest.mark.parametrize(
    "arguments", [("nosuch",), ("nosuch", "--to", "x.csv"), ("cases", "--to", "x.xls"), ("--to", "x.csv")]
)
def test_what_is_not_understood_is_refused(sealed: Place, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    given = [str(tmp_path / a) if a.startswith("x.") else a for a in arguments]
    said = sealed.say(*asked(sealed, *given))
    assert (said.code, said.out, "Next step" in said.err) == (2, "", True)
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_loads_nothing_heavy(sealed: Place) -> None:
    """No pyspark, great_expectations, sklearn; published tables need no engine either.

    docs/how-it-is-built.md, Held by tests.
    """
    program = (
        "import sys, creditaudit\n"
        "assert not {'pyarrow', 'duckdb'} & set(sys.modules)\n"
        f"table = creditaudit.open_book({str(sealed.book)!r}).as_of().table('findings')\n"
        "heavy = {'pyspark', 'great_expectations', 'sklearn', 'duckdb'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(table.num_rows)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == sealed.published(NEXT, "findings").num_rows
    with pytest.raises(AttributeError, match="nosuch"):
        _ = creditaudit.nosuch
