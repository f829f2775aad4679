"""Working days by the official calendar of China, weekends that are worked (调休) among them (SPEC 8.4).

The calendar is that of the locked release of ``chinesecalendar``: the yearly notices of the State Council.
A year whose notice it does not hold counts Monday to Friday. Nothing here asks what day it is.
"""

from __future__ import annotations

import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from chinese_calendar.constants import holidays, workdays

if TYPE_CHECKING:
    from collections.abc import Collection

Days = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# Days are counted from 1970-01-01, a Thursday; 9999-12-31 is the last that a date can be.
LAST_DAY: Final = (datetime.date.max - datetime.date(1970, 1, 1)).days
_DAYS_OF_WEEK: Final = 7
_WORKED: Final = 5
_THURSDAY: Final = 3
_EPOCH: Final = datetime.date(1970, 1, 1)


@cache
def published_years() -> frozenset[int]:
    """Return the years whose calendar is published: a year is when its National Day is in it.

    A few days of January can be in the notice of the year before; they publish no calendar of their year.
    """
    return frozenset(day.year for day in holidays if (day.month, day.day) == (10, 1))


def add_working_days(starts: Days, days: int) -> tuple[Days, Flags]:
    """Return the last of ``days`` working days after each start, and whether a year without a calendar was counted.

    Parameters
    ----------
    starts : array of int64
        Days since 1970-01-01. The start itself is not counted, working day or not.
    days : int
        Working days, 1 or more.

    Returns
    -------
    ends : array of int64
        At most 9999-12-31, the last day that a date can be.
    is_provisional : array of bool
        Some day from the one after the start to the end lies in a year without a published calendar.
    """
    if not len(starts):
        return starts, np.zeros(0, dtype=bool)
    first, last = int(starts.min()), int(starts.max())
    # The official calendar has at least 230 working days a year; 60 more for long holidays around the turn of a year.
    reach = min(last + days * 365 // 230 + 60, LAST_DAY)
    working = _working_days(first, reach)
    place = np.searchsorted(working, starts, side="right") + days - 1
    beyond = place >= len(working)
    ends = np.where(beyond, LAST_DAY, working[np.minimum(place, len(working) - 1)] if len(working) else LAST_DAY)
    return ends, _touches_unpublished(starts + 1, ends)


def _working_days(first: int, last: int) -> Days:
    """Return the working days from ``first`` to ``last``, in order."""
    every = np.arange(first, last + 1, dtype=np.int64)
    is_working = (every + _THURSDAY) % _DAYS_OF_WEEK < _WORKED
    for changed, works in ((_published(holidays), False), (_published(workdays), True)):
        inside = changed[(changed >= first) & (changed <= last)]
        is_working[inside - first] = works
    return every[is_working]


def _published(days: Collection[datetime.date]) -> Days:
    known = published_years()
    return np.array([(day - _EPOCH).days for day in days if day.year in known], dtype=np.int64)


def _touches_unpublished(first: Days, last: Days) -> Flags:
    """Say for each stretch of days whether it has a day of a year without a published calendar."""
    years_from, years_to = _years(first), _years(last)
    low, high = int(years_from.min()), int(years_to.max())
    known = published_years()
    unknown = np.cumsum([0, *(year not in known for year in range(low, high + 1))])
    return unknown[years_to - low + 1] > unknown[years_from - low]


def _years(days: Days) -> Days:
    return np.minimum(days, LAST_DAY).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
