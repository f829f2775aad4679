"""A person who leaves a book, and the same house without that person, for the tests of erasure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from reference.small import ACCOUNT, CHECK, EVENT, ISSUANCE, OPENING, REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from place import Cells, Place

FIRST = date(2026, 9, 29)
SECOND, THIRD, FOURTH, FIFTH = (FIRST + timedelta(days=d) for d in range(1, 5))  # the third begins a quarter
GOING = "110105196001011239"  # of the person who goes
GOING_15 = "110105600101123"
SPELLED = ("１１０１０５ 19600101 １２３９", GOING_15, GOING)
NAME, PHONE = "司马离去", "13912345678"
OTHER = "440305199001015556"
OLD = {"report_date": "2026-09-01"}
WHY = {"by": "王审计", "reason": "本人申请"}
TOLD = ("--by", WHY["by"], "--reason", WHY["reason"])

GONE = {**ACCOUNT, **OLD, "account_code": "S1", "id_number": GOING, "name": NAME}
STAYS = {**ACCOUNT, **OLD, "account_code": "Z1", "id_number": OTHER}


def deliver(place: Place, *, is_there: bool) -> None:
    """Five nights with the person, or without: everybody else's rows are the same.

    How much came before is no measure of what comes: the files of the two houses differ by the person's rows.
    """
    measured = "[feeds.accounts]\nexpected = true\nmin_share_of_last = 0\n"
    place.config.write_text(f'[mandate]\ntext = "x"\n{measured}', encoding="utf-8")

    def rows(own: list[Cells], others: list[Cells]) -> list[Cells]:
        return [*(own if is_there else []), *others]

    handled = {**OPENING, "account_code": "Z1", "session_id": "SZ"}
    if is_there:
        handled["handler_id_number"] = GOING
    own = {**OPENING, "account_code": "S1", "session_id": "SX", "phone": PHONE}
    place.deliver(FIRST, "accounts", rows([GONE, {**GONE, "account_code": "S2"}], [{**ACCOUNT, **OLD}, STAYS]))
    place.deliver(FIRST, "openings", rows([own], [OPENING, handled]))
    checks = [{**CHECK, "check_id": "V2", "account_code": "S1"}, {**CHECK, "check_id": "V3", "account_code": ""}]
    checks[1] = {**checks[1], "session_id": "SX"}
    place.deliver(FIRST, "verifications", rows(checks, [CHECK]))
    place.deliver(FIRST, "loss_reports", [REPORT])
    place.deliver(FIRST, "invalid_cards", [EVENT])
    place.deliver(FIRST, "issuances", rows([{**ISSUANCE, "id_number": GOING_15}], [ISSUANCE]))
    listed = {"person_ref": "I1", "id_number": GOING, "finding_on": "2019-01-01", "revoked_on": "2019-02-01"}
    place.deliver(FIRST, "impostors", rows([listed], [{**listed, "person_ref": "I2", "id_number": OTHER}]))
    alert = {"alert_id": "F1", "id_number": GOING, "effective_from": "2025-01-01"}
    place.deliver(FIRST, "fraud_alerts", rows([alert], [{**alert, "alert_id": "F2", "id_number": OTHER}]))
    # Stale, a cell that is dropped, a code that is none, and a row that did not split: each keeps its raw text.
    damaged = [
        {**GONE, "report_date": "2026-08-01"},
        {**GONE, "account_code": "S3", "amount": "viel"},
        {**GONE, "account_code": "S4", "account_type": "X"},
        {**GONE, "account_code": "S5", "account_type": "X", "id_number": SPELLED[0]},
        {**GONE, "account_code": "S6", "account_type": "X", "id_number": "", "region_code": f"x{SPELLED[1]}x"},
    ]
    place.deliver(SECOND, "accounts", rows(damaged, [{**STAYS, "account_code": "Z2", "account_type": "X"}]))
    renamed = {"provider_code": "B01", "old_account_code": "S2", "new_account_code": "S9"}
    later = {**renamed, "effective_on": "2027-01-01"}
    place.deliver(SECOND, "account_renames", [{**renamed, "effective_on": "2026-09-30"}] if is_there else [later])
    for night in (THIRD, FOURTH, FIFTH):
        place.deliver(night, "accounts", [{**STAYS, "account_code": f"Z{night.day + 10}"}])


def readmit(place: Place) -> str:
    """Put the corrected row of S4 into the inbox; returns the name of the entry."""
    given = {**GONE, "account_code": "S4"}
    row = {"night": SECOND.isoformat(), "file": "f.csv", "row": 3, "cells": list(given.values())}
    body = {"feed": "accounts", "columns": list(given), "rows": [row]}
    return put(open_book(place.book), "readmission", body=body, on=None, by="王审计", reason="更正").file_name


def numbers(root: Path, *given: str) -> str:
    """Write a file of numbers; returns its path."""
    path = root / "numbers.txt"
    path.write_text("".join(f"{number}\n" for number in given), encoding="utf-8")
    return str(path)


def erase(place: Place, *numbers_given: str) -> None:
    """Record the decision."""
    file = numbers(place.root, *(numbers_given or (GOING,)))
    said = place.say("erase", "--book", str(place.book), "--person", file, *TOLD)
    assert said.code == 0, said
