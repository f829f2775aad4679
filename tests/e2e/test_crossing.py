"""Rows that try to get across: renames, bought debts, chains, parents, regions (SPEC 10.1); and what is taken back."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.small import ACCOUNT, NIGHT, OPENING, REPORT

if TYPE_CHECKING:
    from datetime import date

FIRST, SECOND, THIRD = NIGHT, NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
HEAD,总行,bank,110000,,2000-01-01,
ONE1,甲分行,bank,440300,HEAD,2000-01-01,
TWO2,乙分行,bank,310000,HEAD,2000-01-01,
"""
RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
head,institution,HEAD,,3+4,utf-8-sig,en,
one,institution,ONE1,,3+4,utf-8-sig,en,
two,institution,TWO2,,3+4,utf-8-sig,en,
south,pboc_liaison,,44,3+4,utf-8-sig,en,
east,pboc_liaison,,31,3+4,utf-8-sig,en,
"""
OWN = {**ACCOUNT, "provider_code": "ONE1", "account_code": "ALPHA", "region_code": ""}
MOVING = {**ACCOUNT, "provider_code": "ONE1", "account_code": "BRAVO", "region_code": ""}
# Of the second institution: bought from the first (judged by its moment), and paid back through its account (R109).
DEBT = {
    **{**ACCOUNT, "provider_code": "TWO2", "account_code": "CHARLIE", "account_type": "C1", "region_code": ""},
    **{"original_provider_code": "ONE1", "original_account_code": "ALPHA"},
}
PAID = {
    **{**ACCOUNT, "provider_code": "TWO2", "account_code": "DELTA", "opened_at": "2020-01-01", "region_code": ""},
    **{"settlement_provider_code": "ONE1", "settlement_account_code": "ALPHA"},
}
RENAME = {"provider_code": "ONE1", "old_account_code": "BRAVO", "new_provider_code": "TWO2", "new_account_code": "ECHO"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three sealed nights: leads; a rename to another institution; a withdrawn report of loss."""
    root = tmp_path_factory.mktemp("crossing")
    (root / "reference").mkdir()
    (root / "reference" / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (root / "reference" / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    place = Place(root).made(root / "reference")
    for night in (FIRST, SECOND, THIRD):
        accounts = [OWN, MOVING, DEBT, PAID] if night == FIRST else [OWN]
        withdrawn = "2024-01-10 10:00:00" if night == THIRD else ""
        place.deliver(night, "accounts", accounts)
        place.deliver(
            night,
            "openings",
            [{**OPENING, "provider_code": "ONE1", "account_code": code} for code in ("ALPHA", "BRAVO")],
        )
        report = {**REPORT, "entered_at": f"{night} 08:00:00", "withdrawn_at": withdrawn}
        place.deliver(night, "loss_reports", [report])
        place.deliver(night, "invalid_cards", [{"event_id": "", "id_number": "", "event": "", "effective_at": ""}])
        if night == SECOND:
            place.deliver(night, "account_renames", [{**RENAME, "effective_on": night.isoformat()}])
        place.night(night)
    return place


def rows(house: Place, night: date, recipient: str, name: str) -> list[dict[str, str]]:
    text = (house.folder(night) / "reports" / recipient / name).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def codes(house: Place, night: date, recipient: str, name: str = "exceptions_all.csv") -> set[tuple[str, str, str]]:
    return {(r["provider_code"], r["account_code"], r["tier"]) for r in rows(house, night, recipient, name)}


def read_by(house: Place, night: date, recipient: str) -> str:
    """Whatever a recipient reads of cases."""
    files = sorted((house.folder(night) / "reports" / recipient).glob("*.csv"))
    assert len(files) >= 5
    return "\n".join(path.read_text(encoding="utf-8-sig") for path in files)


ALPHA, BRAVO = ("ONE1", "ALPHA", "R101"), ("ONE1", "BRAVO", "R101")
CHARLIE, DELTA, ECHO = ("TWO2", "CHARLIE", "R101"), ("TWO2", "DELTA", "R109"), ("TWO2", "ECHO", "R101")


def test_each_reads_its_own_rows_and_a_parent_none_of_its_branches(house: Place) -> None:
    assert codes(house, FIRST, "one") == codes(house, FIRST, "south") == {ALPHA, BRAVO}
    assert codes(house, FIRST, "two") == codes(house, FIRST, "east") == {CHARLIE, DELTA}
    assert codes(house, FIRST, "head") == set()


@pytest.mark.parametrize(
    ("recipient", "foreign"),
    [
        ("one", ("TWO2", "CHARLIE", "DELTA", "ECHO", "HEAD")),
        ("two", ("ONE1", "ALPHA", "BRAVO", "HEAD")),
        ("head", ("ONE1", "TWO2", "ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO")),
    ],
)
@pytest.mark.parametrize("night", [FIRST, SECOND, THIRD], ids=str)
def test_no_code_of_another_institution_gets_across(
    house: Place, night: date, recipient: str, foreign: tuple[str, ...]
) -> None:
    text = read_by(house, night, recipient)
    assert [code for code in foreign if code in text] == []


def test_a_renamed_account_leaves_one_list_and_is_new_in_the_other(house: Place) -> None:
    assert codes(house, SECOND, "one") == codes(house, SECOND, "south") == {ALPHA}
    assert codes(house, SECOND, "two") == codes(house, SECOND, "east") == {CHARLIE, DELTA, ECHO}
    for recipient in ("one", "south"):
        [taken] = rows(house, SECOND, recipient, "retractions.csv")
        assert (taken["provider_code"], taken["account_code"], taken["state"]) == ("ONE1", "BRAVO", "sent")
        sent = {r["case_id"]: r["row_token"] for r in rows(house, FIRST, recipient, "exceptions.csv")}
        assert sent[taken["case_id"]] == taken["row_token"]
    for recipient in ("two", "east"):
        [fresh] = rows(house, SECOND, recipient, "exceptions.csv")
        assert (fresh["account_code"], fresh["change"]) == ("ECHO", "new")
        assert fresh["case_id"] == taken["case_id"]
        assert rows(house, SECOND, recipient, "retractions.csv") == []


def test_a_withdrawn_notice_takes_every_row_back(house: Place) -> None:
    """SPEC 8.1: no finding stands any more because of a registry."""
    for recipient, left in (("one", {"ALPHA"}), ("south", {"ALPHA"}), ("two", {"CHARLIE", "DELTA", "ECHO"})):
        taken = rows(house, THIRD, recipient, "retractions.csv")
        assert {(r["account_code"], r["state"], r["change"]) for r in taken} == {
            (code, "withdrawn", "changed") for code in left
        }
        assert codes(house, THIRD, recipient) == codes(house, THIRD, recipient, "exceptions.csv") == set()
        files = json.loads((house.folder(THIRD) / "reports" / recipient / "manifest.json").read_text())["files"]
        assert {f["file"]: f["rows"] for f in files}["retractions.csv"] == len(left)
