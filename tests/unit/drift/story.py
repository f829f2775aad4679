"""A house of four nights on each of which one thing happens to each of many accounts, each of another person."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from creditaudit.audit.rulebook import shipped_rules
from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from place import Place
from reference.hostile_cells import make_number

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND, THIRD, LAST = NIGHTS = (
    *(date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)),
    date(2026, 12, 20),
)
SKIPPED = date(2026, 12, 1)
CARD = "2015-01-01"
LOST = {"card_valid_from": CARD, "reported_at": "2026-10-01", "withdrawn_at": ""}
# What each account is there for; the letter is its code.
LATE_LOSS, MOVED_DAY, TAKEN_BACK, OTHER_CARD, WARNED, READMITTED, ANSWERED, RENAMED = "ABCDEFGH"
CHAINED, ALERTED, IMPOSTOR, QUIET, INQUIRED, UNADDRESSED, OBJECTED, NOBODYS, RECALLED = "IJKLMNOPQ"
EVERYBODY = "ABCDEFGHIJKLMNOPQZ"
LOST_AT_FIRST = "BCDEGHLMNO"
RANDOM = Random(11)  # noqa: S311 - test data
NUMBERS = {letter: make_number(RANDOM)[0] for letter in EVERYBODY}

INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
B01,甲银行,bank,110000,,2000-01-01,
B02,乙银行,bank,440300,,2000-01-01,
B03,丙银行,bank,320000,,2000-01-01,
"""
RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
north,pboc_liaison,,11,,gb18030,en,
b01,institution,B01,,,utf-8-sig,zh,
"""
SOUTH = "south,pboc_liaison,,44,3+4,utf-8-sig,zh,\n"
DUTY = {
    "duty_id": "HOUSE-1",
    "check_kind": "invalid_card_check",
    "provider_code": "B01",
    "in_force_from": "2020-01-01",
    "status": "not_in_force",
    "source": "test",
}

CHECK = {
    "provider_code": "B01",
    "check_id": "K1",
    "account_code": WARNED,
    "checked_at": "2026-10-20",
    "check_kind": "invalid_card_check",
    "result": "reported_lost",
}


def provider(letter: str) -> str:
    return {UNADDRESSED: "B02", QUIET: "B03", NOBODYS: "B03"}.get(letter, "B01")


def account(letter: str, **cells: str) -> dict[str, str]:
    row = {"provider_code": provider(letter), "account_code": letter, "report_date": "2026-11-19", "id_type": "10"}
    row |= {"id_number": NUMBERS[letter], "account_type": "D1", "opened_at": "2026-10-20", "balance": "1"}
    return {**row, "settlement_provider_code": "", "settlement_account_code": "", **cells}


def opening(letter: str, **cells: str) -> dict[str, str]:
    return {"provider_code": provider(letter), "account_code": letter, "card_valid_from": CARD, **cells}


def loss(letter: str, **cells: str) -> dict[str, str]:
    return {"report_no": f"L{letter}", "id_number": NUMBERS[letter], **LOST, **cells}


def lived(root: Path) -> Place:
    """Return the house with its four nights sealed."""
    tables = root / "reference"
    tables.mkdir(parents=True)
    (tables / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (tables / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    place = Place(root).made(tables)
    _first(place)
    place.night(FIRST)
    _second(place)
    place.night(SECOND)
    _third(place)
    place.night(THIRD)
    place.deliver(LAST, "accounts", [account(QUIET, report_date="2026-12-19", balance="4")])
    place.deliver(LAST, "loss_reports", [loss(QUIET)])
    place.deliver(SKIPPED, "accounts", [account(QUIET)])
    bad = place.landing / SECOND.isoformat() / "loss_reports" / "g.csv"
    body = {"sha256": hashlib.sha256(bad.read_bytes()).hexdigest()}
    put(open_book(place.book), "recall", by="Zhao", reason="listed by mistake", body=body, on=LAST)
    place.night(LAST, skips={SKIPPED: "delivered twice"})
    return place


def _first(place: Place) -> None:
    chain = {"opened_at": "2020-01-01", "settlement_provider_code": "B01", "settlement_account_code": LATE_LOSS}
    own = {CHAINED: chain, INQUIRED: {"opened_at": "2020-01-01"}}
    letters = [letter for letter in EVERYBODY if letter != "Z"]
    place.deliver(FIRST, "accounts", [account(letter, **own.get(letter, {})) for letter in letters])
    handled = {letter: NUMBERS["Z"] if letter == IMPOSTOR else "" for letter in letters if letter != OTHER_CARD}
    place.deliver(FIRST, "openings", [opening(one, handler_id_number=by) for one, by in handled.items()])
    earlier = {INQUIRED: {"reported_at": "2026-08-01"}}
    reports = [loss(letter, **earlier.get(letter, {})) for letter in LOST_AT_FIRST]
    place.deliver(FIRST, "loss_reports", [*reports, loss(READMITTED, reported_at="2026-13-45")])
    asked = {"provider_code": "B01", "inquiry_id": "Q1", "id_number": NUMBERS[INQUIRED], "reason": "loan_approval"}
    later = {**asked, "inquiry_id": "Q2", "inquired_at": "2026-09-01"}
    place.deliver(FIRST, "inquiries", [{**asked, "inquired_at": "2026-09-10"}, later])


def _second(place: Place) -> None:
    place.deliver(
        SECOND,
        "accounts",
        [
            account(QUIET, report_date="2026-11-20", balance="2"),
            account(MOVED_DAY, opened_at="2026-09-01", report_date="2026-11-20"),
        ],
    )
    late = [loss(LATE_LOSS), loss(TAKEN_BACK, withdrawn_at="2026-10-02"), loss(NOBODYS)]
    place.deliver(SECOND, "loss_reports", [loss(QUIET), *late])
    place.deliver(SECOND, "loss_reports", [loss(RECALLED)], name="g.csv")
    place.deliver(SECOND, "openings", [opening(OTHER_CARD, card_valid_from="2026-10-05")])
    place.deliver(SECOND, "verifications", [CHECK])
    renamed = {"provider_code": "B01", "old_account_code": RENAMED, "new_account_code": "H2"}
    place.deliver(SECOND, "account_renames", [{**renamed, "effective_on": "2026-11-21"}])
    alert = {"alert_id": "F1", "id_number": NUMBERS[ALERTED], "effective_from": "2026-10-01", "effective_to": ""}
    place.deliver(SECOND, "fraud_alerts", [alert])
    place.deliver(SECOND, "impostors", [{"person_ref": "I1", "id_number": NUMBERS["Z"], "finding_on": "2026-01-01"}])
    objected = {"objection_no": "O1", "id_number": NUMBERS[OBJECTED], "provider_code": "B01", "account_code": OBJECTED}
    place.deliver(SECOND, "objections", [{**objected, "received_on": "2026-11-20"}])
    columns = list(loss(READMITTED))
    line = {"night": FIRST.isoformat(), "file": "f.csv", "row": len(LOST_AT_FIRST) + 1}
    body = {"feed": "loss_reports", "columns": columns, "rows": [{**line, "cells": list(loss(READMITTED).values())}]}
    put(open_book(place.book), "readmission", by="Li", reason="corrected", body=body, on=SECOND)
    _answer(place)


def _answer(place: Place) -> None:
    """Answer one case by the sheet that the liaison was sent."""
    content = (place.folder(FIRST) / "reports" / "b01" / "exceptions.csv").read_text(encoding="utf-8-sig")
    [row] = [row for row in csv.DictReader(io.StringIO(content, newline="")) if row["账户标识"] == ANSWERED]
    cells = [row["案件编号"], row["行令牌"], "1", SECOND.isoformat(), "b01"]
    file = place.root / "answers.csv"
    header = "case_id,row_token,outcome,answered_on,answered_by"
    file.write_text(f"{header}\n{','.join(cells)}\n", encoding="utf-8")
    said = place.say("respond", "--book", str(place.book), str(file))
    assert said.code == 0, said.err


def _third(place: Place) -> None:
    place.deliver(THIRD, "accounts", [account(QUIET, report_date="2026-11-21", balance="3")])
    place.deliver(THIRD, "loss_reports", [loss(QUIET)])
    place.deliver(THIRD, "verifications", [{**CHECK, "account_code": "another"}])
    reference = place.book / "reference"
    with (reference / "recipients.csv").open("a", encoding="utf-8") as recipients:
        recipients.write(SOUTH)
    header = (reference / "duties.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    with (reference / "duties.csv").open("a", encoding="utf-8") as duties:
        duties.write(",".join(DUTY.get(name, "*" if name in _ANY else "") for name in header) + "\n")
    [folder] = [rule for rule in shipped_rules().iterdir() if rule.name.startswith("R401")]
    text = folder.joinpath("rule.sql").read_text(encoding="utf-8")
    text = text.replace("value: 90", "value: 80").replace("value: 7776000", "value: 6912000")
    body = {"folder": folder.name, "text": text}
    put(open_book(place.book), "rule_approval", by="Wang", reason="test", body=body, on=THIRD)


_ANY = ("institution_kind", "region_code", "business_code", "account_type", "channel")
