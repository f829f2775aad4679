"""`creditaudit queue` and `case`: what a reviewer reads at a terminal (SPEC 7.3, 7.4, 8; 10.4)."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from creditaudit.book.layout import open_book
from creditaudit.case_print import case_lines, queue_lines
from creditaudit.case_view import QUEUE, CaseView, _in_order, case_of, queue
from place import changed
from reference.small import NEXT, NIGHT
from unit.responding import OTHER_NUMBER, SECRETS, cases

if TYPE_CHECKING:
    from place import Place, Spoken
    from unit.responding import Answered


@pytest.fixture
def answered(answered_cases: Answered) -> Place:
    """A house in which three cases wait; read, never changed."""
    return answered_cases.place


def ask(place: Place, *words: str) -> Spoken:
    before = place.tree()
    said = place.say(words[0], "--book", str(place.book), *words[1:])
    assert not any(secret in said.out + said.err for secret in SECRETS)
    assert changed(before, place.tree()) == []
    return said


def listed(place: Place, *words: str) -> list[dict[str, Any]]:
    said = ask(place, "queue", "--format", "json", *words)
    assert said.code == 0
    return list(json.loads(said.out))


def test_the_queue_holds_the_open_cases_with_what_a_reviewer_needs(answered: Place) -> None:
    found = {row["account_code"]: row for row in listed(answered)}
    assert {code: (row["state"], row["holds_the_ball"]) for code, row in found.items()} == {
        "A1": ("correction_due", "institution"),
        "A3": ("undetermined", "pboc_liaison"),
        "A4": ("undetermined", "pboc_liaison"),
    }
    first = found["A1"]
    assert tuple(first) == QUEUE
    # 20 calendar days from the night that took the answer (SPEC 8.4).
    assert (first["due_on"], first["days_left"], first["due_kind"]) == ("2026-12-11", 20, "house")
    assert (found["A4"]["due_on"], found["A4"]["days_left"], found["A4"]["due_kind"]) == (None, None, None)
    assert (first["tier"], first["verdict"], first["fault"]) == ("R101", "violation", "needs_evidence")
    assert "correction checklist" in first["next_step"]


def test_the_queue_is_in_order_of_priority_then_of_codes(answered: Place, sent_cases: Place) -> None:
    found = listed(answered)
    order = [(-(r["priority"] or 0), r["provider_code"], r["account_code"], r["case_id"]) for r in found]
    assert order == sorted(order)
    place = answered.copied(sent_cases.root.parent / "priorities")
    path = place.folder(NEXT) / "published" / "cases.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("priority")
    scores = {"A1": 0.1, "A3": 0.9, "A4": None}
    column = [[scores.get(code) for code in table["account_code"].to_pylist()]]
    pq.write_table(table.set_column(at, table.schema.field("priority"), column), path)
    assert [row["account_code"] for row in queue(open_book(place.book))] == ["A3", "A1", "A4"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("--recipient", "b01"), ["A1", "A4"]),
        (("--recipient", "b02"), ["A3"]),
        (("--recipient", "north"), ["A1", "A4"]),
        (("--recipient", "all"), ["A1", "A4", "A3"]),
        (("--state", "correction_due"), ["A1"]),
        (("--state", "undetermined", "--state", "holder_confirmed"), ["A2", "A4", "A3"]),
        (("--state", "sent"), []),
        (("--recipient", "b02", "--state", "correction_due"), []),
    ],
)
def test_the_queue_of_a_recipient_or_a_state(answered: Place, words: tuple[str, ...], codes: list[str]) -> None:
    assert [row["account_code"] for row in listed(answered, *words)] == codes


def test_the_queue_of_what_is_late(answered: Place, sent_cases: Place) -> None:
    """SPEC 8.4: past its due date, or a correction that is overdue though a newer objection's clock still runs."""
    assert listed(answered, "--overdue") == []
    place = answered.copied(sent_cases.root.parent / "late")
    path = place.folder(NEXT) / "published" / "cases.parquet"
    table = pq.read_table(path)
    due = {"A1": NEXT + timedelta(1), "A3": NEXT - timedelta(1), "A4": NEXT, "A2": NEXT - timedelta(9)}
    for name, told in (("due_on", due), ("state", {"A1": "correction_overdue"})):
        at = table.schema.get_field_index(name)
        was = zip(table["account_code"].to_pylist(), table[name].to_pylist(), strict=True)
        table = table.set_column(at, table.schema.field(name), [[told.get(code, value) for code, value in was]])
    pq.write_table(table, path)
    assert [(row["account_code"], row["days_left"]) for row in listed(place, "--overdue")] == [("A3", -1), ("A1", 1)]
    assert [row["account_code"] for row in listed(place, "--overdue", "--recipient", "b02")] == ["A3"]


@pytest.mark.parametrize("words", [("--recipient", "nort"), ("--state", "sen")])
def test_an_unknown_recipient_or_state_names_the_nearest(answered: Place, words: tuple[str, str]) -> None:
    said = ask(answered, "queue", *words)
    assert (said.code, f"did you mean {words[1]}" in said.err) == (2, True)


def test_the_queue_as_a_table_and_as_csv(answered: Place) -> None:
    shown = ask(answered, "queue")
    for word in ("B01/A1", "correction_due", "R101 violation", "2026-12-11 (house)"):
        assert word in shown.out
    assert "3 cases as of night 2026-11-21" in shown.err
    rows = list(csv.DictReader(io.StringIO(ask(answered, "queue", "--format", "csv").out)))
    assert [row["account_code"] for row in rows] == ["A1", "A4", "A3"]
    assert tuple(rows[0]) == QUEUE
    assert ask(answered, "queue", "--state", "lead").out == ""


def test_a_case_is_shown_whole(answered: Place) -> None:
    case_id = cases(answered)["A1"]["case_id"]
    said = ask(answered, "case", case_id, "--format", "json")
    whole = json.loads(said.out)
    view = CaseView(**whole)
    own = whole["case"]
    assert said.code == 0
    assert (own["case_id"], own["state"], own["outcome"]) == (case_id, "correction_due", "4")
    assert (own["answered_by"], own["evidence_ref"], own["taken_on"]) == ("all", "[red]=函9", NEXT.isoformat())
    # 20 calendar days from the night that took the answer.
    assert (own["due_on"], own["days_left"], own["due_kind"]) == ("2026-12-11", 20, "house")
    assert [(e["episode"], e["state"], e["first_seen"]) for e in whole["episodes"]] == [
        (1, "correction_due", NIGHT.isoformat())
    ]
    assert [f["rule_id"] for f in whole["findings"]] == ["R101", "R402"]
    assert whole["findings"][0]["evidence"]["id_status"] == "ok"
    assert [(e["event"], e["to_state"]) for e in whole["events"]] == [
        ("opened", "lead"),
        ("sent", "sent"),
        ("answered", "correction_due"),
    ]
    assert all(e["proof"] for e in whole["events"])
    assert {e["name"]: e["status"] for e in whole["elements"]}["duty"] == "missing"
    assert whole["ask_for"]
    assert all(d["en"] and d["zh"] for d in whole["ask_for"])
    assert {"credit-checklist", "police-referral"} <= {r["remedy_id"] for r in whole["remedies"]}
    assert all(r["source"] for r in whole["remedies"])
    rows = list(csv.DictReader(case_lines(view, "csv")))
    assert {row["part"] for row in rows} == set(whole) - {"recalls"}  # nothing was recalled
    assert {(r["name"], r["value"]) for r in rows if r["part"] == "case"} >= {("days_left", "20"), ("outcome", "4")}
    shown = "\n".join(case_lines(view, "table"))
    for word in ("待核查线索", "[red]=函9", "answered", "R101", "Elements"):  # markup is printed, not obeyed
        assert word in shown


def test_an_unknown_case_names_the_nearest(answered: Place, sent_cases: Place) -> None:
    case_id = cases(answered)["A1"]["case_id"]
    said = ask(answered, "case", case_id[:-1] + "_")
    assert (said.code, f"did you mean {case_id}?" in said.err) == (2, True)
    said = ask(answered, "case", "x' OR '1'='1", "--format", "csv")
    assert (said.code, "did you mean" in said.err) == (2, False)


def test_a_number_in_place_of_a_code_is_hidden(answered: Place, sent_cases: Place) -> None:
    place = answered.copied(sent_cases.root.parent / "slipped")
    path = place.folder(NEXT) / "published" / "cases.parquet"
    table = pq.read_table(path)
    for name, text in (("account_code", OTHER_NUMBER), ("reasons", f"for {OTHER_NUMBER}, tel. 13912345678")):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), [[text] * table.num_rows])
    pq.write_table(table, path)
    assert {row["account_code"] for row in listed(place)} == {"***"}
    assert OTHER_NUMBER not in ask(place, "queue", "--format", "csv").out


def test_moves_of_one_night_are_told_in_the_order_in_which_they_were_made() -> None:
    def move(night: str, event: str, start: str | None, end: str) -> dict[str, Any]:
        return {"night": night, "episode": 1, "event": event, "from_state": start, "to_state": end, "proof": "p"}

    told = [
        move("2026-11-20", "opened", None, "lead"),
        move("2026-11-20", "sent", "lead", "sent"),
        move("2026-11-21", "answered", "sent", "undetermined"),
        move("2026-11-21", "answered", "undetermined", "correction_due"),
        move("2026-11-21", "evidence_changed", "correction_due", "correction_due"),
    ]
    assert _in_order(sorted(told, key=lambda e: (e["night"], e["event"], e["to_state"]))) == told
    assert _in_order([]) == []


def test_a_case_without_anything_more_prints() -> None:
    bare = CaseView({"case_id": "CA-1", "state": "lead"}, [], [], [], [], [], [])
    assert json.loads("\n".join(case_lines(bare, "json")))["case"]["state"] == "lead"
    assert "CA-1" in "\n".join(case_lines(bare, "table"))
    assert case_lines(bare, "csv")[1] == "case,1,case_id,CA-1"
    assert queue_lines([], "json") == ["[]"]
    risky = CaseView({"case_id": "CA-1", "evidence_ref": "=1+1"}, [], [], [], [], [], [])
    assert case_lines(risky, "csv")[2] == "case,1,evidence_ref,'=1+1"


def test_a_book_without_a_night_has_no_case(place: Place) -> None:
    for words in (("queue",), ("case", "CA-1")):
        said = place.say(words[0], "--book", str(place.book), *words[1:])
        assert (said.code, "no sealed night" in said.err) == (2, True)
    with pytest.raises(Exception, match="no case yet"):
        case_of(open_book(place.book), "CA-1")
