"""What changed between two nights, why, what had been sent, and who must be told (SPEC 1, 8, 9, 10.1)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.layout import open_book
from creditaudit.drift import CAUSES, Drift, compare, drift
from creditaudit.drift import causes as causes_of
from creditaudit.drift.value import CAUSED, CHANGES, SENT, TELL, WHY
from creditaudit.errors import UsageError
from place import Place
from reference.drift import differing, told
from unit.drift.story import (
    ALERTED,
    ANSWERED,
    CHAINED,
    FIRST,
    IMPOSTOR,
    LAST,
    LATE_LOSS,
    MOVED_DAY,
    NIGHTS,
    NOBODYS,
    NUMBERS,
    OTHER_CARD,
    QUIET,
    READMITTED,
    RECALLED,
    RENAMED,
    SECOND,
    SKIPPED,
    TAKEN_BACK,
    THIRD,
    UNADDRESSED,
    WARNED,
    account,
    lived,
    loss,
    opening,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.book.layout import Book

PAIRS = (*pairwise(NIGHTS), (FIRST, LAST))
Row = dict[str, Any]
Cause = tuple[str, str | None, int | None]  # cause, feed, line


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The four nights; read, never changed."""
    return lived(tmp_path_factory.mktemp("drift"))


@pytest.fixture(scope="module")
def drifts(story: Place) -> dict[tuple[date, date], Drift]:
    return {pair: drift(open_book(story.book), *pair) for pair in PAIRS}


@pytest.fixture(scope="module")
def second(drifts: dict[tuple[date, date], Drift]) -> Drift:
    return drifts[FIRST, SECOND]


@pytest.fixture(scope="module")
def whole(drifts: dict[tuple[date, date], Drift]) -> Drift:
    return drifts[FIRST, LAST]


def changes(found: Drift, code: str | None, kind: str, rule: str | None = None) -> list[Row]:
    rows = found.changes.to_pylist()
    return [r for r in rows if (r["account_code"], r["kind"], r["rule_id"]) == (code, kind, rule)]


def causes(found: Drift, change: Row) -> set[Cause]:
    rows = found.causes.to_pylist()
    return {(r["cause"], r["feed"], r["line"]) for r in rows if r["change"] == change["change"]}


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_it_is_the_difference_of_what_the_nights_published(
    story: Place, drifts: dict[tuple[date, date], Drift], earlier: date, later: date
) -> None:
    found = drifts[earlier, later]
    assert (found.changes.schema, found.causes.schema) == (CHANGES, CAUSED)
    assert (found.sent.schema, found.tell.schema) == (SENT, TELL)
    rows = found.changes.to_pylist()
    assert [row["change"] for row in rows] == list(range(1, len(rows) + 1))
    assert told(rows) == differing(story, earlier, later)
    assert len(told(rows)) == len(rows)
    named = found.causes.to_pylist()
    assert {row["change"] for row in named} == {row["change"] for row in rows}
    assert {row["cause"] for row in named} <= set(CAUSES) - {"unnamed"}
    assert all(earlier < row["night"] <= later for row in named)


ONE_CAUSE: dict[str, tuple[str, str | None, str | None, str | None, set[Cause]]] = {
    LATE_LOSS: ("R101", LATE_LOSS, None, "violation", {("row_new", "loss_reports", 3)}),
    MOVED_DAY: ("R101", MOVED_DAY, "violation", None, {("row_corrected", "accounts", 3)}),
    TAKEN_BACK: ("R101", TAKEN_BACK, "violation", None, {("row_withdrawn", "loss_reports", 4)}),
    OTHER_CARD: ("R102", OTHER_CARD, "undecidable", None, {("row_new", "openings", 2)}),
    WARNED: ("R201", WARNED, None, "violation", {("row_new", "verifications", 2)}),
    READMITTED: ("R101", READMITTED, None, "violation", {("row_readmitted", "loss_reports", 1)}),
    RENAMED: ("R101", "H2", None, "violation", {("row_new", "account_renames", 2)}),
    CHAINED: ("R109", CHAINED, None, "lead", {("row_new", "loss_reports", 3)}),
    ALERTED: ("R204", ALERTED, None, "violation", {("row_new", "fraud_alerts", 2)}),
    IMPOSTOR: ("R203", IMPOSTOR, None, "violation", {("row_new", "impostors", 2)}),
}


@pytest.mark.parametrize("letter", ONE_CAUSE)
def test_a_verdict_names_the_line_that_changed_it(second: Drift, letter: str) -> None:
    """And no other line: each account is another person's, and all came in the same night."""
    rule, code, was, now, expected = ONE_CAUSE[letter]
    [change] = changes(second, code, "verdict", rule)
    assert (change["was"], change["now"]) == (was, now)
    assert causes(second, change) == expected
    [case] = changes(second, code, "state") or [None]
    if case is not None:
        assert expected <= causes(second, case)


def test_a_row_that_speaks_of_another_account_now_is_named(drifts: dict[tuple[date, date], Drift]) -> None:
    third = drifts[SECOND, THIRD]
    [change] = changes(third, WARNED, "verdict", "R201")
    assert (change["was"], change["now"]) == ("violation", None)
    assert causes(third, change) == {("row_corrected", "verifications", 2)}
    assert changes(third, WARNED, "state") == []  # SPEC 8.1: an institution's own row takes no case back


def test_a_chain_ends_with_a_notice_that_speaks_of_another_person_now(tmp_path: Path) -> None:
    """Nothing that came has to do with either account any more: the row of its key before had."""
    place = Place(tmp_path).made()
    linked = {"opened_at": "2020-01-01", "settlement_provider_code": "B01", "settlement_account_code": LATE_LOSS}
    place.deliver(FIRST, "accounts", [account(LATE_LOSS), account(CHAINED, **linked)])
    place.deliver(FIRST, "openings", [opening(LATE_LOSS), opening(CHAINED)])
    place.deliver(FIRST, "loss_reports", [loss(LATE_LOSS)])
    place.night(FIRST)
    place.deliver(SECOND, "loss_reports", [loss(LATE_LOSS, id_number=NUMBERS[NOBODYS])])
    place.night(SECOND)
    found = drift(open_book(place.book), FIRST, SECOND)
    for code, rule, was in ((LATE_LOSS, "R101", "violation"), (CHAINED, "R109", "lead")):
        [change] = changes(found, code, "verdict", rule)
        assert (change["was"], change["now"]) == (was, None)
        assert causes(found, change) == {("row_corrected", "loss_reports", 2)}


def test_a_row_says_in_which_columns_it_differs_and_of_which_file_it_is(story: Place, second: Drift) -> None:
    [change] = changes(second, MOVED_DAY, "verdict", "R101")
    [row] = [r for r in second.causes.to_pylist() if r["change"] == change["change"]]
    content = (story.landing / SECOND.isoformat() / "accounts" / "f.csv").read_bytes()
    assert (row["detail"], row["sha256"]) == ("report_date;opened_at", hashlib.sha256(content).hexdigest())
    [change] = changes(second, READMITTED, "verdict", "R101")
    [row] = [r for r in second.causes.to_pylist() if r["change"] == change["change"]]
    assert row["entry"] in {path.name for path in (story.book / "inbox").iterdir()}
    assert row["entry"].endswith(f"{row['sha256']}.json")


def test_what_is_said_anew_every_night_is_no_change_and_no_cause(second: Drift, whole: Drift) -> None:
    for found in (second, whole):
        assert QUIET not in set(found.changes["account_code"].to_pylist())
        rows = [r for r in found.causes.to_pylist() if r["feed"] in {"accounts", "loss_reports"}]
        assert 2 not in {r["line"] for r in rows if r["file"] == "f.csv"}


def test_moves_name_what_moved_them(second: Drift, story: Place) -> None:
    [case] = changes(second, ANSWERED, "state")
    assert (case["was"], case["now"]) == ("sent", "correction_due")
    [row] = [r for r in second.causes.to_pylist() if r["change"] == case["change"]]
    [entry] = [p.name for p in (story.book / "inbox").iterdir() if json.loads(p.read_bytes())["kind"] == "answer"]
    assert (row["cause"], row["entry"], row["detail"]) == ("answer", entry, "answer:1")
    [case] = changes(second, LATE_LOSS, "state")
    assert (case["was"], case["now"]) == (None, "sent")
    rows = [r for r in second.causes.to_pylist() if r["change"] == case["change"] and r["cause"] == "report"]
    assert {r["file"] for r in rows} == {"reports/b01/exceptions.csv", "reports/north/exceptions.csv"}
    [fault] = changes(second, WARNED, "fault")
    assert fault["now"] == "fault_indicated"
    assert causes(second, fault) == {("row_new", "verifications", 2)}


def test_texts_tables_and_recipients_are_named(story: Place, drifts: dict[tuple[date, date], Drift]) -> None:
    found = drifts[SECOND, THIRD]
    [verdict] = changes(found, None, "verdict", "R401")
    assert (verdict["subject"], verdict["now"]) == ("inquiry:Q2", "lead")
    [row] = [r for r in found.causes.to_pylist() if r["change"] == verdict["change"]]
    [entry] = [p for p in (story.book / "inbox").iterdir() if json.loads(p.read_bytes())["kind"] == "rule_approval"]
    text = json.loads(entry.read_bytes())["body"]["text"]
    assert (row["cause"], row["entry"]) == ("rule_text", entry.name)
    assert row["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert row["detail"].endswith(f"> {row['sha256'][:12]}")
    [fault] = changes(found, LATE_LOSS, "fault")
    assert (fault["was"], fault["now"]) == ("needs_evidence", "no_fault_indicated")
    [row] = [r for r in found.causes.to_pylist() if r["change"] == fault["change"]]
    assert (row["cause"], row["detail"]) == ("table", "duties: duty_id HOUSE-1")
    [state] = changes(found, UNADDRESSED, "state")
    assert (state["was"], state["now"]) == ("lead", "sent")
    rows = [r for r in found.causes.to_pylist() if r["change"] == state["change"]]
    assert {(r["cause"], r["detail"] if r["cause"] == "table" else r["file"]) for r in rows} == {
        ("table", "recipients: recipient south"),
        ("report", "reports/south/exceptions.csv"),
    }


def test_the_date_alone_is_named(drifts: dict[tuple[date, date], Drift]) -> None:
    found = drifts[THIRD, LAST]
    [state] = changes(found, ANSWERED, "state")
    assert (state["now"], causes(found, state)) == ("correction_overdue", {("date", None, None)})
    [lead] = changes(found, None, "verdict", "R401")
    assert (lead["subject"], lead["now"], causes(found, lead)) == ("inquiry:Q1", "lead", {("date", "inquiries", 2)})


def test_a_recalled_file_is_named_with_its_line_and_decision(
    story: Place, drifts: dict[tuple[date, date], Drift]
) -> None:
    found = drifts[THIRD, LAST]
    [verdict] = changes(found, RECALLED, "verdict", "R101")
    [state] = changes(found, RECALLED, "state")
    assert (verdict["now"], state["now"]) == (None, "withdrawn")
    [entry] = [p.name for p in (story.book / "inbox").iterdir() if json.loads(p.read_bytes())["kind"] == "recall"]
    digest = hashlib.sha256((story.landing / SECOND.isoformat() / "loss_reports" / "g.csv").read_bytes()).hexdigest()
    for change in (verdict, state):
        [row] = [r for r in found.causes.to_pylist() if r["change"] == change["change"]]
        told_of = {name: row[name] for name in ("cause", "role", "feed", "file", "line", "sha256", "entry")}
        assert told_of == {
            **{"cause": "recall", "role": "notice", "feed": "loss_reports", "file": "g.csv", "line": 2},
            **{"sha256": digest, "entry": entry},
        }
    tell = [r for r in found.tell.to_pylist() if r["case_id"] == state["case_id"]]
    assert {(r["recipient"], r["why"], r["told_on"], r["file"]) for r in tell} == {
        (name, "had_it", LAST, "retractions.csv") for name in ("b01", "north")
    }


def test_a_change_over_several_nights_names_the_causes_of_each(whole: Drift) -> None:
    """A case of the second night, whose fault a table changed on the third; an answer, and the day it was due."""
    [fault] = changes(whole, LATE_LOSS, "fault")
    rows = [r for r in whole.causes.to_pylist() if r["change"] == fault["change"]]
    assert {(r["night"], r["cause"]) for r in rows} == {(SECOND, "row_new"), (THIRD, "table")}
    [state] = changes(whole, ANSWERED, "state")
    rows = [r for r in whole.causes.to_pylist() if r["change"] == state["change"]]
    assert [(r["night"], r["cause"]) for r in rows] == [(SECOND, "answer"), (LAST, "date")]


def test_what_was_sent_is_what_the_files_say(story: Place, whole: Drift) -> None:
    wanted = set(whole.changes["case_id"].to_pylist())
    sent = set()
    for night in NIGHTS:
        for name in ("exceptions.csv", "retractions.csv", "data_quality.csv"):
            for path in (story.folder(night) / "reports").glob(f"*/{name}"):
                encoding = "gb18030" if path.parent.name == "north" else "utf-8-sig"
                for row in list(csv.reader(io.StringIO(path.read_text(encoding), newline="")))[1:]:
                    if row[0] in wanted and not (name == "data_quality.csv" and row[2] == "all"):
                        sent.add((row[0], path.parent.name, night, name, *(c or None for c in row[1:5])))
    assert {tuple(row.values()) for row in whole.sent.to_pylist()} == sent
    assert {"retractions.csv", "exceptions.csv"} <= {name for *_, name, _, _, _, _ in sent}


def test_who_must_be_told(second: Drift, drifts: dict[tuple[date, date], Drift]) -> None:
    """Whose case it is, by SPEC 10.1, and who has it in his files and not on his list any more."""
    rows = second.tell.to_pylist()
    assert {row["why"] for row in rows} == set(WHY)

    def of(code: str) -> set[tuple[Any, ...]]:
        case = changes(second, code, "state")[0]["case_id"]
        return {(r["recipient"], r["why"], r["told_on"], r["file"]) for r in rows if r["case_id"] == case}

    assert of(LATE_LOSS) == {(name, "its_case", SECOND, "exceptions.csv") for name in ("b01", "north")}
    assert of(TAKEN_BACK) == {(name, "had_it", SECOND, "retractions.csv") for name in ("b01", "north")}
    withdrawn = changes(second, TAKEN_BACK, "state")[0]["case_id"]
    assert {"撤回" in r["next_step"] for r in rows if r["case_id"] == withdrawn} == {True}
    assert of(NOBODYS) == {(None, "nobody", None, None)}
    # What fell by the bank's own hand leaves no list, and no file told it: that is what must be written.
    case = changes(second, MOVED_DAY, "verdict", "R101")[0]["case_id"]
    assert {(r["recipient"], r["told_on"]) for r in rows if r["case_id"] == case} == {("b01", None), ("north", None)}
    # Another region: nobody's until the table has somebody for it.
    third = drifts[SECOND, THIRD]
    case = changes(third, UNADDRESSED, "state")[0]["case_id"]
    [row] = [r for r in third.tell.to_pylist() if r["case_id"] == case]
    assert (row["recipient"], row["told_on"]) == ("south", THIRD)


def test_the_command_says_the_same_in_every_format(story: Place, second: Drift) -> None:
    asked = ("drift", "--book", str(story.book), "--from", str(FIRST), "--to", str(SECOND), "--format")
    said = {form: story.say(*asked, form) for form in ("json", "csv", "table")}
    assert {one.code for one in said.values()} == {0}
    listed = json.loads(said["json"].out)
    assert [row["change"] for row in listed] == second.changes["change"].to_pylist()
    assert sum(len(row["causes"]) for row in listed) == second.causes.num_rows
    read = list(csv.DictReader(io.StringIO(said["csv"].out)))
    assert [int(row["change"]) for row in read] == second.causes["change"].to_pylist()
    for row in listed:
        assert row["tell"] or row["case_id"] is None
    assert f"{len(listed)} changes from {FIRST} to {SECOND}, 0 of them without a cause" in said["table"].err
    text = "".join(one.out + one.err for one in said.values())
    assert not [number for number in NUMBERS.values() if number in text]


@pytest.mark.parametrize(
    ("earlier", "later", "why"),
    [
        (SECOND, FIRST, f"{SECOND} is no night before {FIRST}"),
        (SECOND, SECOND, f"both are {SECOND}"),
        (FIRST - timedelta(1), SECOND, "before the book begins"),
        (FIRST, SKIPPED, f"night {SKIPPED} was skipped, not read, by a decision that night {LAST} recorded"),
        (FIRST, LAST - timedelta(1), "no sealed night of this book"),
        (FIRST, LAST + timedelta(1), "no sealed night of this book"),
    ],
)
def test_nights_that_cannot_be_compared(story: Place, earlier: date, later: date, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        drift(open_book(story.book), earlier, later)
    assert why in str(refused.value)
    said = story.say("drift", "--book", str(story.book), "--from", str(earlier), "--to", str(later))
    assert said.code == 2
    assert why in said.err


def _with_other(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    """Let the second night's manifest say other things of what judged."""
    real = compare.world

    def told_otherwise(book: Book, nights: Sequence[date]) -> pa.Table:
        book.manifests[SECOND].update(parts)
        return real(book, nights)

    monkeypatch.setattr(compare, "world", told_otherwise)


def test_another_program_is_named_beside_the_rows(story: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It judges everyone, and without judging again nobody can tell which of the two it was."""
    program = {"name": "creditaudit", "version": "9.9.9", "lock_sha256": "f" * 64}
    _with_other(monkeypatch, program=program, configuration="e" * 64)
    found = drift(open_book(story.book), FIRST, SECOND)
    [verdict] = changes(found, LATE_LOSS, "verdict", "R101")
    assert causes(found, verdict) == {("row_new", "loss_reports", 3), ("program", None, None)}
    said = {r["detail"] for r in found.causes.to_pylist() if r["cause"] == "program"}
    assert {text.endswith(" > 9.9.9 ffffffffffff") for text in said} == {True}
    # An answer moves a case whatever judges, and the configuration is asked only where nothing nearer is there.
    [state] = changes(found, ANSWERED, "state")
    assert causes(found, state) == {("answer", None, None)}
    assert "configuration" not in set(found.causes["cause"].to_pylist())


@pytest.mark.parametrize("is_other", [True, False])
def test_what_no_row_explains_is_said_to_be_so(
    story: Place, monkeypatch: pytest.MonkeyPatch, *, is_other: bool
) -> None:
    """The house comes last: its configuration and key; and where nothing is there the words say that, for each."""
    if is_other:
        _with_other(monkeypatch, configuration="e" * 64, key={"key_id": "other", "digest": "d"})
    monkeypatch.setattr(causes_of, "_NEAREST", causes_of._NEAREST[-1:])
    monkeypatch.setattr(causes_of, "_FURTHER", ())
    found = drift(open_book(story.book), FIRST, SECOND)
    rows = found.causes.to_pylist()
    assert {row["change"] for row in rows} == set(found.changes["change"].to_pylist())
    assert {row["cause"] for row in rows} == ({"configuration", "key"} if is_other else {"unnamed"})
    if not is_other:
        assert all(row["detail"].startswith("could not be named because") for row in rows)
