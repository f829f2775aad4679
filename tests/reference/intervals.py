"""Closed intervals of whole seconds (SPEC 4, "Instant")."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LAST_SECOND_OF_DAY = time(23, 59, 59)


class Interval(NamedTuple):
    """``[start, end]``; instants compare by (from, to), which is the order of the tuple."""

    start: datetime
    end: datetime

    @property
    def day(self) -> date:
        """The one day this interval lies in (SPEC 4: every interval but ``visible`` lies within one day)."""
        return self.start.date()


def whole_day(day: date) -> Interval:
    """Return the interval of a date without a time."""
    return Interval(datetime.combine(day, time.min), datetime.combine(day, LAST_SECOND_OF_DAY))


def certainly_before(a: Interval, b: Interval) -> bool:
    """SPEC 4: ``a.to < b.from``."""
    return a.end < b.start


def certainly_after(a: Interval, b: Interval) -> bool:
    """SPEC 4: ``a.from > b.to``."""
    return a.start > b.end


def undecided(a: Interval, b: Interval) -> bool:
    """SPEC 4: neither certainly before nor certainly after."""
    return not certainly_before(a, b) and not certainly_after(a, b)
