"""What a recipient may see of an ID number, and what that leaves to guess (SPEC 10.2).

An ID number has 18 characters: six of area, eight of the day of birth, three of sequence, and a check character by ISO
7064 MOD 11-2 (source: GB 11643-1999).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from creditaudit.errors import UsageError, Where
from creditaudit.masking import USUAL, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORM = re.compile(r"([0-9]{1,2})\+([0-9]{1,2})", re.ASCII)
# Beyond seven characters shown, the check digit leaves few birth dates to guess: 6+4 leaves 3,313 (`left_to_guess`). No
# digit of the birth date is shown: 0+7 leaves 7 numbers for who knows the area.
MOST_SHOWN = 7
_MOST_FIRST, _MOST_LAST = 6, 4

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_AREA, _BIRTH, _SEQUENCE, _CHECK = range(6), range(6, 14), range(14, 17), 17
_MODULUS = 11
_LENGTH = 18
# Days of birth that come into question: a century, as lives last. Which one changes little.
_FIRST_BIRTH, _BIRTHS = "1925-01-01", 36_525

_Sums = npt.NDArray[np.int64]  # numbers of possible digits, by their weighted sum modulo 11


def read_mask(text: str | None, recipient: str) -> Mask:
    """Read a mask from the table of recipients (``3+4``; empty: ``3+4``).

    Raises
    ------
    UsageError
        Not of the form N+M, or it shows more than seven characters, or a digit of the birth date.
    """
    if not text:
        return USUAL
    found = _FORM.fullmatch(text)
    mask = Mask(int(found[1]), int(found[2])) if found else None
    why = _flaw(mask) if mask is not None else "it is not of the form N+M"
    if mask is None or why is not None:
        raise UsageError(
            "a recipient's id_mask cannot be used",
            why=str(why),
            next_step=f"give recipient {recipient} a mask such as 3+4 or 1+1",
            where=Where("reference/recipients.csv", column="id_mask"),
        )
    return mask


def _flaw(mask: Mask) -> str | None:
    if mask.first + mask.last > MOST_SHOWN:
        return f"it shows more than {MOST_SHOWN} characters: {guesses(mask)}"
    if mask.first > _MOST_FIRST or mask.last > _MOST_LAST:
        return f"it shows digits of the birth date: {guesses(mask)}"
    return None


def left_to_guess(mask: Mask, *, knows_area: bool = False, knows_birth: bool = False) -> int:
    """Return how many ID numbers fit what a mask shows, at the least: of the number that it gives away most.

    Parameters
    ----------
    mask : Mask
    knows_area, knows_birth : bool
        Whether whoever guesses has the area code, or the day of birth, from elsewhere.

    Returns
    -------
    int
        Numbers with a day of birth of one century, any sequence and the right check character. Any six digits are an
        area: whoever has a list of those in use guesses from about a three-hundredth as many, where all six are hidden.
    """
    shown = {*range(mask.first), *range(_LENGTH - mask.last, _LENGTH)}
    shown |= {*(_AREA if knows_area else ()), *(_BIRTH if knows_birth else ())}
    around = _joined(
        _free(place for place in _AREA if place not in shown), _free(p for p in _SEQUENCE if p not in shown)
    )
    fewest = 0
    for births in _births(frozenset(shown & {*_BIRTH})):
        sums = _joined(around, births)
        # Where the check character is shown, it tells the sum.
        numbers = int(sums[sums > 0].min()) if _CHECK in shown else int(sums.sum())
        fewest = min(fewest, numbers) if fewest else numbers
    return fewest


def guesses(mask: Mask) -> str:
    """Say in words what a mask leaves to guess."""
    bare, area = left_to_guess(mask), left_to_guess(mask, knows_area=True)
    birth, both = left_to_guess(mask, knows_birth=True), left_to_guess(mask, knows_area=True, knows_birth=True)
    return (
        f"at least {bare:,} numbers fit what is shown; {area:,} for who knows the area code, {birth:,} for who knows"
        f" the birth date, {both:,} for who knows both"
    )


def _free(places: Iterable[int]) -> _Sums:
    """Return the sums of digits that may be anything; digits that are shown only move the sums of all alike."""
    sums = np.zeros(_MODULUS, dtype=np.int64)
    sums[0] = 1
    for place in places:
        digits = np.bincount(np.arange(10) * _WEIGHTS[place] % _MODULUS, minlength=_MODULUS)
        sums = _joined(sums, digits)
    return sums


@lru_cache(maxsize=32)
def _births(shown: frozenset[int]) -> list[_Sums]:
    """Return the sums of the days of birth, one array for each way in which the shown ones of their digits can be."""
    digits = _days()
    sums = digits @ np.array([_WEIGHTS[place] for place in _BIRTH]) % _MODULUS
    looks = np.zeros(_BIRTHS, dtype=np.int64)
    for place in shown:
        looks = looks * 10 + digits[:, place - _BIRTH.start]
    _, groups = np.unique(looks, return_inverse=True)
    table = np.zeros((int(groups.max()) + 1, _MODULUS), dtype=np.int64)
    np.add.at(table, (groups, sums), 1)
    return list(np.unique(table, axis=0))


@lru_cache(maxsize=1)
def _days() -> _Sums:
    """Return the digits of all days of birth, one row per day."""
    days = np.datetime64(_FIRST_BIRTH) + np.arange(_BIRTHS)
    written = np.strings.replace(np.datetime_as_string(days, unit="D"), "-", "").astype("U8")
    return written.view("U1").reshape(_BIRTHS, len(_BIRTH)).astype(np.int64)


def _joined(one: _Sums, other: _Sums) -> _Sums:
    """Return the sums of two groups of digits together."""
    sums = np.zeros(_MODULUS, dtype=np.int64)
    for shift, count in enumerate(other):
        sums += np.roll(one, shift) * count
    return sums
