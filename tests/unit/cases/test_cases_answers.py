"""What a night takes of the answers in its inbox, and what it refuses (SPEC 8.2, 9)."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from answer_desk import answer, case, entry, load_cases, moves, take

from creditaudit.book.inbox import ANSWER, Entry, flaw
from creditaudit.book.keys import Key, Keyring
from unit.kit import NIGHT, demo_keys

if TYPE_CHECKING:
    from creditaudit.engines import Engine

STATES = (
    *("lead", "sent", "undetermined", "correction_due", "correction_overdue"),
    *("holder_confirmed", "correction_verified", "withdrawn", "reappeared"),
)
DAY1, DAY2, DAY3 = date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 28)


def target(state: str, outcome: str, who: str) -> str | None:
    """SPEC 8.2, read once more."""
    if state in {"sent", "undetermined"}:
        if outcome == "2":
            return "holder_confirmed" if who == "beijing" else "undetermined"
    elif state not in {"correction_due", "correction_overdue"} or outcome == "2":
        return None
    return "undetermined" if outcome == "0" else "correction_due"


@pytest.mark.parametrize("who", ["beijing", "bank1"])
def test_every_state_and_outcome_moves_as_the_page_says(engine: Engine, who: str) -> None:
    pairs = list(product(STATES, "012345"))
    load_cases(engine, [case(f"CA-{state}-{outcome}", state) for state, outcome in pairs])
    rows = [answer(f"CA-{s}-{o}", o, answered_by=who, evidence_ref="doc 1") for s, o in pairs]
    refused = take(engine, entry(*rows))
    expected = {f"CA-{s}-{o}": [(s, to)] for s, o in pairs if (to := target(s, o, who)) is not None}
    assert moves(engine) == expected
    assert len(refused) == len(pairs) - len(expected)
    for state, word in (("lead", "not sent yet"), ("withdrawn", "closed"), ("correction_due", "no such outcome")):
        assert any(f"(case CA-{state}-2)" in line and word in line for line in refused)


def test_without_answers_the_relations_are_there_and_empty(engine: Engine) -> None:
    load_cases(engine, [case()])
    other = Entry(DAY1, "readmission", "x", "y", {}, "0" * 64)
    assert take(engine, other) == ()
    assert engine.fetch("SELECT * FROM answers_all").num_rows == 0
    assert engine.fetch("SELECT * FROM answers_taken").schema.names == [
        *("case_id", "episode", "outcome", "answered_on", "answered_by", "by_kind", "evidence_ref", "entry", "to_state")
    ]


def test_what_is_taken_says_all_that_the_log_needs(engine: Engine) -> None:
    load_cases(engine, [case("CA-1", episode=1, state="withdrawn"), case("CA-1", episode=2)])
    one = entry(answer("CA-1", "4", episode=2, evidence_ref="letter 7"))
    assert take(engine, one) == ()
    [row] = engine.fetch("SELECT * FROM answers_all").to_pylist()
    assert row == {
        "case_id": "CA-1",
        "episode": 2,
        "place": 1,
        "outcome": "4",
        "answered_on": date(2026, 11, 25),
        "answered_by": "beijing",
        "by_kind": "pboc_liaison",
        "evidence_ref": "letter 7",
        "entry": one.file_name,
        "from_state": "sent",
        "to_state": "correction_due",
    }


def test_answers_of_different_days_move_one_after_the_other_and_the_last_counts(engine: Engine) -> None:
    load_cases(engine, [case()])
    late = entry(answer(outcome="5", evidence_ref="e"), on=DAY3)
    assert take(engine, late, entry(answer(outcome="1"), on=DAY1), entry(answer(outcome="0"), on=DAY2)) == ()
    assert moves(engine)["CA-1"] == [
        ("sent", "correction_due"),
        ("correction_due", "undetermined"),
        ("undetermined", "correction_due"),
    ]
    [last] = engine.fetch("SELECT outcome, entry FROM answers_taken").to_pylist()
    assert last == {"outcome": "5", "entry": late.file_name}


def test_a_move_is_asked_from_where_the_answer_before_left(engine: Engine) -> None:
    """Outcome 2 is not taken once a correction is due, and nothing is taken once the holder confirmed."""
    load_cases(engine, [case("CA-1"), case("CA-2")])
    refused = take(
        engine,
        entry(answer("CA-1", "1"), answer("CA-2", "2", evidence_ref="e"), on=DAY1),
        entry(answer("CA-1", "2", evidence_ref="e"), answer("CA-2", "1"), on=DAY2),
    )
    assert moves(engine) == {"CA-1": [("sent", "correction_due")], "CA-2": [("sent", "holder_confirmed")]}
    assert [("no such outcome" in line, "closed" in line) for line in refused] == [(True, False), (False, True)]


def test_contradictory_answers_of_one_day_are_all_refused(engine: Engine) -> None:
    load_cases(engine, [case("CA-1"), case("CA-2")])
    refused = take(
        engine,
        entry(answer("CA-1", "1"), answer("CA-2", "1"), on=DAY1),
        entry(answer("CA-1", "2", answered_by="bank1", evidence_ref="e"), on=DAY1),
    )
    assert moves(engine) == {"CA-2": [("sent", "correction_due")]}
    assert len(refused) == 2
    assert all("(case CA-1)" in line and "contradicts" in line for line in refused)


def test_an_answer_that_does_not_hold_contradicts_no_other(engine: Engine) -> None:
    load_cases(engine, [case()])
    wrong = answer(outcome="0", row_token="RT-" + "0" * 32)
    assert len(take(engine, entry(answer(outcome="1"), on=DAY1), entry(wrong, on=DAY1))) == 1
    assert moves(engine) == {"CA-1": [("sent", "correction_due")]}


def test_equal_answers_of_one_day_are_one(engine: Engine) -> None:
    load_cases(engine, [case()])
    same = answer(outcome="0", comment="again")
    assert take(engine, entry(answer(outcome="0"), on=DAY1), entry(same, same, on=DAY1)) == ()
    assert moves(engine) == {"CA-1": [("sent", "undetermined")]}


def test_institution_and_liaison_may_agree_on_one_day(engine: Engine) -> None:
    load_cases(engine, [case()])
    claims = answer(outcome="2", answered_by="bank1", evidence_ref="a")
    assert take(engine, entry(claims, answer(outcome="2", evidence_ref="b"))) == ()
    assert moves(engine) == {"CA-1": [("sent", "undetermined"), ("undetermined", "holder_confirmed")]}


def test_one_file_with_different_outcomes_for_a_case_is_refused_for_it(engine: Engine) -> None:
    load_cases(engine, [case("CA-1"), case("CA-2")])
    refused = take(engine, entry(answer("CA-1", "1"), answer("CA-2", "1"), answer("CA-1", "3")))
    assert moves(engine) == {"CA-2": [("sent", "correction_due")]}
    assert len(refused) == 2


def test_one_file_with_another_date_for_the_same_outcome_is_refused_for_it(engine: Engine) -> None:
    load_cases(engine, [case()])
    assert len(take(engine, entry(answer(), answer(answered_on="2026-11-24")))) == 2
    assert moves(engine) == {}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"case_id": "CA-9"}, "no such case"),
        ({"row_token": "RT-" + "f" * 32}, "not that of the case"),
        ({"row_token": demo_keys().row_tokens(["CA-2"], [1])[0]}, "not that of the case"),
        ({"row_token": demo_keys().row_tokens(["CA-1"], [1])[0]}, "earlier episode"),
        ({"episode": 1}, "not the case's last one"),
        ({"answered_by": "nobody"}, "no recipient"),
        ({"answered_by": "bank2"}, "does not answer this case"),
        ({"answered_by": "shanghai"}, "does not answer this case"),
        ({"outcome": "4"}, "need one"),
        ({"outcome": "5", "evidence_ref": ""}, "need one"),
        ({"outcome": "2", "evidence_ref": " "}, "need one"),
        ({"outcome": "7"}, "required cell"),
        ({"outcome": None}, "required cell"),
        ({"answered_on": None}, "required cell"),
        ({"answered_on": "2026-12-01"}, "later than the day"),
    ],
)
def test_a_row_that_does_not_hold_is_refused_with_its_reason(engine: Engine, cells: dict[str, Any], why: str) -> None:
    load_cases(engine, [case("CA-1", "withdrawn"), case("CA-1", episode=2), case("CA-2")])
    [token] = demo_keys().row_tokens(["CA-1"], [2])
    [line] = take(engine, entry(answer("CA-1", **{"episode": 2, "row_token": token, **cells})))
    assert why in line
    assert moves(engine) == {}
    assert ("CA-9" in line) is False  # what a person wrote is not repeated


def test_tokens_swapped_between_rows_are_refused(engine: Engine) -> None:
    load_cases(engine, [case("CA-1"), case("CA-2")])
    one, two = answer("CA-1"), answer("CA-2")
    refused = take(engine, entry({**one, "row_token": two["row_token"]}, {**two, "row_token": one["row_token"]}))
    assert (len(refused), moves(engine)) == (2, {})
    assert all("row_token is that of another case" in line for line in refused)


@pytest.mark.parametrize(("state", "is_taken"), [("superseded", True), ("retired", False)])
def test_tokens_of_a_key_that_is_not_retired_are_taken(engine: Engine, state: str, is_taken: bool) -> None:
    load_cases(engine, [case()])
    old = demo_keys().keys[0]
    rotated = Keyring((Key(old.key_id, state, old.secret), Key("K2", "active", b"\x08" * 32)))
    assert (take(engine, entry(answer()), keys=rotated) == ()) is is_taken
    assert bool(moves(engine)) is is_taken


def test_the_region_is_that_of_the_account_before_that_of_the_institution(engine: Engine) -> None:
    load_cases(engine, [case("CA-1"), case("CA-2")], regions={"CA-2": "310101"})
    rows = [answer(name, "1", answered_by=who) for name in ("CA-1", "CA-2") for who in ("beijing", "shanghai")]
    refused = take(engine, *(entry(row) for row in rows))
    assert [line.split("(case ")[1][:4] for line in sorted(refused, key=lambda s: s.split("(case ")[1])] == [
        "CA-1",
        "CA-2",
    ]
    taken = engine.fetch("SELECT case_id, answered_by FROM answers_all ORDER BY case_id").to_pylist()
    assert [(r["case_id"], r["answered_by"]) for r in taken] == [("CA-1", "beijing"), ("CA-2", "shanghai")]


def test_a_raw_number_in_evidence_is_hidden_even_from_an_entry_that_was_not_checked(engine: Engine) -> None:
    load_cases(engine, [case()])
    take(engine, entry(answer(outcome="4", evidence_ref="copy of 11010519491231002X, tel. 139 1234 5678")))
    [row] = engine.fetch("SELECT evidence_ref FROM answers_taken").to_pylist()
    assert row["evidence_ref"] == "copy of ***, tel. ***"


@pytest.mark.parametrize(
    "body",
    [{}, {"rows": []}, {"file_sha256": "0", "rows": ["x"]}, {"file_sha256": 1, "rows": [{}]}],
)
def test_an_entry_without_answers_has_a_flaw(body: dict[str, object]) -> None:
    assert flaw(Entry(NIGHT, ANSWER, "x", "y", body, "0" * 64)) is not None


@pytest.mark.parametrize("cells", [{"answered_on": "3/1/2026"}, {"outcome": 1}, {"row": None}, {"episode": "x"}])
def test_an_entry_whose_rows_cannot_be_read_is_refused_whole(engine: Engine, cells: dict[str, Any]) -> None:
    load_cases(engine, [case()])
    [line] = take(engine, entry({**answer(), **cells}, numbered=False))
    assert "not one of answers" in line
    assert moves(engine) == {}


def test_many_refusals_are_counted(engine: Engine) -> None:
    load_cases(engine, [case()])
    refused = take(engine, entry(*(answer("CA-9") for _ in range(250))))
    assert len(refused) == 201
    assert "50 more rows" in refused[-1]
