"""SPEC 7.4: which outcomes are labels, from which night on, and what each stands for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.case_state import CASE_FACTS, CASE_LIFE, CASE_QUEUE
from creditaudit.scoring.drift import classes, deciles, population_of, stability
from creditaudit.scoring.outcomes import LEAST_LABELS, labels_of, open_queued, training_rows
from creditaudit.tables import CASE_EVENTS, CASES

if TYPE_CHECKING:
    from creditaudit.engines import Engine

N1, N2 = date(2026, 11, 1), date(2026, 11, 2)


def row(
    n: int, label: float | None, priority: float | None = 0.5, *, sampled: bool = False, **more: Any
) -> dict[str, Any]:
    return {
        "case_id": f"C{n}",
        "priority": priority,
        "sampled": sampled,
        "label": label,
        "known_on": N1 if label is not None else None,
        "is_left_out": False,
        "was_sent": True,
        "is_queued": True,
        **more,
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    kinds = dict.fromkeys(("priority", "label"), pa.float64())
    kinds |= dict.fromkeys(("sampled", "is_left_out", "was_sent", "is_queued"), pa.bool_())
    schema = pa.schema([("case_id", pa.string()), ("known_on", pa.date32()), *kinds.items()])
    return pa.Table.from_pylist(rows, schema=schema)


def test_low_cases_are_spoken_for_by_the_sample_alone() -> None:
    rows = [row(n, n % 2, 0.6) for n in range(20)] + [row(n, None, 0.6) for n in range(20, 40)]
    rows += [row(n, 0.0, 0.1, sampled=n % 50 == 0) for n in range(100, 200)]
    found = labels_of(table(rows))
    assert len(found.place) == 20 + 2
    assert found.weight[:20].tolist() == [2.0] * 20  # 40 cases, 20 labels
    assert found.weight[20:].tolist() == [50.0, 50.0]  # 100 cases, two of them drawn by chance
    assert found.weight.sum() == len(rows)
    assert found.card["left_out"]["below_0_2_and_not_sampled"] == 98
    assert found.card["selection"]["below_0_2"] == {"cases": 100, "labels_used": 2, "weight": 50.0}
    assert found.card["known_last"] == "2026-11-01"
    assert found.card["cases_no_label_speaks_for"] == {}


def test_for_whom_no_label_speaks_the_card_says() -> None:
    """What nobody was sent nobody answers; what was queued before that was kept, or after its answer, is left out."""
    rows = [row(n, n % 2, 0.6) for n in range(20)] + [row(n, None, 0.1, sampled=True) for n in range(20, 50)]
    rows += [row(n, None, 0.1, was_sent=False, sampled=True) for n in range(50, 60)]
    rows += [row(n, 1.0, None, is_queued=False) for n in range(60, 65)]
    found = labels_of(table(rows))
    assert found.weight.tolist() == [1.0] * 20
    assert found.card["left_out"]["facts_not_kept"] == 5
    assert found.card["cases_no_label_speaks_for"] == {"below_0_2": 30, "never_sent": 10, "facts_not_kept": 5}


@pytest.mark.parametrize(("short", "enough"), [(0, True), (1, False)])
def test_fifty_of_each_kind_are_needed(short: int, enough: bool) -> None:
    thefts = [row(n, 1.0) for n in range(LEAST_LABELS)]
    holders = [row(1000 + n, 0.0) for n in range(LEAST_LABELS - short)]
    assert labels_of(table(thefts + holders)).is_enough is enough


def test_without_any_outcome_there_is_no_label() -> None:
    found = labels_of(table([row(1, None)]))
    assert (len(found.place), found.is_enough, found.card["known_last"]) == (0, False, None)


def test_what_is_a_label_and_what_is_none(engine: Engine) -> None:
    """A verified correction is 1, a confirmed holder 0; a verified answer 3, an open case and a claim are none."""
    states = {
        "A": ("correction_verified", "5"),
        "B": ("holder_confirmed", "2"),
        "C": ("correction_verified", "3"),
        "D": ("undetermined", "2"),
        "E": ("sent", None),
        "F": ("reappeared", "4"),
        "LATE": ("correction_verified", "1"),  # an objection, whose findings came with the answer
        "QUIET": ("lead", None),
    }
    shared = {"episode": 1, "provider_code": "B01", "first_seen": N1, "priority": 0.1, "sampled": False}
    cases = [{**shared, "case_id": c, "subject": f"account:{c}", "state": s} for c, (s, _) in states.items()]
    cases.append(
        {**shared, "case_id": "OLD", "subject": "account:OLD", "state": "sent", "first_seen": date(2026, 1, 1)}
    )
    moves = [(c, "sent", N1, "sent") for c in states if c != "QUIET"]
    moves += [(c, "answered", N2, "correction_due") for c, (_, outcome) in states.items() if outcome]
    moves += [(c, "moved", N2, s.replace("reappeared", "correction_verified")) for c, (s, _) in states.items()]
    events = [{"night": n, "case_id": c, "episode": 1, "event": e, "to_state": s} for c, e, n, s in moves]
    facts = [{"provider_code": "B01", "subject": case["subject"]} for case in cases]
    lives = [{"case_id": c, "episode": 1, "outcome": o} for c, (_, o) in states.items()]
    queue = [
        {"night": N2 if c == "LATE" else N1, "case_id": c, "episode": 1, "priority": 0.7, "subject": "account:BEFORE"}
        for c in states
    ]
    for name, rows, schema in (
        ("training_cases", cases, CASES),
        ("training_events", events, CASE_EVENTS),
        ("training_facts", facts, CASE_FACTS.schema),
        ("standing_case_life", lives, CASE_LIFE.schema),
        ("standing_case_queue", queue, CASE_QUEUE.schema),
    ):
        engine.load(name, pa.Table.from_pylist(rows, schema=schema))
    table = training_rows(engine, N1)
    found = {r["case_id"]: r for r in table.to_pylist()}
    labels = {"A": 1, "B": 0, "C": None, "D": None, "E": None, "F": 1, "LATE": 1, "QUIET": None}
    assert {c: r["label"] for c, r in found.items()} == labels
    assert found["A"]["known_on"] == N2
    assert found["C"]["is_left_out"]
    # The priority is that of the night that queued the case, before its answer, whatever it has become.
    assert [found[c]["priority"] for c in ("A", "B")] == [0.7, 0.7]
    assert [c for c, r in found.items() if not r["is_queued"]] == ["LATE"]
    assert [c for c, r in found.items() if not r["was_sent"]] == ["QUIET"]
    used = labels_of(table)
    assert table["case_id"].take(used.place).to_pylist() == ["A", "B", "F"]
    open_queued(engine, table, used)
    asked = engine.fetch("SELECT case_id, subject FROM queued_facts ORDER BY provider_code, subject").to_pylist()
    assert asked == [{"case_id": c, "subject": f"account:{c}"} for c in ("A", "B", "F")]


def test_drift_is_nothing_where_nothing_moved_and_grows_with_what_did() -> None:
    import numpy as np  # noqa: PLC0415

    before = np.arange(1000.0)
    edges = deciles(before)
    counts = classes(before, edges)
    assert (len(counts), sum(counts), counts[-1]) == (11, 1000, 0)
    assert stability(counts, counts) == 0.0
    little, much = (stability(counts, classes(before + shift, edges)) for shift in (50, 500))
    assert 0 < little < 0.25 < much
    unknown = classes(np.full(1000, np.nan), edges)
    assert stability(counts, unknown) > 0.25
    lay = population_of(("x",), before[:, np.newaxis], before)
    assert lay["x"] == lay["score"] == {"edges": edges.tolist(), "counts": counts}
