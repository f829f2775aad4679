"""An institution reads its own rows; others' codes in their evidence read ``other`` (SPEC 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from report_desk import PBOC, Desk, case

from creditaudit.masking import Mask
from creditaudit.reports.foreign import Foreign
from creditaudit.reports.recipients import Recipient

if TYPE_CHECKING:
    from creditaudit.engines import Engine

BANK = Recipient("bank", "institution", Mask(3, 4), "utf-8-sig", "en", "B01")
ACCOUNTS = pa.table({"provider_code": ["B01", "B02", "B02"], "account_code": ["A7", "A8", "A7"]})


@pytest.fixture
def bank(desk: Desk, engine: Engine) -> Desk:
    """A desk whose book has accounts of two institutions."""
    engine.load("standing_accounts", ACCOUNTS)
    return desk


# Evidence, and how an institution reads it.
READ = [
    ("opening_changed;quarantined_rows:accounts", "opening_changed;quarantined_rows:accounts"),
    ("residual:account:B02/X1;inquiry:I1", "residual:account:other;inquiry:I1"),
    ("residual:account:B01/X1", "residual:account:B01/X1"),
    ("B01/A1>B02/A2>B03/A3", "B01/A1>other>other"),
    ("R109 lead (B01/A1>B02/A2 7)", "R109 lead (B01/A1>other)"),
    ("B01/A1 and B02/A2", "B01/A1 and other"),
    ("possibly rekeyed: A7", "possibly rekeyed: A7"),
    ("possibly rekeyed: A8", "possibly rekeyed: other"),
    ("possibly rekeyed: A9", "possibly rekeyed: other"),
    ("possibly rekeyed: B02/A7;short:87%", "possibly rekeyed: other;short:87%"),
    ("possibly rekeyed: B01/A7", "possibly rekeyed: B01/A7"),
    ("collection:A8;first_proof:2026-12-01", "collection:other;first_proof:2026-12-01"),
    ("rekeyed:A7, A8", "rekeyed:other"),
    ("rekeyed:A7;of B02", "rekeyed:A7;of other"),
    ("A/B02/C>B01/A1", "other>B01/A1"),
]


def test_codes_of_others_read_other(bank: Desk) -> None:
    cases = [case(n, change="new", blind_spots=evidence, reasons=evidence) for n, (evidence, _) in enumerate(READ, 10)]
    bank.write(cases, BANK, PBOC, providers=("B01", "B02"))
    for name in ("exceptions.csv", "exceptions_all.csv"):
        own, whole = (
            {r["case_id"]: (r["blind_spots"], r["reasons"]) for r in bank.read(name, who)} for who in ("bank", "pboc")
        )
        assert own == {f"CA-{n}": (read, read) for n, (_, read) in enumerate(READ, 10)}
        assert whole == {f"CA-{n}": (said, said) for n, (said, _) in enumerate(READ, 10)}  # the liaison's own region


def test_rows_without_codes_are_left_as_they_are(bank: Desk) -> None:
    spots = [None, "opening_changed", "residual:account:B02/Z", None]
    bank.write([case(n, blind_spots=spot) for n, spot in enumerate(spots)], BANK)
    assert [r["blind_spots"] for r in bank.read("exceptions_all.csv", "bank")] == [
        "",
        "opening_changed",
        "residual:account:other",
        "",
    ]


def test_a_guarded_cell_stays_guarded(bank: Desk) -> None:
    bank.write([case(1, reasons="=B02/A1")], BANK, providers=("B02",))
    [row] = bank.read("exceptions_all.csv", "bank")
    assert row["reasons"] == "other"
    bank.write([case(1, reasons="-x B02/A1")], BANK, providers=("B02",))
    [row] = bank.read("exceptions_all.csv", "bank")
    assert row["reasons"] == "'-x other"


# Labels of files, and how the institution B01 reads them, where there are also B-02, B01-2 and 乙行.
LABELS = [
    ("2026-11-20/B-02-log.csv", "2026-11-20/other-log.csv"),
    ("2026-11-20/B-02_B01.csv", "2026-11-20/other_B01.csv"),
    ("乙行清单.csv", "other清单.csv"),
    ("B01-2.csv", "other.csv"),
    ("B01-log.csv", "B01-log.csv"),
    ("B-023.csv", "B-023.csv"),
    ("xB-02.csv", "xB-02.csv"),
    (None, None),
]


def test_codes_in_labels_of_files_are_found_whatever_they_are_made_of(engine: Engine) -> None:
    """SPEC 10.1."""
    engine.load("standing_accounts", ACCOUNTS)
    rows = pa.schema([(name, pa.string()) for name in ("provider_code", "reasons", "blind_spots")])
    engine.load("report_rows", rows.empty_table())
    engine.load("institutions", pa.table({"provider_code": ["B01", "B-02", "B01-2", "乙行"]}))
    given = pa.chunked_array([pa.array([label for label, _ in LABELS], pa.string())])
    assert Foreign(engine).file_hidden_from("B01", given).to_pylist() == [read for _, read in LABELS]
    assert Foreign(engine).file_hidden_from("B01-2", given).to_pylist()[3:5] == ["B01-2.csv", "other-log.csv"]
