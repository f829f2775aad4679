"""Clocks: when an answer or a correction is due, and who holds the ball (SPEC 8.4).

A clock is started once; its due date is kept with the case and never reckoned again, whatever becomes of the table or
of the calendar: its basis is frozen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.cases.working_days import LAST_DAY, add_working_days
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from creditaudit.engines import Engine

DayType = Literal["calendar", "working"]

OBJECTION_ANSWER: Final = "objection_answer"
HOUSE_ANSWER: Final = "house_answer"
HOUSE_CORRECTION: Final = "house_correction"

# Each clock and the event that starts it.
EVENTS: Final = {OBJECTION_ANSWER: "received_on", HOUSE_ANSWER: "sent", HOUSE_CORRECTION: "answer_taken"}
DAY_TYPES: Final = ("calendar", "working")
KINDS: Final = ("legal", "house")

# Who must move next; a closed case is nobody's.
BALL_HOLDERS: Final = {
    "lead": "house",
    "sent": "institution",
    "undetermined": "pboc_liaison",
    "correction_due": "institution",
    "correction_overdue": "institution",
}

_DAYS = re.compile("0*[1-9][0-9]{0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Clock:
    """One row of the reference table ``clocks``.

    Parameters
    ----------
    clock_id : str
        A key of ``EVENTS``.
    days : int
        Days that may pass, 1 or more.
    day_type : str
        ``calendar`` or ``working``.
    kind : str
        ``legal``: a law sets it; ``house``: a target of the house, printed as such.
    source : str or None
        What it rests on; None: not given.
    """

    clock_id: str
    days: int
    day_type: DayType
    kind: str
    source: str | None


def read_clocks(table: pa.Table) -> tuple[Clock, ...]:
    """Read the reference table ``clocks``, by clock_id.

    A table may lack a clock: that one is never started, and its cases have no due date.

    Parameters
    ----------
    table : pyarrow.Table
        As ``book.reference.read`` gives it.

    Raises
    ------
    UsageError
        An unknown or double clock_id, or an event, number of days, day type or kind that the clock cannot have.
    """
    clocks: dict[str, Clock] = {}
    for row in sorted(table.to_pylist(), key=lambda r: r["row"]):
        for column, words in (
            ("clock_id", tuple(EVENTS)),
            ("starts_on", (EVENTS.get(row["clock_id"], ""),)),
            ("day_type", DAY_TYPES),
            ("kind", KINDS),
        ):
            if row[column] not in words:
                raise _bad(row, column, f"{row[column] or 'an empty cell'} is none of {', '.join(words)}")
        if not _DAYS.fullmatch(row["days"] or ""):
            raise _bad(row, "days", "it is not a whole number of days, 1 or more")
        if row["clock_id"] in clocks:
            raise _bad(row, "clock_id", f"{row['clock_id']} stands twice")
        clocks[row["clock_id"]] = Clock(row["clock_id"], int(row["days"]), row["day_type"], row["kind"], row["source"])
    return tuple(clocks[clock_id] for clock_id in sorted(clocks))


def due_dates(starts: pa.Array, days: int, day_type: DayType) -> tuple[pa.Array, pa.Array]:
    """Return when ``days`` days after each start are over, and whether that may still change.

    The day of the start is not counted. A due date that falls on a day of rest stays there: SPEC 8.4 gives no other
    day, and an earlier one wrongs nobody.

    Parameters
    ----------
    starts : pyarrow.Array
        date32; NULL gives NULL.
    days : int
        1 or more.
    day_type : str
        ``calendar``, or ``working``: days of the official calendar, Monday to Friday in a year that has none.

    Returns
    -------
    due_on : pyarrow.Array
        date32, at most 9999-12-31.
    is_provisional : pyarrow.Array
        bool: working days of a year without a published calendar were counted.
    """
    known = starts.is_valid().to_numpy(zero_copy_only=False)
    first = pc.fill_null(starts.cast(pa.int32()), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends, provisional = first + days, np.zeros(len(first), dtype=bool)
    if day_type == "working":
        ends[known], provisional[known] = add_working_days(first[known], days)
    due = pa.array(np.minimum(ends, LAST_DAY).astype(np.int32), type=pa.int32(), mask=~known).cast(pa.date32())
    return due, pa.array(provisional, type=pa.bool_(), mask=~known)


def start_clocks(engine: Engine) -> None:
    """Make ``clock_dues``: the due date of every clock that starts tonight.

    Reads ``clocks`` (the night's copy of the reference table) and ``clock_starts`` (case_id, episode, clock_id,
    starts_on DATE: the day of the event).

    ``clock_dues`` has case_id, episode, clock_id, clock_from (DATE: starts_on), due_on (DATE), due_provisional
    (BOOLEAN), due_kind (``legal``, ``house``), sorted by case_id, episode, clock_id. A start without a day, or of a
    clock that the table lacks, has no row: that clock is not opened.

    Raises
    ------
    UsageError
        As :func:`read_clocks`.
    """
    parts = []
    for clock in read_clocks(engine.fetch("SELECT * FROM clocks")):
        found = engine.fetch(
            "SELECT case_id, episode, clock_id, CAST(starts_on AS DATE) AS clock_from FROM clock_starts"
            f" WHERE clock_id = '{clock.clock_id}' AND starts_on IS NOT NULL ORDER BY case_id, episode, starts_on"
        )
        due, provisional = due_dates(found["clock_from"].combine_chunks(), clock.days, clock.day_type)
        kind = pa.repeat(pa.scalar(clock.kind, pa.string()), found.num_rows)
        columns = [*found.columns, due, provisional, kind]
        parts.append(pa.table(columns, schema=_DUES))
    whole = pa.concat_tables([_DUES.empty_table(), *parts])
    engine.load("clock_dues", whole.sort_by([(c, "ascending") for c in ("case_id", "episode", "clock_id")]))


_DUES: Final = pa.schema(
    [
        ("case_id", pa.string()),
        ("episode", pa.int32()),
        ("clock_id", pa.string()),
        ("clock_from", pa.date32()),
        ("due_on", pa.date32()),
        ("due_provisional", pa.bool_()),
        ("due_kind", pa.string()),
    ]
)


def holder_sql(state: str) -> str:
    """Return SQL for who holds the ball in a state: ``house``, ``institution``, ``pboc_liaison``; NULL: nobody.

    Parameters
    ----------
    state : str
        SQL of the state, such as ``c.state``.
    """
    cases = " ".join(f"WHEN '{name}' THEN '{holder}'" for name, holder in BALL_HOLDERS.items())
    return f"CASE {state} {cases} END"


def days_left_sql(due_on: str, night: str) -> str:
    """Return SQL for the days from a night to a due date: BIGINT, 0 on the day itself, negative when late, NULL: none.

    Parameters
    ----------
    due_on, night : str
        SQL of two dates.
    """
    return f"CAST(epoch_day({due_on}) - epoch_day({night}) AS BIGINT)"


def overdue_sql(state: str, due_on: str, due_kind: str, night: str) -> str:
    """Return SQL for what an open case is late by: ``legal``, ``house``; NULL: it is not late.

    A case is late from the night after its due date. One that is ``correction_overdue`` stays late of the house's
    target, also where the legal clock of a newer objection still runs.

    Parameters
    ----------
    state, due_on, due_kind, night : str
        SQL of the state, its due date and kind, and the night.
    """
    return (
        f"CASE WHEN {due_on} < {night} THEN COALESCE({due_kind}, 'house')"
        f" WHEN {state} = 'correction_overdue' THEN 'house' END"
    )


def _bad(row: dict[str, object], column: str, why: str) -> UsageError:
    return UsageError(
        "a clock cannot be used",
        why=f"row {row['row']}: {why}",
        next_step="mend reference/clocks.csv in the book",
        where=Where("reference/clocks.csv", None, column),
    )
