"""What a recipient's list holds from night to night, and what is taken back (SPEC 8.1, 10.1)."""

from __future__ import annotations

import pytest
from report_desk import PBOC, Desk, Row, case

from creditaudit.masking import Mask
from creditaudit.reports.folders import WHY
from creditaudit.reports.recipients import Recipient

BANK = Recipient("bank", "institution", Mask(3, 4), "utf-8-sig", "zh", "B01")


def closed(number: int, state: str, **cells: object) -> Row:
    return case(number, state=state, is_open=False, **cells)


def test_the_retractions_have_their_columns_and_are_named_by_the_manifest(desk: Desk) -> None:
    """SPEC 10.1: retractions.csv: the first five, state, reason."""
    desk.write([], PBOC)
    text = (desk.folder / "pboc" / "retractions.csv").read_bytes().decode("utf-8-sig")
    assert text == "case_id,row_token,change,provider_code,account_code,state,reason\r\n"
    desk.write([], BANK)
    text = (desk.folder / "bank" / "retractions.csv").read_bytes().decode("utf-8-sig")
    assert text == "案件编号,行令牌,变化,机构代码,账户标识,状态,理由\r\n"
    assert "retractions.csv" in [f["file"] for f in desk.manifest("bank")["files"]]
    assert (desk.folder / "bank" / "retractions.csv-metadata.json").is_file()


@pytest.mark.parametrize("state", ["withdrawn", "holder_confirmed", "correction_verified"])
def test_a_case_that_closes_is_taken_back_once_with_the_token_that_was_sent(desk: Desk, state: str) -> None:
    desk.write([case(1, change="new"), case(2, change="new")], PBOC)
    token = next(r["row_token"] for r in desk.read("exceptions.csv") if r["case_id"] == "CA-1")
    written = desk.write([closed(1, state), case(2)], PBOC)
    [row] = desk.read("retractions.csv")
    assert row == {
        "case_id": "CA-1",
        "row_token": token,
        "change": "changed",
        "provider_code": "B01",
        "account_code": "A1",
        "state": state,
        "reason": WHY[state][1],
    }
    assert written.retracted == {"pboc": 1}
    assert [r["case_id"] for r in desk.read("exceptions_all.csv")] == ["CA-2"]
    assert desk.read("exceptions.csv") == []
    desk.write([closed(1, state), case(2)], PBOC)
    assert desk.read("retractions.csv") == []


def test_what_was_never_sent_is_not_taken_back(desk: Desk) -> None:
    other = Recipient("other", "institution", Mask(3, 4), "utf-8-sig", "en", "B01")
    desk.write([case(1, change="new"), case(2, change="new", is_quiet=True)], PBOC, other, to={"CA-1": "pboc"})
    desk.write([closed(1, "withdrawn"), closed(2, "withdrawn", is_quiet=True)], PBOC, other, to={"CA-1": "pboc"})
    assert [r["case_id"] for r in desk.read("retractions.csv")] == ["CA-1"]
    assert desk.read("retractions.csv", "other") == []


def test_an_open_case_whose_state_moves_stays_in_the_list(desk: Desk) -> None:
    desk.write([case(1, change="new")], PBOC)
    for state in ("undetermined", "correction_due", "correction_overdue"):
        desk.write([case(1, state=state, change="changed")], PBOC)
        assert desk.read("retractions.csv") == []
        assert [r["change"] for r in desk.read("exceptions.csv")] == ["changed"]
        assert [r["change"] for r in desk.read("exceptions_all.csv")] == ["all"]


def test_a_case_that_is_renamed_to_another_institution_leaves_one_list_and_is_new_in_the_other(desk: Desk) -> None:
    """The old institution reads the codes that it was sent, and not the new ones."""
    other = Recipient("other", "institution", Mask(3, 4), "utf-8-sig", "en", "B02")
    old = Recipient("old", "institution", Mask(3, 4), "utf-8-sig", "en", "B01")
    desk.write([case(1, change="new")], old, other, PBOC, to={"CA-1": "old"})
    moved = case(1, change="changed", provider_code="B02", account_code="Z9", subject="account:Z9")
    desk.write([moved], old, other, to={"CA-1": "other"})
    [row] = desk.read("retractions.csv", "old")
    assert (row["provider_code"], row["account_code"], row["state"]) == ("B01", "A1", "sent")
    assert row["reason"] == "no longer of your institution or region"
    for name in ("exceptions", "exceptions_all", "data_quality"):
        assert desk.read(f"{name}.csv", "old") == []
    for path in (desk.folder / "old").iterdir():
        assert "Z9" not in path.read_text(encoding="utf-8-sig")
    assert [(r["account_code"], r["change"]) for r in desk.read("exceptions.csv", "other")] == [("Z9", "new")]
    assert desk.read("retractions.csv", "other") == []


@pytest.mark.parametrize(("flag", "why"), [("is_quiet", "only_replaced_cards"), ("is_data_quality", "data_quality")])
def test_a_case_that_is_no_exception_any_more_is_taken_back_and_comes_again_as_changed(
    desk: Desk, flag: str, why: str
) -> None:
    desk.write([case(1, change="new")], PBOC)
    desk.write([case(1, change="changed", **{flag: True})], PBOC)
    assert [r["reason"] for r in desk.read("retractions.csv")] == [WHY[why][1]]
    assert desk.read("exceptions_all.csv") == []
    desk.write([case(1)], PBOC)
    assert [r["change"] for r in desk.read("exceptions.csv")] == ["changed"]
    assert desk.read("retractions.csv") == []


def test_a_recipient_that_is_new_gets_every_open_case_as_new(desk: Desk) -> None:
    desk.write([case(1, change="new"), case(2, change="new")], PBOC)
    late = Recipient("late", "pboc_liaison", Mask(3, 4), "utf-8-sig", "en")
    assert desk.write([case(1), case(2, change="changed")], PBOC, late).sent == {"pboc": 1, "late": 2}
    assert [(r["case_id"], r["change"]) for r in desk.read("exceptions.csv", "late")] == [
        ("CA-1", "new"),
        ("CA-2", "new"),
    ]
    assert desk.write([case(1), case(2)], PBOC, late).sent == {"pboc": 0, "late": 0}


def test_a_recipient_that_left_the_table_reads_what_was_taken_back_when_it_returns(desk: Desk) -> None:
    bank = Recipient("bank", "institution", Mask(3, 4), "utf-8-sig", "en", "B01")
    desk.write([case(1, change="new")], PBOC, bank)
    desk.write([closed(1, "withdrawn")], PBOC)
    desk.write([closed(1, "withdrawn")], PBOC, bank)
    assert [r["case_id"] for r in desk.read("retractions.csv", "bank")] == ["CA-1"]


@pytest.mark.parametrize(
    ("first", "second", "state", "why"),
    [
        ("withdrawn", "holder_confirmed", "withdrawn", "withdrawn"),
        ("undetermined", "holder_confirmed", "undetermined", "holder_confirmed"),
        ("undetermined", "sent", "undetermined", "only_replaced_cards"),
    ],
)
def test_a_recipient_that_returns_after_another_episode_reads_what_became_of_the_one_that_it_has(
    desk: Desk, first: str, second: str, state: str, why: str
) -> None:
    bank = Recipient("bank", "institution", Mask(3, 4), "utf-8-sig", "en", "B01")
    desk.write([case(1, change="new")], PBOC, bank)
    desk.write([closed(1, first)], PBOC)
    now = case(1, state=second, episode=2, is_open=second == "sent", is_quiet=second == "sent")
    desk.write([now], PBOC, bank, earlier=[closed(1, first)])
    [row] = desk.read("retractions.csv", "bank")
    assert (row["state"], row["reason"]) == (state, WHY[why][1])


def test_a_case_that_woke_is_sent_again_with_another_token(desk: Desk) -> None:
    desk.write([case(1, change="new")], PBOC)
    [before] = desk.read("exceptions.csv")
    desk.write([closed(1, "withdrawn")], PBOC)
    desk.write([case(1, episode=2, change="changed")], PBOC)
    [after] = desk.read("exceptions.csv")
    assert after["row_token"] != before["row_token"]
    assert after["change"] == "changed"
    desk.write([closed(1, "withdrawn", episode=2)], PBOC)
    assert [r["row_token"] for r in desk.read("retractions.csv")] == [after["row_token"]]


def test_an_earlier_episode_is_in_no_report(desk: Desk) -> None:
    """SPEC 8.1: only the last episode of a case is open."""
    desk.write([case(1, change="new")], PBOC)
    past = case(1, state="undetermined", is_open=False, is_superseded=True)
    desk.write([past, case(1, episode=2, change="changed")], PBOC)
    [row] = desk.read("exceptions_all.csv")
    assert desk.read("retractions.csv") == []
    desk.write([case(1, episode=2)], PBOC)
    assert [r["row_token"] for r in desk.read("exceptions_all.csv")] == [row["row_token"]]


def test_a_book_of_an_older_program_sends_nothing_anew(desk: Desk) -> None:
    """Its nights do not say who got what: nobody is told twice for that."""
    assert desk.write([case(1), case(2, change="changed")], PBOC).sent == {"pboc": 1}
    desk.write([closed(1, "withdrawn"), case(2)], PBOC)
    assert [r["case_id"] for r in desk.read("retractions.csv")] == ["CA-1"]


def test_retractions_are_sorted_and_safe_in_a_spreadsheet(desk: Desk) -> None:
    codes = ["=1+1", "9", "123456789012345678", "+"]
    cases = [case(n, change="new", account_code=code, subject=code) for n, code in enumerate(codes)]
    desk.write(cases, PBOC)
    desk.write([{**c, "state": "withdrawn", "is_open": False, "change": None} for c in cases], PBOC)
    assert [r["account_code"] for r in desk.read("retractions.csv")] == ["'+", "'123456789012345678", "9", "'=1+1"]
