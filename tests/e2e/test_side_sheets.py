"""``unjudged.csv`` and ``suggestions.csv``: what could not be judged, and what may be mistyped; who gets which rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.identity import identify

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = (date(2026, 11, 20) + timedelta(days=n) for n in range(2))
NUMBER = "11010519491231002X"
SLIPS = {
    "changed": "110105194912310021",
    "letter": "1101O519491231002X",
    "swapped": "11010519491230102X",
    "added": "110105194912310002X",
    "left out": "1101051949123102X",
}
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
B01,甲银行,bank,440300,,2000-01-01,
B02,乙银行,bank,310000,,2000-01-01,
"""
RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
all,pboc_liaison,,,3+4,utf-8-sig,en,
south,pboc_liaison,,4403,,gb18030,zh,
b01,institution,B01,,1+1,utf-8-sig,en,
b02,institution,B02,,,utf-8-sig,en,
"""
ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A1",
    "report_date": "2026-11-19",
    "id_type": "10",
    "id_number": NUMBER,
    "account_type": "D9",
    "opened_at": "2024-03-01 10:00:00",
}
LOSS = {"report_no": "L1", "id_number": NUMBER, "reported_at": "2024-01-10 10:00:00"}
QUIET = {"event_id": "E9", "id_number": "110101199003070011", "event": "damaged", "effective_at": "2024-01-01"}


@pytest.fixture
def house(tmp_path: Path) -> Place:
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (tables / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    return Place(tmp_path).made(tables)


def deliver(place: Place, night: date, accounts: list[dict[str, str]], *, loss: bool = True) -> None:
    place.deliver(night, "accounts", accounts)
    place.deliver(
        night, "loss_reports", [LOSS if loss else {**LOSS, "report_no": "L0", "id_number": "440305199001015556"}]
    )
    place.deliver(night, "invalid_cards", [QUIET])


def sheet(place: Place, night: date, recipient: str, name: str, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    """Read one sheet, and check that the manifest lists it as it is."""
    folder = place.folder(night) / "reports" / recipient
    content = (folder / name).read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))
    listed = {f["file"]: f for f in json.loads((folder / "manifest.json").read_text())["files"]}
    assert (listed[name]["rows"], listed[name]["sha256"]) == (len(rows), hashlib.sha256(content).hexdigest())
    assert (folder / f"{name}-metadata.json").exists()
    return rows


def test_rows_that_could_not_be_judged_reach_who_they_concern(house):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ACCOUNT), lineterminator="\n")
    writer.writeheader()
    writer.writerow(ACCOUNT)
    writer.writerow({**ACCOUNT, "provider_code": "B02", "account_code": "A2"})
    writer.writerow({**ACCOUNT, "account_code": "A3", "id_number": "440305199001015556"})  # without a notice
    out.write(f"B01,A4,2026-11-19,10,{NUMBER},D1,2024-03-01,too,many\n")
    path = house.drop(FIRST, "accounts", out.getvalue().encode(), name="b.csv")
    path.with_name("b.csv.ctl").write_text(json.dumps({"provider_code": "B01"}))
    house.deliver(FIRST, "loss_reports", [LOSS])
    house.deliver(FIRST, "invalid_cards", [QUIET])
    outcome = house.night(FIRST)
    assert outcome.summary["unjudged"] == 3
    rows = sheet(house, FIRST, "all", "unjudged.csv")
    assert [(r["provider_code"], r["account_code"], r["row"], r["line"], r["reasons"]) for r in rows] == [
        ("B01", "", "4", "5", "wrong_cell_count"),
        ("B01", "A1", "1", "2", "bad_code:account_type"),
        ("B02", "A2", "2", "3", "bad_code:account_type"),
    ]
    assert {r["id_masked"] for r in rows} == {"110***********002X"}
    assert {(r["night"], r["file"], r["lead_note"]) for r in rows} == {("2026-11-20", "b.csv", "待核查线索")}
    assert [r["row"] for r in sheet(house, FIRST, "b01", "unjudged.csv")] == ["4", "1"]
    assert [r["id_masked"] for r in sheet(house, FIRST, "b02", "unjudged.csv")] == ["110***********002X"]
    assert len(sheet(house, FIRST, "south", "unjudged.csv", "gb18030")) == 2
    for report in (house.folder(FIRST) / "reports").rglob("*"):
        assert not report.is_file() or NUMBER.encode() not in report.read_bytes()


STRANGERS = (
    *(NUMBER, NUMBER.lower(), f"{NUMBER[:6]} {NUMBER[6:]}", "110105491231002", "440305199001015556", "13812345678"),
    *("王五六", "Ａ13812345678"),
)


@pytest.mark.parametrize("column", ["provider_code", "account_code"])
def test_what_slipped_into_a_code_is_hidden(house, column):
    """SPEC 10.2, 10.4: a row that slipped may hold a number, a phone or a name in any cell; known codes are shown."""
    known = {**ACCOUNT, "account_type": "D1", "account_code": "B10111000H000141005000123456789"}
    rows = [ACCOUNT, known, {**known, "account_type": "D9"}, *({**ACCOUNT, column: value} for value in STRANGERS)]
    deliver(house, FIRST, rows)
    house.night(FIRST)
    shown = sheet(house, FIRST, "all", "unjudged.csv")
    assert len(shown) == 2 + len(STRANGERS)
    assert {row[column] for row in shown} - {"***"} <= {"B01", "A1", known["account_code"]}
    assert [row[column] for row in shown].count("***") == len(STRANGERS)
    written = (house.folder(FIRST) / "reports" / "all" / "unjudged.csv").read_text(encoding="utf-8-sig")
    for value in STRANGERS:
        assert value not in written


def test_a_notice_that_comes_later_and_a_repair_change_the_sheet(house):
    deliver(house, FIRST, [ACCOUNT], loss=False)
    house.night(FIRST)
    assert sheet(house, FIRST, "b01", "unjudged.csv") == []
    deliver(house, SECOND, [{**ACCOUNT, "account_type": "D1"}, {**ACCOUNT, "account_type": "D1"}])
    house.night(SECOND)
    (row,) = sheet(house, SECOND, "b01", "unjudged.csv")
    assert (row["night"], row["row"]) == ("2026-11-20", "1"), "the duplicate of the second night is no blind spot"


def test_odd_numbers_get_suggestions_that_change_nothing(house):
    accounts = [
        {**ACCOUNT, "account_type": "D1", "account_code": name, "id_number": number} for name, number in SLIPS.items()
    ]
    far = {**ACCOUNT, "account_type": "D1", "account_code": "far", "id_number": "110105194912310012"}
    assert all(identify(a["id_number"]).status in {"bad_check", "bad_date", "bad_form"} for a in (*accounts, far))
    other_type = {**accounts[0], "account_code": "passport", "id_type": "2"}
    deliver(house, FIRST, [*accounts, far, other_type, {**accounts[0], "provider_code": "B02"}])
    outcome = house.night(FIRST)
    assert outcome.summary["suggestions"] == len(SLIPS) + 1
    rows = sheet(house, FIRST, "all", "suggestions.csv")
    assert {r["account_code"]: r["fix"] for r in rows if r["provider_code"] == "B01"} == {
        name: "swapped_neighbours" if name == "swapped" else "one_character" for name in SLIPS
    }
    assert {(r["suggested_masked"], r["registry"]) for r in rows} == {("110***********002X", "loss_reports")}
    assert len(sheet(house, FIRST, "south", "suggestions.csv", "gb18030")) == len(SLIPS)
    assert not (house.folder(FIRST) / "reports" / "b01" / "suggestions.csv").exists()
    assert not [r for r in house.rows(FIRST, "findings") if r["notice_id"] is not None]
    assert "never applied" in (house.folder(FIRST) / "night.html").read_text()
