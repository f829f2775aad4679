"""Days and instants as integers, and their spellings in a delivered file.

The spellings are those of the feeds' *date* and *instant* types; tables of them are built once and looked up.
"""

from functools import cache
from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT, Cells, Ints, Mask

_FIRST = int(np.datetime64("1900-01-01", "D").astype(np.int64))
_DAYS = int(np.datetime64("2200-01-01", "D").astype(np.int64)) - _FIRST
_FIRST_MONTH = int(np.datetime64("1900-01", "M").astype(np.int64))

# Spellings of "no end" on a card and of "nothing here", after the two blocks of ordinary days.
SPECIAL: Final = (b"", "长期".encode(), b"99991231", b"9999-12-31", b"00000000", b"1900-01-01")
EMPTY, LONG_TERM = range(2)
LONG_TERM_SPELLINGS: Final = (1, 2, 3, 4)

# How an instant is delivered. A file's own habit decides between DATE and COMPACT, and between SECOND and T_SECOND.
DATE, COMPACT, MINUTE, SECOND, T_SECOND, NOTHING = range(6)


def day_of(text: str) -> int:
    """Return the day number of an ISO date."""
    return int(np.datetime64(text, "D").astype(np.int64))


@cache
def date_table() -> Cells:
    """Return the spellings: all days with dashes, all days without, then `SPECIAL`."""
    dashed = np.datetime_as_string(np.arange(_DAYS) + np.datetime64("1900-01-01", "D")).astype("S10")
    digits = dashed.view("S1").reshape(_DAYS, 10)[:, [0, 1, 2, 3, 5, 6, 8, 9]]
    compact = np.ascontiguousarray(digits).view("S8").ravel().astype("S10")
    return np.concatenate([dashed, compact, np.array(SPECIAL, dtype="S10")])


@cache
def _minute_table() -> Cells:
    minutes = [f"{mark}{m // 60:02d}:{m % 60:02d}".encode() for mark in " T" for m in range(1440)]
    return np.array([*minutes, b""], dtype="S6")


@cache
def _second_table() -> Cells:
    return np.array([*(f":{s:02d}".encode() for s in range(60)), b""], dtype="S3")


def special(kind: int | Ints) -> int | Ints:
    """Return the index of a `SPECIAL` spelling in `date_table`."""
    return 2 * _DAYS + kind


def date_index(days: Ints, compact: Mask | None = None) -> Ints:
    """Return indexes into `date_table`; a missing day is the empty cell."""
    index: Ints = np.where(
        days == NO_DAY, special(EMPTY), days - _FIRST if compact is None else days - _FIRST + compact * _DAYS
    )
    return index


def date_cells(days: Ints, compact: Mask | None = None) -> Cells:
    """Spell days; `NO_DAY` gives the empty cell."""
    return date_table().take(date_index(days, compact))


def valid_to_cells(days: Ints, compact: Mask | None, spelling: Ints) -> Cells:
    """Spell the end of a card: `FAR` is one of `LONG_TERM_SPELLINGS` by `spelling` (0..3), `NO_DAY` empty."""
    index = date_index(np.where(days == FAR, 0, days), compact)
    return date_table().take(np.where(days == FAR, special(LONG_TERM) + spelling.astype(np.int64), index))


def instant_cells(instants: Ints, form: Ints) -> tuple[Cells, Cells, Cells]:
    """Spell instants in the given forms as three parts of one cell; `NO_INSTANT` gives the empty cell."""
    given = (instants != NO_INSTANT) & (form != NOTHING)
    day = instants // DAY_SECONDS
    second = instants - day * DAY_SECONDS
    minute = second // 60
    second -= minute * 60
    dates = date_index(np.where(given, day, NO_DAY), (form == COMPACT) & given)
    timed = given & (form >= MINUTE)
    minutes = np.where(timed, minute + 1440 * (form == T_SECOND), 2880)
    seconds = np.where(timed & (form != MINUTE), second, 60)
    return date_table().take(dates), _minute_table().take(minutes), _second_table().take(seconds)


def interval(instants: Ints, form: Ints) -> tuple[Ints, Ints]:
    """Return the closed interval of whole seconds that a delivered instant stands for.

    A missing instant gives an interval that is neither before nor after anything (`NO_INSTANT` to its negative).
    """
    unit = np.array([DAY_SECONDS, DAY_SECONDS, 60, 1, 1, 1], dtype=np.int64).take(form)
    start = instants // unit * unit
    gone = (instants == NO_INSTANT) | (form == NOTHING)
    return np.where(gone, NO_INSTANT, start), np.where(gone, -NO_INSTANT, start + unit - 1)


@cache
def _month_starts() -> Ints:
    months = np.arange(3601) + np.datetime64("1900-01", "M")
    return months.astype("datetime64[D]").astype(np.int64)


def add_months(days: Ints, months: Ints | int) -> Ints:
    """Return the same day of the month, `months` later, or the month's last day."""
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - _FIRST_MONTH
    starts = _month_starts()
    nth = days - starts.take(month)
    target = month + months
    last = starts.take(target + 1) - starts.take(target) - 1
    moved: Ints = starts.take(target) + np.minimum(nth, last)
    return moved


def years_between(earlier: Ints, later: Ints) -> Ints:
    """Return whole years from one day to another, by 365.25 days a year (a day's error is of no matter here)."""
    years: Ints = ((later - earlier) * 4 // 1461).astype(np.int64)
    return years
