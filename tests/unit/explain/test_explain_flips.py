"""SPEC 7.3: the minimal sets of facts that flip the verdict, against all subsets of small worlds."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from creditaudit.explain.changes import Change
from creditaudit.explain.flips import minimal_flips
from creditaudit.explain.worlds import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.explain.worlds import Rows

SLOTS = 4
VALUES = 2
Chosen = frozenset[tuple[int, int]]


def change(slot: int, value: int) -> Change:
    """A change that leaves its name in the world."""

    def apply(rows: Rows) -> None:
        rows["made"] = [*rows["made"], {"slot": slot, "value": value}]

    return Change(f"fact{slot}", f"value{value}", None, is_unknown=slot % 2 == 0, apply=apply)


CHANGES = tuple(change(slot, value) for slot in range(SLOTS) for value in range(VALUES))


def worlds() -> list[Chosen]:
    """Every choice of at most one value for each fact."""
    named = [(slot, value) for slot in range(SLOTS) for value in range(VALUES)]
    return [
        frozenset(chosen)
        for size in range(SLOTS + 1)
        for chosen in combinations(named, size)
        if len({slot for slot, _ in chosen}) == size
    ]


def judging(answers: dict[Chosen, str]) -> Callable[[list[Rows]], list[Answer]]:
    """A judgment that knows every world's answer."""

    def judge(asked: list[Rows]) -> list[Answer]:
        said = [answers[frozenset((made["slot"], made["value"]) for made in rows["made"])] for rows in asked]
        return [Answer(fault, None, None) for fault in said]

    return judge


@given(st.lists(st.sampled_from(["needs_evidence", "fault_indicated", "fault_unproven"]), min_size=81, max_size=81))
def test_every_set_flips_and_no_part_of_it_does(drawn: list[str]) -> None:
    answers = dict(zip(worlds(), drawn, strict=True))
    base = answers[frozenset()]
    found, tried = minimal_flips({"made": []}, CHANGES, judging(answers), largest=3)
    assert tried == 3
    names = [
        frozenset((int(c.fact.removeprefix("fact")), int(c.value.removeprefix("value"))) for c in flip.changes)
        for flip in found
    ]
    expected = {
        chosen
        for chosen, fault in answers.items()
        if 1 <= len(chosen) <= 3 and fault != base and all(answers[part] == base for part in answers if part < chosen)
    }
    assert set(names) == expected
    assert len(names) == len(set(names)), "a set is listed twice"
    for flip, name in zip(found, names, strict=True):
        assert flip.answer.fault == answers[name]


@given(st.lists(st.sampled_from(["needs_evidence", "fault_indicated"]), min_size=81, max_size=81))
def test_what_no_known_fact_contradicts_comes_first(drawn: list[str]) -> None:
    answers = dict(zip(worlds(), drawn, strict=True))
    found, tried = minimal_flips({"made": []}, CHANGES, judging(answers), largest=3)
    assert tried == 3
    order = [(len(flip.unknown) < len(flip.changes), len(flip.changes)) for flip in found]
    assert order == sorted(order)


def test_two_values_of_one_fact_never_stand_together() -> None:
    seen: list[Chosen] = []

    def judge(asked: list[Rows]) -> list[Answer]:
        seen.extend(frozenset((m["slot"], m["value"]) for m in rows["made"]) for rows in asked)
        return [Answer("needs_evidence", None, None)] * len(asked)

    assert minimal_flips({"made": []}, CHANGES, judge) == ((), 3)
    assert all(len({slot for slot, _ in chosen}) == len(chosen) for chosen in seen)
    assert len(seen) == len(set(seen)) == 1 + 8 + 24 + 32


def test_where_sets_are_too_many_the_larger_ones_are_not_tried_and_that_is_said() -> None:
    """An account with dozens of notices: each fact alone is asked for, whatever that costs."""
    many = tuple(change(slot, value) for slot in range(150) for value in range(VALUES))
    seen: list[int] = []

    def judge(asked: list[Rows]) -> list[Answer]:
        seen.extend(len(rows["made"]) for rows in asked)
        return [
            Answer("fault_indicated" if rows["made"][-1:] == [{"slot": 7, "value": 1}] else None, None, None)
            for rows in asked
        ]

    one = {"provider_code": "B01", "account_code": "A1"}
    found, tried = minimal_flips({"made": [], "standing_openings": [one, one, one]}, many, judge)
    assert ([[c.fact for c in flip.changes] for flip in found], tried) == ([["fact7"]], 1)
    assert seen == [0, *([1] * 300)]
