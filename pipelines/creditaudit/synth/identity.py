"""Citizen numbers: made, spelled and misspelt.

GB 11643: six digits of area, eight of birth, three of sequence, one check character by ISO 7064 MOD 11-2.
"""

from functools import cache
from math import gcd
from typing import Final

import numpy as np

from creditaudit.synth.arrays import Cells, Ints
from creditaudit.synth.calendars import date_table, day_of
from creditaudit.synth.vocabulary import AREAS

WIDTH: Final = 20
"""Bytes of a number's cell: 18, and room for a blank or a full-width last character."""

_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECKS: Final = np.array([c.encode() for c in "10X98765432"], dtype="S1")
_BORN_FROM = day_of("1946-01-01")
_BORN_DAYS = day_of("2008-01-01") - _BORN_FROM
# 000 is not given out and 996 to 999 are kept for centenarians (documented, section 2.1).
_SEQUENCES = 995
_SLOTS = len(AREAS) * _BORN_DAYS * _SEQUENCES

# How a number is delivered. LEGACY is the 15-digit form; the three BAD forms cannot be matched to the person.
PLAIN, LEGACY, BLANKS, LOOKALIKE, BAD_CHECK, BAD_DATE, BAD_FORM = range(7)


@cache
def _parts() -> tuple[Cells, Cells, Cells, Ints, Ints, Ints]:
    areas = np.array(AREAS, dtype="S6")
    first = _BORN_FROM - day_of("1900-01-01")
    dashed = date_table()[first : first + _BORN_DAYS]
    births = np.ascontiguousarray(dashed.view("S1").reshape(-1, 10)[:, [0, 1, 2, 3, 5, 6, 8, 9]]).view("S8").ravel()
    sequences = np.array([b"%03d" % (n + 1) for n in range(_SEQUENCES)], dtype="S3")
    sums = []
    for table, start in ((areas, 0), (births, 6), (sequences, 14)):
        values = table.view(np.uint8).reshape(len(table), -1).astype(np.int64) - ord("0")
        sums.append(values @ _WEIGHTS[start : start + values.shape[1]])
    return areas, births, sequences, sums[0], sums[1], sums[2]


def draw(persons: Ints, seed: int) -> tuple[Cells, Ints, Ints]:
    """Give each person, known by a running number, a citizen number of their own.

    An affine walk through all numbers of our areas, birth days and sequences visits each once, so no two
    persons of one run share a number however many chunks they come in.

    Returns
    -------
    Numbers (`WIDTH` bytes wide), birth days, index of the area in `AREAS`.
    """
    step = int(_SLOTS * 0.6180339887)
    while gcd(step, _SLOTS) != 1:
        step += 1
    start = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) % _SLOTS
    slots = (persons.astype(np.int64) * step + start) % _SLOTS
    area = slots // (_BORN_DAYS * _SEQUENCES)
    birth = slots // _SEQUENCES % _BORN_DAYS
    sequence = slots % _SEQUENCES
    areas, births, sequences, area_sum, birth_sum, sequence_sum = _parts()
    check = (area_sum.take(area) + birth_sum.take(birth) + sequence_sum.take(sequence)) % 11
    out = np.zeros(len(slots), dtype=[("a", "S6"), ("b", "S8"), ("s", "S3"), ("c", "S1"), ("pad", "S2")])
    out["a"], out["b"], out["s"] = areas.take(area), births.take(birth), sequences.take(sequence)
    out["c"] = _CHECKS.take(check)
    return out.view(f"S{WIDTH}"), birth + _BORN_FROM, area


def respell(numbers: Cells, form: Ints) -> Cells:
    """Spell plain numbers in the given forms.

    Parameters
    ----------
    numbers
        Plain, `WIDTH` wide. Those that become `LEGACY` must belong to persons born before 2000.
    form
        One of the forms of this module per number.
    """
    spelled = []
    for raw, kind in zip(numbers.tolist(), form.tolist(), strict=True):
        number: str = raw.decode()
        last = number[-1]
        if kind == LEGACY:
            number = number[:6] + number[8:17]
        elif kind == BLANKS:
            number = f"{number[:6]} {number[6:14]} {number[14:]}"
        elif kind == LOOKALIKE:
            number = number[:-1] + ("x" if last == "X" and number[5] in "02468" else chr(ord(last) + 0xFEE0))
        elif kind == BAD_CHECK:
            number = number[:-1] + str((ord(last) + 1) % 10)
        elif kind == BAD_DATE:
            number = number[:10] + "13" + number[12:]
        elif kind == BAD_FORM:
            number = number[:16]
        spelled.append(number.encode())
    return np.array(spelled, dtype=f"S{WIDTH}")
