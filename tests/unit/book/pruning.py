"""Five nights of one book, and the decision to keep the last two, for the tests of retention."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from creditaudit.book import tombstones
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import Book, open_book
from creditaudit.book.seal import verify
from reference.small import ACCOUNT, CHECK, EVENT, ISSUANCE, OPENING, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from place import Place

# The third night begins a quarter: its states are complete, and those before it are needed for older nights alone.
NIGHTS = (date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3))

OLD = {"report_date": "2026-09-01"}
STRANGER = "110105196001011239"
WHY = {"by": "王审计", "reason": "保存期满"}
TOLD = ("--by", WHY["by"], "--reason", WHY["reason"])


def deliver(place: Place) -> None:
    """A person with a case, a stranger without one, and rows of both that are quarantined."""
    stranger = {**ACCOUNT, **OLD, "account_code": "S1", "id_number": STRANGER}
    first, second, third, fourth, fifth = NIGHTS
    place.deliver(first, "accounts", [{**ACCOUNT, **OLD}, stranger, {**stranger, "account_code": "S2"}])
    place.deliver(first, "openings", [OPENING, {**OPENING, "account_code": "S1", "session_id": "S"}])
    place.deliver(first, "verifications", [CHECK, {**CHECK, "check_id": "V2", "account_code": "S1"}])
    place.deliver(first, "loss_reports", [REPORT])
    place.deliver(first, "invalid_cards", [EVENT])
    place.deliver(first, "issuances", [ISSUANCE, {**ISSUANCE, "id_number": STRANGER}])
    bad = {**ACCOUNT, **OLD, "account_type": "X"}
    place.deliver(
        second,
        "accounts",
        [
            {**bad, "account_code": "Q1"},
            {**bad, "account_code": "Q2", "id_number": STRANGER},
            {**stranger, "account_code": "S3"},
        ],
    )
    for night in (third, fourth, fifth):
        place.deliver(night, "accounts", [{**stranger, "account_code": f"S{night.day + 10}"}])


class PulledPlugError(BaseException):
    """No error that the program could catch."""


def pulled_after_each_file(
    place: Place, night: date, monkeypatch: pytest.MonkeyPatch, *, threads: int = 1
) -> Iterator[int]:
    """Run a night until it ends, killed after each file that it removes; gives how many went, each time."""
    steps, done = 0, tombstones._finish_file

    def one_file_a_run(book: Book, file: tombstones.RemovedFile) -> bool:
        if done(book, file):
            raise PulledPlugError
        return False

    with monkeypatch.context() as patched:
        patched.setattr(tombstones, "_finish_file", one_file_a_run)
        while True:
            try:
                place.night(night, threads=threads)
            except PulledPlugError:
                steps += 1
                yield steps
            else:
                return


def checked(place: Place) -> Any:
    return verify(open_book(place.book), load_keys(str(place.key), place.book))


def accounts_in(place: Place, night: date) -> list[str]:
    parts = sorted((place.folder(night) / "intake" / "accounts").glob("*.parquet"))
    return [code for part in parts for code in pq.read_table(part)["account_code"].to_pylist()]


def manifest(place: Place, night: date) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((place.folder(night) / "manifest.json").read_text(encoding="utf-8"))
    return content


def first_kept(place: Place) -> Path:
    return place.folder(NIGHTS[0]) / "intake" / "accounts" / "part-00001.parquet"
