"""Cases against the slow reference: what names each, on the same random hostile deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.runs import Judged, Run, assert_same, records
from reference.expected import DUTY, KNOWABLE, PERFORMED
from reference.expected import FAULT as FAULTS
from reference.hostile import FIXED_SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable

TIER = ("provider_code", "account_code", "subject", "tier", "verdict")
FAULT = ("provider_code", "subject", "knowable", "duty", "duty_source", "performed", "fault")
CLOSED = frozenset({"holder_confirmed", "correction_verified", "withdrawn", "reappeared"})


def standing_cases(night: Judged) -> list[dict[str, Any]]:
    """Return the open cases that have findings standing tonight.

    Where a rename joins two accounts that both have a case, the older one goes on. Nobody answers here, so an episode
    that another one follows is a closed one.
    """
    standing = {(row["provider_code"], row["subject"]) for row in night.place.rows(night.night, "findings")}
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    rows = [row for row in night.place.rows(night.night, "cases") if row["state"] not in CLOSED]
    for row in sorted(rows, key=lambda row: (row["first_seen"], row["case_id"])):
        key = (row["provider_code"], row["subject"])
        if key in standing:
            found.setdefault(key, row)
    return list(found.values())


def test_the_strongest_finding_names_a_case(run: Run) -> None:
    """SPEC 6, end: tier and verdict of every case whose findings stand tonight."""
    for night in run.nights:
        ours = records(standing_cases(night), TIER)
        assert_same(run, night.night, ours, records(night.expected.cases(night.rules), TIER), TIER)


def test_the_fault_lane_decides_alike(run: Run) -> None:
    """SPEC 7: knowable, duty with its source, performed and fault of every case whose findings stand tonight."""
    for night in run.nights:
        ours = records(standing_cases(night), FAULT)
        assert_same(run, night.night, ours, records(night.expected.cases(night.rules), FAULT), FAULT)


def test_the_fixed_seeds_hold_every_answer(judged: Callable[[int], Run]) -> None:
    """A comparison of what never occurs proves nothing: each value of the four columns must occur in the program's."""
    rows = [case for seed in FIXED_SEEDS for night in judged(seed).nights for case in standing_cases(night)]
    assert {row["knowable"] for row in rows} == KNOWABLE
    assert {row["duty"] for row in rows} == DUTY
    assert {row["performed"] for row in rows} == PERFORMED
    assert {row["fault"] for row in rows} == FAULTS
