"""Files that turn out bad weeks later are taken back, through real nights and the command line (SPEC 8.1, 9).

Two houses: in one of them some files come, and night 6 recalls them; in the other they never came.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.as_of import open_book as open_to_read
from creditaudit.book.layout import Book
from creditaudit.errors import BookBrokenError, RefusedError
from creditaudit.trace import Source, trace
from e2e.correction_house import File, House, nth, number
from place import changed, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from place import Cells, Spoken

WAYS = ("DELETED", "AGAIN", "PLAIN")
RECALLED_ON = 6
# What the other house never reads, by what it is to the book.
BAD = {
    "mistake": (2, "loss_reports", "bad.csv"),
    "superseded": (2, "loss_reports", "old.csv"),
    "closing": (3, "loss_reports", "closing.csv"),
    "proof": (3, "accounts", "DELETED-0.csv"),
    "return": (5, "accounts", "AGAIN-0.csv"),
    "base": (1, "accounts", "BASED-0.csv"),
    "objections": (2, "objections", "made-up.csv"),
}
# Accounts of PLAIN whose persons a registry speaks of: by a mistaken report; by that and a sound one; by one that a
# later file withdrew; by one delivered twice, the second time rightly; by none, though the person is said to object.
MISTAKEN, SURE, CLOSED, TWICE, OBJECTED = "O1-PLAIN", "O2-PLAIN", "O3-PLAIN", "O4-PLAIN", "O5-PLAIN"


def _report(house: House, code: str, report_no: str, **cells: str) -> Cells:
    person = number(house.people["PLAIN"] + int(code[1]))
    base = {"report_no": report_no, "id_number": person, "card_valid_from": "2018-01-01", "entered_at": ""}
    return {**base, "reported_at": "2019-05-04 10:00:00", "withdrawn_at": "", **cells}


def _objection(code: str) -> Cells:
    base = {"objection_no": f"OB-{code}", "provider_code": "PLAIN", "account_code": code}
    return {**base, "id_number": number(555), "received_on": "2026-11-21"}


def _based(house: House, *, never: bool) -> None:
    """Add an institution whose full delivery held the flagged account once, beside a change that told of it, too."""
    house.way("BASED")
    for night in (1, 2):
        house.files.pop((night, "BASED"))
    if not never:
        house.deliver(1, "BASED", File([house.flagged("BASED"), *house.others("BASED", 1)]))
    house.deliver(1, "BASED", File([house.flagged("BASED")], kind="delta"))
    for night in (3, 4):
        house.deliver(night, "BASED", File(house.others("BASED", night)))


def _house(root: Path, *, never: bool) -> House:
    """Return a house after night 5, with or without the bad files."""
    house = House.made(root)
    for name in WAYS:
        house.way(name)
    _based(house, never=never)
    shown = {"document_kind": "permanent", "card_valid_from": "2018-01-01"}
    house.feeds[1, "openings"] += [
        {"provider_code": "PLAIN", "account_code": code, **shown} for code in (MISTAKEN, SURE, CLOSED, TWICE)
    ]
    for n in (3, 4):
        for name in ("DELETED", "AGAIN"):
            if not (never and (n, "accounts", f"{name}-0.csv") in BAD.values()):
                house.deliver(n, name, File(house.others(name, n)))
    house.deliver(7, "DELETED", File(house.others("DELETED", 7)))
    reports: dict[tuple[int, str], list[Cells]] = {
        (2, "good.csv"): [_report(house, SURE, "L-good"), _report(house, CLOSED, "L-closed")],
        (3, "twice.csv"): [_report(house, TWICE, "L-twice", entered_at="2026-11-22")],
    }
    if not never:
        reports[2, "bad.csv"] = [_report(house, MISTAKEN, "L-bad"), _report(house, SURE, "L-bad2")]
        reports[2, "old.csv"] = [_report(house, TWICE, "L-twice", entered_at="2026-11-21", reported_at="2019-05-01")]
        house.place.deliver(nth(2), "objections", [_objection(""), _objection(OBJECTED)], name="made-up.csv")
        withdrawn = {"withdrawn_at": "2019-05-04 12:00:00", "entered_at": "2026-11-22"}
        reports[3, "closing.csv"] = [_report(house, CLOSED, "L-closed", **withdrawn)]
        house.deliver(5, "AGAIN", File([house.flagged("AGAIN")], kind="delta"))
    for (n, name), rows in reports.items():
        house.place.deliver(nth(n), "loss_reports", rows, name=name)
    for n in range(1, RECALLED_ON):
        if n >= 5:
            house.deliver(n, "PLAIN", File(house.others("PLAIN", n), kind="delta"))
        house.run(n)
    return house


def sha256_of(house: House, what: str) -> str:
    """Return the SHA-256 of a bad file."""
    night, feed, name = BAD[what]
    return hashlib.sha256((house.place.landing / nth(night).isoformat() / feed / name).read_bytes()).hexdigest()


def recall(house: House, *arguments: str) -> Spoken:
    return house.place.say("recall", "--book", str(house.place.book), *arguments)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house before the recall; read, or copied."""
    return _house(tmp_path_factory.mktemp("recalled"), never=False)


@pytest.fixture(scope="module")
def listed(before: House) -> dict[str, list[dict[str, Any]]]:
    """What rests on each file."""
    found = {}
    for what in BAD:
        said = recall(before, sha256_of(before, what), "--format", "json")
        assert said.code == 0, said.err
        found[what] = json.loads(said.out)
    return found


@pytest.fixture(scope="module")
def after(before: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house after nights 6 and 7: one decision for four of the files, and one for the last."""
    house = before.copied(tmp_path_factory.mktemp("after"))
    decided = ("--apply", "--by", "Li Audit", "--reason", "sent by mistake, says 11010519491231002X")
    first, *others = (sha256_of(house, what) for what in BAD)
    said = recall(house, first[:12], *others[:-1], *decided)
    assert said.code == 0, said.err
    assert recall(house, others[-1], *decided).code == 0
    whole = house.copied(tmp_path_factory.mktemp("whole"))
    house.run(RECALLED_ON)
    whole.run(RECALLED_ON, everyone=True)
    assert changed(tree_of(house.place.folder(nth(6))), tree_of(whole.place.folder(nth(6)))) == []
    house.run(7)
    return house


@pytest.fixture(scope="module")
def never(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house in which the files never came, after night 7."""
    house = _house(tmp_path_factory.mktemp("never"), never=True)
    for night in (6, 7):
        house.run(night)
    return house


def last(house: House, night: int, code: str) -> dict[str, Any]:
    rows = [r for r in house.place.rows(nth(night), "cases") if r["account_code"] == code]
    return max(rows, key=lambda r: (r["first_seen"], r["episode"]))


def events(house: House, night: int, code: str) -> list[tuple[str, str | None, str | None, str]]:
    cases = {r["case_id"] for r in house.place.rows(nth(night), "cases") if r["account_code"] == code}
    return [
        (r["event"], r["from_state"], r["to_state"], r["proof"])
        for r in house.place.rows(nth(night), "case_events")
        if r["case_id"] in cases and r["night"] == nth(night)
    ]


@pytest.mark.parametrize("night", [6, 7])
@pytest.mark.parametrize("table", ["findings", "clearances"])
def test_findings_are_those_of_a_history_without_the_files(after: House, never: House, table: str, night: int) -> None:
    """SPEC 2, a recalled file: byte by byte, from the night that takes the decision on."""
    one, other = (house.place.folder(nth(night)) / "published" / f"{table}.parquet" for house in (after, never))
    assert one.read_bytes() == other.read_bytes()
    assert len(after.place.rows(nth(night), "findings")) > 1


def test_cases_differ_only_where_a_file_did_it(after: House, never: House) -> None:
    touched = {MISTAKEN, SURE, CLOSED, TWICE, OBJECTED, None, "A-DELETED", "A-AGAIN", "A-BASED"}
    tables = [
        [r for r in house.place.rows(nth(7), "cases") if r["account_code"] not in touched] for house in (after, never)
    ]
    assert tables[0] == tables[1]
    assert {r["account_code"] for r in tables[0]} == {"A-PLAIN"}


def test_what_a_mistake_alone_made_is_withdrawn_and_taken_back(after: House, before: House) -> None:
    """SPEC 8.1: sent becomes withdrawn because of a recalled file; SPEC 10.1: the recipient is told."""
    assert last(before, 5, MISTAKEN)["state"] == "sent"
    assert last(after, 6, MISTAKEN)["state"] == "withdrawn"
    assert events(after, 6, MISTAKEN) == [("withdrawn", "sent", "withdrawn", "no_finding_stands:recalled_file")]
    path = after.place.folder(nth(6)) / "reports" / "all" / "retractions.csv"
    taken_back = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    assert {row["账户标识"] for row in taken_back} >= {MISTAKEN}


def test_independent_evidence_keeps_a_case_alive(after: House) -> None:
    case = last(after, 6, SURE)
    assert (case["state"], case["episode"]) == ("sent", 1)
    assert {r["notice_id"] for r in after.place.rows(nth(6), "findings") if r["account_code"] == SURE} == {"L-good"}


def test_what_a_file_closed_is_open_again(after: House, before: House) -> None:
    assert last(before, 5, CLOSED)["state"] == "withdrawn"
    case = last(after, 6, CLOSED)
    assert (case["state"], case["episode"]) == ("sent", 2)


def test_a_superseded_file_moves_nothing(after: House, before: House, listed: dict[str, list[dict[str, Any]]]) -> None:
    assert listed["superseded"] == []
    was, now = last(before, 5, TWICE), last(after, 6, TWICE)
    of_the_night = {"night", "stale_inputs"}
    assert {k: v for k, v in was.items() if k not in of_the_night} == {
        k: v for k, v in now.items() if k not in of_the_night
    }


def test_a_verified_correction_whose_proof_is_recalled_is_due_again(after: House, before: House) -> None:
    """SPEC 8.1: same episode, due when it was; the other proof stands, and one more verifies it again."""
    assert before.state(5, "DELETED") == "correction_verified"
    case = after.case(6, "DELETED")
    assert (case["state"], case["episode"]) == ("correction_due", 1)
    assert case["due_on"] is not None
    sha8 = sha256_of(after, "proof")[:8]
    assert ("proof_recalled", "correction_verified", "correction_due", f"recalled:{sha8}") in events(
        after, 6, "A-DELETED"
    )
    assert after.state(7, "DELETED") == "correction_verified"


def test_an_absence_that_no_delivery_shows_any_more_is_none(after: House, before: House, never: House) -> None:
    """SPEC 8.3, an earlier delivery of that scope held it: without that one the account is judged again."""
    assert before.state(5, "BASED") == "correction_verified"
    assert after.state(6, "BASED") == never.state(6, "BASED") == "correction_due"
    assert after.case(6, "BASED")["episode"] == 1
    proof = f"recalled:{sha256_of(after, 'base')[:8]}"
    assert ("proof_recalled", "correction_verified", "correction_due", proof) in events(after, 6, "A-BASED")
    assert "A-BASED" in {r["account_code"] for r in after.place.rows(nth(6), "findings")}


@pytest.mark.parametrize("code", [OBJECTED, None])
def test_an_objection_that_was_never_made_is_taken_back(after: House, before: House, code: str | None) -> None:
    """A case that it alone opened is withdrawn, and whoever had it is told."""
    assert (last(before, 5, code)["state"], last(before, 5, code)["tier"]) == ("sent", "objection")
    assert last(after, 6, code)["state"] == "withdrawn"
    case_id = last(after, 6, code)["case_id"]
    path = after.place.folder(nth(6)) / "reports" / "all" / "retractions.csv"
    assert case_id in path.read_text(encoding="utf-8-sig")
    moves = [r for r in after.place.rows(nth(6), "case_events") if r["case_id"] == case_id and r["night"] == nth(6)]
    assert [(r["event"], r["proof"]) for r in moves] == [("withdrawn", "no_finding_stands:recalled_file")]


def test_an_account_that_only_a_recalled_row_brought_back_is_absent_still(after: House, before: House) -> None:
    assert before.state(5, "AGAIN") == "reappeared"
    assert after.state(6, "AGAIN") == "reappeared"  # what happened is not undone; the case that followed is withdrawn
    assert last(after, 6, "A-AGAIN")["state"] == "withdrawn"
    assert not [r for r in after.place.rows(nth(6), "findings") if r["account_code"] == "A-AGAIN"]


def test_the_list_says_what_each_would_be(after: House, listed: dict[str, list[dict[str, Any]]]) -> None:
    """Everything that is listed to move does, and is in the state that the list gave."""
    told = {(row["account_code"], row["without"]) for what in listed for row in listed[what]}
    assert told == {
        (MISTAKEN, "gone"),
        (SURE, "gone"),
        (SURE, "same"),
        (CLOSED, "new"),
        ("A-DELETED", "new"),
        ("A-DELETED", "proof"),
        ("A-AGAIN", "gone"),
        ("A-BASED", "new"),
        ("A-BASED", "proof"),
        (OBJECTED, "objection"),
        (None, "objection"),
    }
    assert {(r["due_kind"], r["due_on"]) for r in listed["objections"]} == {("legal", "2026-12-11")}
    assert [r["recipients"] for r in listed["mistake"] if r["account_code"] == MISTAKEN] == ["all"]
    assert all(row["due_kind"] == "house" for row in listed["mistake"] if row["due_on"])
    states = {row["account_code"]: row["state_without"] for what in listed for row in listed[what]}
    moved = {code: state for code, state in states.items() if code != CLOSED}  # from lead to sent on the same night
    assert {code: last(after, 6, code)["state"] for code in moved} == moved


def test_the_page_the_manifest_and_the_book_tell_of_it(after: House) -> None:
    night = after.place.folder(nth(6))
    page = (night / "night.html").read_text(encoding="utf-8")
    assert "recalled by decision of Li Audit on 2026-11-25" in page
    assert f"loss_reports/bad.csv, SHA-256 {sha256_of(after, 'mistake')[:16]}" in page
    manifest = json.loads((night / "manifest.json").read_bytes())
    assert {one["sha256"] for one in manifest["recalls"]} == {sha256_of(after, what) for what in BAD}
    assert "11010519491231002X" not in json.dumps(manifest)
    rows = open_to_read(after.place.book).as_of(nth(7)).standing("recalled_files").to_pylist()
    assert {(r["feed"], r["file"]) for r in rows} == {(feed, name) for _, feed, name in BAD.values()}
    verified = after.place.say("verify", "--book", str(after.place.book))
    assert verified.code == 0, verified.err
    assert "loss_reports/bad.csv of night 2026-11-21 is recalled by decision of Li Audit" in verified.out
    traced = after.place.say("trace", "--book", str(after.place.book), "--file", "loss_reports/bad.csv")
    assert "is recalled by decision of Li Audit" in traced.err
    explained = after.place.say("explain", "--book", str(after.place.book), "--account", f"PLAIN/{MISTAKEN}")
    assert explained.code == 0, explained.err
    assert "Notice loss_reports L-bad" not in explained.out
    assert "believed with it, and no more: R101 violation (loss_reports L-bad)" in explained.out
    found = trace(Book(after.place.book), source=Source(sha256_of(after, "mistake")))
    assert found.num_rows == 0
    then = open_to_read(after.place.book).as_of(nth(5)).standing("loss_reports")["report_no"].to_pylist()
    assert "L-bad" in then  # what was known on an earlier night is not rewritten


def test_explain_and_case_tell_what_was_believed_and_that_it_was_taken_back(after: House) -> None:
    """Also of a case whose findings are all gone; nothing of a recall that the account has nothing to do with."""
    where = ("--book", str(after.place.book))
    mistaken = last(after, 7, MISTAKEN)["case_id"]
    said = json.loads(after.place.say("case", *where, mistaken, "--format", "json").out)["recalls"]
    [recall] = said
    assert (recall["night"], recall["gone"]) == (
        nth(6).isoformat(),
        [{"rule_id": "R101", "verdict": "violation", "notice_source": "loss_reports", "notice_id": "L-bad"}],
    )
    [file] = recall["files"]
    assert (file["file"], file["lines"], file["by"]) == ("loss_reports/bad.csv", [2], "Li Audit")
    assert file["sha256"] == sha256_of(after, "mistake")
    assert recall["states"] == [{"case_id": mistaken, "was": "sent", "now": "withdrawn"}]
    deleted = json.loads(after.place.say("explain", *where, "--account", "DELETED/A-DELETED", "--format", "json").out)[
        "recalls"
    ]
    assert [(r["states"], [f["lines"] for f in r["files"]].count([])) for r in deleted] == [
        ([{"case_id": after.cases["DELETED"], "was": "correction_verified", "now": "correction_due"}], len(BAD))
    ]
    plain = after.place.say("explain", *where, "--account", "PLAIN/A-PLAIN", "--language", "zh")
    assert (plain.code, "撤回" in plain.out) == (0, False), plain.err
    earlier = after.place.say(
        "explain", *where, "--account", f"PLAIN/{MISTAKEN}", "--night", nth(5).isoformat(), "--language", "zh"
    )
    assert ("loss_reports L-bad" in earlier.out, "撤回" in earlier.out) == (True, False), earlier.err


def test_the_same_bytes_do_not_come_back(after: House, tmp_path: Path) -> None:
    """They are refused as a file: of a registry, that refuses the night. A corrected file is read like any other."""
    house = after.copied(tmp_path / "again")
    night, feed, name = BAD["mistake"]
    source = house.place.landing / nth(night).isoformat() / feed / name
    again = house.place.drop(nth(8), feed, source.read_bytes(), name="again.csv")
    house.deliver(8, "PLAIN", File(house.others("PLAIN", 8), kind="delta"))
    with pytest.raises(RefusedError, match="the same bytes were recalled"):
        house.run(8)
    again.unlink()
    house.place.deliver(nth(8), feed, [_report(house, MISTAKEN, "L-bad", reported_at="2019-05-03")], name="right.csv")
    in_its_place = [_report(house, SURE, "L-bad2", reported_at="2019-05-05")]
    house.place.deliver(nth(night), feed, in_its_place, name=name)
    house.run(8)
    assert (last(house, 8, MISTAKEN)["state"], last(house, 8, MISTAKEN)["episode"]) == ("sent", 2)
    manifest = json.loads((house.place.folder(nth(8)) / "manifest.json").read_bytes())
    assert manifest["summary"]["late_files"] == [f"{nth(night)}/{feed}/{name}"]
    assert "L-bad2" in {r["notice_id"] for r in house.place.rows(nth(8), "findings") if r["account_code"] == SURE}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("0" * 64,), "no sealed night read a file"),
        (("abc",), "is no SHA-256"),
        (("{mistake}", "--apply", "--reason", "x"), "--by says nothing"),
        (("{mistake}", "--apply", "--by", "Li"), "--reason says nothing"),
        (("{mistake}", "--by", "Li"), "belong to --apply"),
    ],
)
def test_a_recall_that_cannot_be_meant_is_refused(before: House, arguments: tuple[str, ...], why: str) -> None:
    said = recall(before, *(text.format(mistake=sha256_of(before, "mistake")) for text in arguments))
    assert (said.code, why in said.err) == (2, True), said.err
    assert not [path for path in (before.place.book / "inbox").iterdir() if b'"recall"' in path.read_bytes()]


def test_what_was_recalled_is_not_recalled_again(after: House) -> None:
    said = recall(after, sha256_of(after, "mistake"), "--apply", "--by", "Li", "--reason", "x")
    assert (said.code, "was recalled" in said.err) == (2, True), said.err


def test_a_decision_that_waits_or_was_tampered_with(before: House, tmp_path: Path) -> None:
    house = before.copied(tmp_path / "tampered")
    decided = (sha256_of(house, "mistake"), "--apply", "--by", "Li", "--reason", "x")
    assert recall(house, *decided).code == 0
    said = recall(house, *decided)
    assert (said.code, "waits in the inbox already" in said.err) == (2, True), said.err
    assert recall(house, decided[0]).code == 0  # what rests on it can still be looked at
    [entry] = [path for path in (house.place.book / "inbox").iterdir() if b'"recall"' in path.read_bytes()]
    entry.write_bytes(entry.read_bytes().replace(b'"Li"', b'"Lo"'))
    with pytest.raises(BookBrokenError, match="does not fit its name"):
        house.run(RECALLED_ON)


def test_nothing_is_recalled_whose_ground_was_removed(before: House, tmp_path: Path) -> None:
    """What stood before the file cannot be told any more: never a wrong "nothing"."""
    house = before.copied(tmp_path / "pruned")
    asked = ("prune", "--book", str(house.place.book), "--keep-nights", "2", "--by", "Li", "--reason", "retention")
    assert house.place.say(*asked).code == 0
    house.run(RECALLED_ON)
    said = recall(house, sha256_of(house, "proof"))
    assert (said.code, "cannot be told any more" in said.err) == (2, True), said.err
