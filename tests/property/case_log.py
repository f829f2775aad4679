"""What must hold of the log of moves, whatever the model says (SPEC 8.1, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Row = Mapping[str, Any]
Rows = Mapping[tuple[str, int], Row]  # (case_id, episode) to the published row
Events = set[tuple[object, ...]]


def check_log(night: date, told: Sequence[Row], seen: Events, before: Rows, rows: Rows) -> Events:
    """Every move has its proof and is in the log; the log only grows. Returns what it says by now."""
    events = {tuple(row.values()) for row in told}
    assert len(events) == len(told)
    assert seen <= events, "the log lost what it said"
    assert all(row["night"] == night for row in told if tuple(row.values()) not in seen)
    moves: dict[tuple[str, int], list[tuple[Any, Any]]] = {}
    for row in told:
        if row["night"] == night and row["from_state"] != row["to_state"]:
            assert row["proof"], f"a move without proof: {row}"
            moves.setdefault((str(row["case_id"]), int(str(row["episode"]))), []).append(
                (row["from_state"], row["to_state"])
            )
    for key, row in rows.items():
        earlier = rows.get((key[0], key[1] - 1))  # a case that wakes goes on from where its last episode ended
        was = before[key]["state"] if key in before else earlier and earlier["state"]
        path, steps = was, list(moves.get(key, []))
        while steps:
            step = next((s for s in steps if s[0] == path), None)
            assert step is not None, f"{key}: {was} to {row['state']} by {moves[key]}"
            steps.remove(step)
            path = step[1]
        assert path == row["state"], f"{key}: {was} to {row['state']} by {moves.get(key)}"
    return events
