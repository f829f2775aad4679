"""SPEC 7.4: which outcomes are labels, from which night on, and what each stands for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.case_state import CASE_FACTS, CASE_LIFE
from creditaudit.scoring.drift import classes, deciles, population_of, stability
from creditaudit.scoring.outcomes import LEAST_LABELS, labels_of, training_rows
from creditaudit.tables import CASE_EVENTS, CASES

if TYPE_CHECKING:
    from creditaudit.engines import Engine

N1, N2 = date(2026, 11, 1), date(2026, 11, 2)


def row(n: int, label: float | None, priority: float = 0.5, *, sampled: bool = False) -> dict[str, Any]:
    return {
        "case_id": f"C{n}",
        "priority": priority,
        "sampled": sampled,
        "label": label,
        "known_on": N1 if label is not None else None,
        "is_left_out": False,
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    kinds = {"priority": pa.float64(), "label": pa.float64(), "sampled": pa.bool_(), "is_left_out": pa.bool_()}
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
    }
    shared = {"episode": 1, "provider_code": "B01", "first_seen": N1, "priority": 0.5, "sampled": False}
    cases = [{**shared, "case_id": c, "subject": f"account:{c}", "state": s} for c, (s, _) in states.items()]
    cases.append(
        {**shared, "case_id": "OLD", "subject": "account:OLD", "state": "sent", "first_seen": date(2026, 1, 1)}
    )
    events = [
        {
            "night": N2,
            "case_id": c,
            "episode": 1,
            "event": "moved",
            "to_state": s.replace("reappeared", "correction_verified"),
        }
        for c, (s, _) in states.items()
    ]
    facts = [{"provider_code": "B01", "subject": case["subject"]} for case in cases]
    lives = [{"case_id": c, "episode": 1, "outcome": o} for c, (_, o) in states.items()]
    for name, rows, schema in (
        ("training_cases", cases, CASES),
        ("training_events", events, CASE_EVENTS),
        ("training_facts", facts, CASE_FACTS.schema),
        ("standing_case_life", lives, CASE_LIFE.schema),
    ):
        engine.load(name, pa.Table.from_pylist(rows, schema=schema))
    found = {r["case_id"]: r for r in training_rows(engine, N1).to_pylist()}
    assert {c: r["label"] for c, r in found.items()} == {"A": 1, "B": 0, "C": None, "D": None, "E": None, "F": 1}
    assert found["A"]["known_on"] == N2
    assert found["C"]["is_left_out"]


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
