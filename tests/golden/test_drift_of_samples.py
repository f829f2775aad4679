"""The matter that the guide follows, told by drift: an answer, two deliveries that prove, a debt that came back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.layout import open_book
from creditaudit.drift import drift

if TYPE_CHECKING:
    from pathlib import Path

CASE = "CA-0c04d3a3c6883220e2729cde"
SAMPLES = "B19073310H0001-all.csv"


def _told(book: Path, earlier: int, later: int, kind: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = drift(open_book(book), date(2026, 11, earlier), date(2026, 11, later))
    assert "unnamed" not in set(found.causes["cause"].to_pylist())
    assert set(found.causes["change"].to_pylist()) == set(found.changes["change"].to_pylist())
    [change] = [c for c in found.changes.to_pylist() if (c["case_id"], c["kind"]) == (CASE, kind)][:1]
    return change, [row for row in found.causes.to_pylist() if row["change"] == change["change"]]


def test_a_proof_names_its_files(sample_book: Path) -> None:
    change, rows = _told(sample_book, 18, 19, "state")
    assert (change["was"], change["now"]) == ("correction_due", "correction_verified")
    assert {(row["cause"], row["feed"], row["file"]) for row in rows} == {("proof", "accounts", SAMPLES)}
    short = [row["sha256"][:8] for row in rows]
    assert sorted(short) == sorted(part.split(" ")[1] for part in rows[0]["detail"].removeprefix("absent:").split(";"))


@pytest.mark.parametrize(("earlier", "was"), [(19, "correction_verified"), (15, "sent")])
def test_what_came_back_names_the_row_and_what_was_proven(sample_book: Path, earlier: int, was: str) -> None:
    change, rows = _told(sample_book, earlier, 20, "state")
    assert (change["was"], change["now"]) == (was, "reappeared")
    [back] = [row for row in rows if row["role"] == "returned"]
    assert (back["cause"], back["feed"]) == ("row_new", "accounts")
    assert "returned:rekeyed:1907x0000062560190" in {row["detail"] for row in rows if row["cause"] == "returned"}
    if was == "sent":
        assert [row["night"].day for row in rows if row["cause"] in {"answer", "proof"}] == [17, 19, 19]
    change, rows = _told(sample_book, earlier, 20, "verdict")
    assert (change["was"], change["now"]) == ("violation", None)
    assert [row["cause"] for row in rows] == ["proof"]
