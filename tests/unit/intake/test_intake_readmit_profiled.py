"""A row of a profiled file: quarantined, exported, corrected, readmitted, judged the next night (SPEC 3.1, 9)."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from creditaudit.open_lineage import LineageFile

if TYPE_CHECKING:
    from place import Place

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
NUMBER = "11010519491231002X"
# The bank's words: its own header, days as DD.MM.YYYY, a code for each type, "-" for nothing, no provider_code.
PROFILE = """
[mandate]
text = "test"

[sources.some_bank]
feed = "accounts"
files = "ACCT_*.dat"
delimiter = "|@|"
encoding = "gb18030"
[sources.some_bank.renames]
"账号" = "account_code"
"日期" = "report_date"
"证件种类" = "id_type"
"证件号码" = "id_number"
"类型" = "account_type"
"开户" = "opened_at"
"金额" = "amount"
"销户" = "closed_on"
[sources.some_bank.constants]
provider_code = "B01"
[sources.some_bank.dates]
"*" = ["DD.MM.YYYY", "DD.MM.YYYY HH:MM:SS"]
[sources.some_bank.codes]
account_type = { "01" = "D1", "02" = "R1" }
id_type = { "A" = "10" }
[sources.some_bank.sentinels]
"*" = ["-"]
"""
HEADER = "账号|@|日期|@|证件种类|@|证件号码|@|类型|@|开户|@|金额|@|销户"
LINES = (
    f"A1|@|19.11.2026|@|A|@|{NUMBER}|@|07|@|01.03.2024 10:00:00|@|100|@|-",  # a code that the map lacks
    f'A2|@|19.11.2026|@|A|@|{NUMBER}|@|01|@|2024年3月1日|@|"100"|@|-',  # a day in another form
    f"A3|@|19.11.2026|@|A|@|{NUMBER}|@|02|@|01.03.2024|@|100",  # cut off
    f"A4|@|19.11.2026|@|A|@|{NUMBER}|@|02|@|01.03.2021|@|100|@|-",
)
LOSS = {"report_no": "L1", "id_number": NUMBER, "card_valid_from": "2020-01-01", "reported_at": "2024-01-10"}


def deliver(place: Place, night: date, *, lines: tuple[str, ...] = LINES) -> None:
    content = "\n".join([HEADER, *lines, ""]).encode("gb18030")
    place.drop(night, "accounts", content, name=f"ACCT_{night:%Y%m%d}.dat")
    place.deliver(night, "loss_reports", [LOSS])
    place.drop(night, "invalid_cards", b"event_id,id_number,event,effective_at\n")
    codes = ("A1", "A2", "A3", "A4")
    opened = [{"provider_code": "B01", "account_code": code, "card_valid_from": "2020-01-01"} for code in codes]
    place.deliver(night, "openings", opened)


@pytest.fixture
def broken(place: Place) -> Place:
    """A sealed night that quarantined three of the bank's four rows."""
    place.config.write_text(PROFILE, encoding="utf-8")
    deliver(place, FIRST)
    place.night(FIRST)
    return place


def exported(place: Place, out: Path) -> dict[str, dict[str, str]]:
    """Export the accounts; returns the rows by number, as a person sees them."""
    arguments = ("--night", FIRST.isoformat(), "--feed", "accounts", "--out", str(out))
    said = place.say("quarantine", "export", "--book", str(place.book), *arguments)
    assert said.code == 0, said.err
    with out.open(encoding="utf-8-sig", newline="") as file:
        return {row["row"]: row for row in csv.DictReader(file)}


def readmitted(place: Place, path: Path, rows: list[dict[str, str]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    who = ("--by", "Li", "--reason", "asked the bank")
    said = place.say("quarantine", "readmit", "--book", str(place.book), str(path), *who)
    return said.err + said.out


def test_the_export_has_our_words_and_shows_what_could_not_be_read(broken: Place, tmp_path: Path) -> None:
    """What the profile could read needs no second translation; what it could not stands as the bank wrote it."""
    rows = exported(broken, tmp_path / "out.csv")
    reasons = {number: row["reasons"] for number, row in rows.items()}
    assert reasons == {"1": "bad_code:account_type", "2": "bad_type:opened_at", "3": "wrong_cell_count"}
    first, second, third = rows["1"], rows["2"], rows["3"]
    assert (first["provider_code"], first["account_code"], first["id_type"]) == ("B01", "A1", "10")
    assert (first["account_type"], first["opened_at"], first["report_date"]) == (
        "07",
        "2024-03-01 10:00:00",
        "2026-11-19",
    )
    assert (second["account_type"], second["opened_at"], second["amount"]) == ("D1", "2024年3月1日", "100")
    assert first["closed_on"] == ""
    assert third["account_code"] == ""
    assert third["raw"].lstrip("'") == LINES[2]


def test_corrected_rows_are_judged_the_next_night_without_the_profile(broken: Place, tmp_path: Path) -> None:
    """SPEC 9: readmitted rows are read from the inbox; a changed or removed profile changes nothing in them."""
    rows = exported(broken, tmp_path / "out.csv")
    whole = {**rows["1"], "row": "3", "account_code": "A3", "account_type": "R1", "opened_at": "2024-03-01"}
    fixed = [{**rows["1"], "account_type": "D1"}, {**rows["2"], "opened_at": "2024-03-01"}, whole]
    readmitted(broken, tmp_path / "back.csv", fixed)
    broken.config.write_text('[mandate]\ntext = "test"\n', encoding="utf-8")
    deliver(broken, SECOND)
    (broken.landing / SECOND.isoformat() / "accounts" / "ACCT_20261121.dat").unlink()
    fresh = {"provider_code": "B02", "account_code": "Z", "report_date": "2026-11-19", "id_type": "10"}
    fresh |= {"id_number": NUMBER, "account_type": "D1", "opened_at": "2021-01-01"}
    broken.deliver(SECOND, "accounts", [fresh])
    outcome = broken.night(SECOND)
    assert outcome.summary["readmitted_rows"] == 3
    events = tmp_path / "events.jsonl"
    LineageFile(events, broken.book, broken.landing).ended("run", SECOND)
    read = {Path(entry["name"]) for entry in json.loads(events.read_text(encoding="utf-8"))["inputs"]}
    assert {path for path in read if path.parent == broken.book / "inbox"} == {*(broken.book / "inbox").glob("*.json")}
    assert all(path.is_file() for path in read)
    (entry,) = [r for r in broken.rows(SECOND, "coverage") if str(r["file"]).startswith("inbox/")]
    assert (entry["delivered"], entry["accepted"], entry["quarantined"]) == (3, 3, 0)
    found = {
        (r["account_code"], r["rule_id"]): r["moment_from"]
        for r in broken.rows(SECOND, "findings")
        if r["rule_id"] == "R101"
    }
    assert sorted(code for code, _ in found) == ["A1", "A2", "A3"]
    assert str(found["A1", "R101"]) == "2024-03-01 10:00:00"
    blind = {str(r["blind_spots"]) for r in broken.rows(SECOND, "cases") if r["account_code"] in {"A1", "A2"}}
    assert not any("quarantine" in spot for spot in blind)


def test_a_row_that_still_speaks_the_banks_words_is_refused_with_the_reason(broken: Place, tmp_path: Path) -> None:
    rows = exported(broken, tmp_path / "out.csv")
    said = readmitted(broken, tmp_path / "back.csv", [rows["1"], {**rows["2"], "opened_at": "01.03.2024"}])
    assert "back.refused.csv" in said
    with (tmp_path / "back.refused.csv").open(encoding="utf-8-sig", newline="") as file:
        reasons = [row["refused"] for row in csv.DictReader(file)]
    assert reasons == ["bad_code:account_type", "bad_type:opened_at"]
    assert not list(broken.book.joinpath("inbox").glob("*.json"))


def test_a_readmitted_row_names_no_profile_and_the_next_delivery_of_the_bank_is_read_by_it(
    broken: Place, tmp_path: Path
) -> None:
    rows = exported(broken, tmp_path / "out.csv")
    readmitted(broken, tmp_path / "back.csv", [{**rows["1"], "account_type": "D1"}])
    deliver(broken, SECOND, lines=(LINES[3].replace("19.11", "20.11"),))
    broken.night(SECOND)
    manifest = json.loads((broken.folder(SECOND) / "manifest.json").read_text())
    profiles = {(i["folder"], i["feed"]): i["profile"] for i in manifest["inputs"]}
    assert profiles["inbox", "accounts"] != "some_bank"
    assert profiles[SECOND.isoformat(), "accounts"] == "some_bank"
