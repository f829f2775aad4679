"""Why an account is flagged or cleared, in words, and that the words fit what the night found."""

from __future__ import annotations

import functools
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from creditaudit.book.proof_state import ABSENT_ACCOUNTS
from creditaudit.book.state import write_changes
from creditaudit.errors import UsageError
from creditaudit.explain import explain_account, spoken
from place import Place
from reference.small import ACCOUNT, NUMBER, OPENING, REPORT
from unit.kit import OTHER

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
SHORT = "X12"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights: in the first A1 is flagged; in the second the loss report is withdrawn and A1 is called A2."""
    place = Place(tmp_path_factory.mktemp("explained")).made()

    def account(code: str, **cells: str) -> dict[str, str]:
        return {**ACCOUNT, "account_code": code, **cells}

    accounts = [
        account("A1"),
        account("NEW", opened_at="2024-06-01"),
        account("PASS"),
        account("LINE", account_type="R4"),
        account("DEBT", account_type="C1"),
        account("BEFORE", opened_at="2023-12-31"),
        account("NOBODY", id_number=OTHER),
        account("PASSPORT", id_type="20"),
        account("SHORT", id_number=SHORT),
        account("OLD", opened_at="2024-01-10"),
        account("ENDED", id_number=OTHER, opened_at="2023-05-05"),
        account("P2"),
    ]
    openings = [
        OPENING,
        {**OPENING, "account_code": "NEW", "card_valid_from": "2024-05-01"},
        {**OPENING, "account_code": "PASS", "document_kind": "other"},
        {**OPENING, "account_code": "BEFORE"},
        {**OPENING, "account_code": "OLD"},
        {**OPENING, "account_code": "ENDED", "card_valid_to": "2023-05-04"},
    ]
    place.deliver(FIRST, "accounts", accounts)
    place.deliver(FIRST, "openings", openings)
    place.deliver(FIRST, "loss_reports", [REPORT])
    place.night(FIRST)
    rename = {"provider_code": "B01", "effective_on": "2026-11-21"}
    renames = [{**rename, "old_account_code": f"{a}1", "new_account_code": f"{a}2"} for a in "AP"]
    place.deliver(SECOND, "account_renames", renames)
    place.deliver(SECOND, "accounts", [account("A2"), account("P1")], name="b.csv")
    place.deliver(SECOND, "loss_reports", [{**REPORT, "withdrawn_at": "2024-01-10 10:00:00"}])
    place.night(SECOND)
    return place.book


@functools.cache
def said(book: Path, account: str, night: date | None = FIRST) -> str:
    text = "\n".join(spoken(explain_account(book, f"B01/{account}", night), "en"))
    assert "待核查线索" in text
    assert NUMBER not in text
    assert OTHER not in text
    return text


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (
            "A1",
            [
                "R101 violation",
                "same",
                "standing at the moment: yes",
                "2024-01-10 10:00:01",
                "flagged",
                "110***********002X",
            ],
        ),
        ("OLD", ["R101 undecidable", "after: maybe", "overlap", "flagged by R101 undecidable"]),
        ("NEW", ["card relation: newer", "newer_card_shown", "Result: no finding; cleared: a newer card was shown"]),
        ("PASS", ["document_kind other", "no_card_shown", "Result: no finding; not judged: no ID card was shown"]),
        ("LINE", ["Moment: none (agreement_unknown)", "not judged: the credit agreement's date is not known"]),
        ("DEBT", ["Moment: none (transferred_debt)", "not judged: a transferred debt without its original account"]),
        ("BEFORE", ["after: no", "earlier than the beginning of reported", "Result: no finding"]),
        ("NOBODY", ["The person has no notice in either registry", "nothing to judge"]),
        ("PASSPORT", ["id_type 20", "not matched by number"]),
        ("SHORT", ["***", "bad_form", "never matched"]),
        (
            "ENDED",
            ["R108 violation", "the card shown ended 2023-05-04", "no notice in either registry", "flagged by R108"],
        ),
    ],
)
def test_the_words_of_each_outcome(book: Path, account: str, words: list[str]) -> None:
    text = said(book, account)
    for word in words:
        assert word in text


def test_not_judged_is_never_called_cleared(book: Path) -> None:
    """SPEC 6.1: only newer_card_shown clears."""
    for account in ("PASS", "LINE", "DEBT", "PASSPORT", "SHORT", "BEFORE"):
        assert "cleared" not in said(book, account)


def test_an_account_of_another_id_type_is_not_told_to_have_no_notice(book: Path) -> None:
    """The number has a notice; the account is not matched by it (SPEC 3.2)."""
    for account in ("PASSPORT", "SHORT"):
        assert "no notice" not in said(book, account)


def test_a_renamed_account_is_explained_under_any_of_its_codes(book: Path) -> None:
    old, new = said(book, "A1", SECOND), said(book, "A2", SECOND)
    assert old == new
    assert "Account B01/A2 as known on night 2026-11-21" in new
    assert "Lineage: B01/A1 -> B01/A2" in new


def test_the_row_that_judges_is_the_one_named(book: Path) -> None:
    """SPEC 12: of two rows of one report date, the fewest renames to the end."""
    assert "accepted on night 2026-11-21 from accounts/b.csv row 1, line 2" in said(book, "A1", SECOND)
    assert "accepted on night 2026-11-20 from accounts/f.csv row 12, line 13" in said(book, "P1", SECOND)
    assert "accepted on night 2026-11-20 from accounts/f.csv row 1, line 2" in said(book, "A1", FIRST)


def test_as_of_an_earlier_night(book: Path) -> None:
    """The withdrawal and the rename came later."""
    then, now = said(book, "A1", FIRST), said(book, "A1", None)
    assert "Account B01/A1 as known on night 2026-11-20" in then
    assert "no effective withdrawal" in then
    assert "withdrawn 2024-01-10 10:00:00" in now
    assert "standing at the moment: no" in now
    assert "Result: no finding" in now


@pytest.mark.parametrize("account", ["B01/none", "B99/A1", "B01/A2", "B01/a1", "B01/x' OR 'a'='a"])
def test_an_unknown_account(book: Path, account: str) -> None:
    """A2 is not known before its night; codes are case-sensitive and never SQL."""
    with pytest.raises(UsageError, match="not known") as refused:
        explain_account(book, account, FIRST)
    assert "quarantine.parquet" in str(refused.value)


@pytest.mark.parametrize("account", ["A1", "/A1", "B01/", "", "/"])
def test_an_account_of_no_form(book: Path, account: str) -> None:
    with pytest.raises(UsageError, match="PROVIDER/ACCOUNT"):
        explain_account(book, account, None)


@pytest.mark.parametrize("night", [date(2026, 11, 19), date(2026, 11, 22)])
def test_a_night_that_is_not_sealed(book: Path, night: date) -> None:
    with pytest.raises(UsageError, match="not sealed"):
        explain_account(book, "B01/A1", night)


def test_a_book_without_a_night(place: Place) -> None:
    with pytest.raises(UsageError, match="no sealed night"):
        explain_account(place.book, "B01/A1", None)


def test_an_account_whose_absence_is_proven_is_judged_no_more(book: Path, tmp_path: Path) -> None:
    """SPEC 2: from the night after the proof until it is delivered again."""
    shutil.copytree(book, tmp_path / "book", symlinks=True)
    row = {"night": FIRST, "provider_code": "B01", "account_code": "NEW", "case_id": "CA-1", "is_absent": True}
    kept = pa.Table.from_pylist([row], schema=ABSENT_ACCOUNTS.schema)
    write_changes(tmp_path / "book" / "nights" / FIRST.isoformat(), ABSENT_ACCOUNTS.name, kept)
    told = explain_account(tmp_path / "book", "B01/NEW", SECOND)
    assert told.as_dict()["judged_no_more"] == {"case_id": "CA-1", "proven_on": FIRST.isoformat()}
    assert "judged no more until it is delivered again" in "\n".join(spoken(told, "en"))
    assert "再次报送前不再判断" in "\n".join(spoken(told, "zh"))
    assert explain_account(tmp_path / "book", "B01/NEW", FIRST).absence is None  # that night still judged it
    assert explain_account(book, "B01/NEW", SECOND).as_dict()["judged_no_more"] is None
